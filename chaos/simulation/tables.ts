// The tables of the simulated database: what migrations 0003 and 0004 create, as far as conversations need it.
import type {
  AgentId,
  Author,
  CompanyId,
  ContactId,
  ConversationEventKind,
  ConversationId,
  MessageContent,
  MessageId,
  MessageKind,
} from "@presszero/contracts";

export type ConversationRow = {
  companyId: CompanyId;
  id: ConversationId;
  contactId: ContactId;
  status: "open" | "closed";
  assigneeId: AgentId | null;
  seq: number;
  publicSeq: number;
  contactMessages: number;
  businessMessages: number;
  lastMessageId: MessageId | null;
  lastPublicMessageId: MessageId | null;
  startedAt: Date;
  activityAt: Date;
  publicActivityAt: Date;
};

export type StoredMessageRow = {
  companyId: CompanyId;
  id: MessageId;
  conversationId: ConversationId;
  seq: number;
  publicSeq: number;
  deviceId: string;
  clientId: string;
  bodyHash: Buffer;
  authorType: Author["type"];
  authorId: string;
  kind: MessageKind;
  text: string;
  content: MessageContent | null;
  replyToId: MessageId | null;
  revision: number;
  editedAt: Date | null;
  deletedAt: Date | null;
  /** In the order in which they were put. */
  reactions: { emoji: string; authorType: Author["type"]; authorId: string }[];
  createdAt: Date;
};

export type EventRow = {
  companyId: CompanyId;
  conversationId: ConversationId;
  seq: number;
  publicSeq: number;
  isPublic: boolean;
  type: ConversationEventKind;
  actorType: Author["type"];
  actorId: string;
  refId: MessageId | null;
  data: Record<string, unknown>;
  createdAt: Date;
  /** The transaction that wrote it. */
  xid: number;
};

export type MarkRow = {
  companyId: CompanyId;
  conversationId: ConversationId;
  readerType: Author["type"];
  readerId: string;
  deliveredSeq: number;
  deliveredPublicSeq: number;
  readSeq: number;
  readPublicSeq: number;
  seen: number;
};

export type Person = { companyId: CompanyId; type: "agent" | "contact"; id: string; name: string | null };

/** What is committed. Rows are never changed in place: a commit puts new ones. */
export type Tables = {
  people: Map<string, Person>;
  conversations: Map<string, ConversationRow>;
  messages: Map<string, StoredMessageRow>;
  /** The unique index of the client ids. */
  clientIds: Map<string, StoredMessageRow>;
  /** By conversation, in order of seq. */
  events: Map<string, EventRow[]>;
  /** All events in the order in which they were committed. */
  log: EventRow[];
  marks: Map<string, MarkRow>;
};

/** What one transaction adds and changes. */
export type Writes = {
  conversations: ConversationRow[];
  messages: StoredMessageRow[];
  /** Messages that were there and are otherwise now. */
  changed: StoredMessageRow[];
  events: Omit<EventRow, "xid">[];
  marks: MarkRow[];
};

export const noWrites = (): Writes => ({ conversations: [], messages: [], changed: [], events: [], marks: [] });

export const keyOf = (...parts: string[]) => parts.join(" ");

export function emptyTables(): Tables {
  return {
    people: new Map(),
    conversations: new Map(),
    messages: new Map(),
    clientIds: new Map(),
    events: new Map(),
    log: [],
    marks: new Map(),
  };
}

/** Rows are never changed in place, so they need no copies. */
export function copyOf(tables: Tables): Tables {
  return {
    people: new Map(tables.people),
    conversations: new Map(tables.conversations),
    messages: new Map(tables.messages),
    clientIds: new Map(tables.clientIds),
    events: new Map([...tables.events].map(([key, lane]) => [key, [...lane]])),
    log: [...tables.log],
    marks: new Map(tables.marks),
  };
}

export function applyWrites(tables: Tables, writes: Writes, xid: number, merge: typeof mergedMark): void {
  for (const row of writes.conversations) tables.conversations.set(keyOf(row.companyId, row.id), row);
  for (const row of [...writes.messages, ...writes.changed]) {
    tables.messages.set(keyOf(row.companyId, row.id), row);
    tables.clientIds.set(keyOf(row.companyId, row.deviceId, row.clientId), row);
  }
  for (const row of writes.events) {
    const event = { ...row, xid };
    const key = keyOf(row.companyId, row.conversationId);
    const lane = tables.events.get(key);
    if (lane) lane.push(event);
    else tables.events.set(key, [event]);
    tables.log.push(event);
  }
  for (const row of writes.marks) {
    const key = keyOf(row.companyId, row.conversationId, row.readerId);
    tables.marks.set(key, merge(tables.marks.get(key), row));
  }
}

/** SR9: every column by itself keeps its maximum. */
export function mergedMark(before: MarkRow | undefined, row: MarkRow): MarkRow {
  if (before === undefined) return row;
  return {
    ...row,
    deliveredSeq: Math.max(before.deliveredSeq, row.deliveredSeq),
    deliveredPublicSeq: Math.max(before.deliveredPublicSeq, row.deliveredPublicSeq),
    readSeq: Math.max(before.readSeq, row.readSeq),
    readPublicSeq: Math.max(before.readPublicSeq, row.readPublicSeq),
    seen: Math.max(before.seen, row.seen),
  };
}
