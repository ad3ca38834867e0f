// What the statements of the product do to the tables, written from the contract and not from their SQL. The test
// `database.test.ts` holds both against each other.
import type { AgentId, ContactId, ConversationEventKind, ConversationId, MessageId } from "@presszero/contracts";
import type { CommitResult, MessageRow } from "../../apps/server/src/modules/conversations/message-writer.ts";
import type { Mark, MarkRow as MarkInput } from "../../apps/server/src/modules/conversations/mark-writer.ts";
import { isPublicKind } from "../../apps/server/src/modules/conversations/rules.ts";
import {
  type ConversationRow,
  type EventRow,
  keyOf,
  type MarkRow,
  mergedMark,
  noWrites,
  type Person,
  type StoredMessageRow,
  type Tables,
  type Writes,
} from "./tables.ts";

export type Plan<Result> = { results: Result; writes: Writes };

/** Conversations in the making: the stored row until the transaction has changed it. */
function draft(tables: Tables) {
  const changed = new Map<string, ConversationRow>();
  return {
    find: (key: string) => changed.get(key) ?? tables.conversations.get(key),
    put: (row: ConversationRow) => void changed.set(keyOf(row.companyId, row.id), row),
    rows: () => [...changed.values()],
  };
}

/**
 * The commit rule for a batch (`commit_messages`). `held`: the conversations that the transaction has locked; the others
 * are busy. No client id may be in it twice.
 */
export function planMessages(
  tables: Tables,
  rows: readonly MessageRow[],
  held: ReadonlySet<string>,
  at: Date,
): Plan<CommitResult[]> {
  const writes = noWrites();
  const conversations = draft(tables);

  for (const row of rows) {
    const key = keyOf(row.companyId, row.conversationId);
    const conversation = conversations.find(key);
    if (conversation === undefined || !held.has(key) || conversation.status === "open") continue;
    const isFresh = !tables.clientIds.has(keyOf(row.companyId, row.deviceId, row.clientId));
    // The customer who writes opens the conversation again, before the first message of the batch.
    if (row.authorType !== "contact" || !mayWrite(tables, row, conversation) || !isFresh) continue;
    const opened: ConversationRow = {
      ...conversation,
      status: "open",
      seq: conversation.seq + 1,
      publicSeq: conversation.publicSeq + 1,
    };
    conversations.put(opened);
    writes.events.push({
      ...laneOf(opened, "conversation.reopened", at),
      isPublic: true,
      actorType: "contact",
      actorId: row.authorId,
      refId: null,
      data: {},
    });
  }

  const results = rows.map((row): CommitResult => {
    const known = tables.clientIds.get(keyOf(row.companyId, row.deviceId, row.clientId));
    if (known !== undefined) return isSameMessage(known, row) ? placed("duplicate", known) : { outcome: "conflict" };
    const key = keyOf(row.companyId, row.conversationId);
    const conversation = conversations.find(key);
    if (conversation === undefined || !mayWrite(tables, row, conversation)) return { outcome: "not_found" };
    if (!held.has(key)) return { outcome: "busy" };
    if (conversation.status === "closed" && row.kind !== "note") return { outcome: "closed" };
    if (row.replyTo !== null && !mayAnswer(tables, row)) return { outcome: "no_target" };

    const isPublic = row.kind !== "note";
    const fromContact = row.authorType === "contact";
    const seq = conversation.seq + 1;
    const publicSeq = conversation.publicSeq + (isPublic ? 1 : 0);
    conversations.put({
      ...conversation,
      seq,
      publicSeq,
      contactMessages: conversation.contactMessages + (fromContact ? 1 : 0),
      businessMessages: conversation.businessMessages + (!fromContact && isPublic ? 1 : 0),
      lastMessageId: row.messageId,
      lastPublicMessageId: isPublic ? row.messageId : conversation.lastPublicMessageId,
      activityAt: at,
      publicActivityAt: isPublic ? at : conversation.publicActivityAt,
    });
    const stored: StoredMessageRow = {
      companyId: row.companyId as ConversationRow["companyId"],
      id: row.messageId,
      conversationId: row.conversationId,
      seq,
      publicSeq,
      deviceId: row.deviceId,
      clientId: row.clientId,
      bodyHash: row.bodyHash,
      authorType: row.authorType as StoredMessageRow["authorType"],
      authorId: row.authorId,
      kind: row.kind,
      text: row.text,
      content: row.content,
      replyToId: row.replyTo,
      revision: 0,
      editedAt: null,
      deletedAt: null,
      reactions: [],
      createdAt: at,
    };
    writes.messages.push(stored);
    writes.events.push({
      companyId: stored.companyId,
      conversationId: stored.conversationId,
      seq,
      publicSeq,
      isPublic,
      type: "message.created",
      actorType: stored.authorType,
      actorId: stored.authorId,
      refId: stored.id,
      data: {},
      createdAt: at,
    });
    return placed("ok", stored);
  });

  writes.conversations = conversations.rows();
  return { results, writes };
}

function placed(outcome: "ok" | "duplicate", message: StoredMessageRow): CommitResult {
  const { id, conversationId, seq, publicSeq, createdAt } = message;
  return { outcome, messageId: id, conversationId, seq, publicSeq, createdAt };
}

const isSameMessage = (known: StoredMessageRow, row: MessageRow) =>
  known.bodyHash.equals(row.bodyHash) && known.conversationId === row.conversationId && known.authorId === row.authorId;

function mayWrite(tables: Tables, row: MessageRow, conversation: ConversationRow): boolean {
  if (row.authorType === "contact")
    return conversation.contactId === row.authorId && (row.kind === "text" || row.kind === "answer");
  return tables.people.has(keyOf(row.companyId, row.authorId));
}

/** Of the same conversation, and for whoever reads the answer to see; forms are what is filled in. */
function mayAnswer(tables: Tables, row: MessageRow): boolean {
  const target = tables.messages.get(keyOf(row.companyId, row.replyTo!));
  if (target?.conversationId !== row.conversationId) return false;
  return (row.kind === "note" || target.kind !== "note") && (row.kind !== "answer" || target.kind === "form");
}

function laneOf(conversation: ConversationRow, type: ConversationEventKind, at: Date) {
  const { companyId, id, seq, publicSeq } = conversation;
  return { companyId, conversationId: id, seq, publicSeq, type, createdAt: at };
}

/** `merge_marks`: what moves, as it is stored then. */
export function planMarks(tables: Tables, inputs: readonly MarkInput[]): Plan<(MarkRow & Mark)[]> {
  const writes = noWrites();
  const asked = new Map<string, MarkInput>();
  for (const input of inputs) {
    const key = keyOf(input.companyId, input.conversationId, input.readerId);
    const before = asked.get(key);
    asked.set(key, {
      ...input,
      delivered: Math.max(input.delivered, input.read, before?.delivered ?? 0),
      read: Math.max(input.read, before?.read ?? 0),
    });
  }
  const results: MarkRow[] = [];
  for (const [key, input] of asked) {
    const conversation = tables.conversations.get(keyOf(input.companyId, input.conversationId));
    if (conversation === undefined) continue;
    const isContact = input.readerType === "contact";
    if (isContact && conversation.contactId !== input.readerId) continue;
    const lane = tables.events.get(keyOf(input.companyId, input.conversationId)) ?? [];
    const head = isContact ? conversation.publicSeq : conversation.seq;
    const delivered = inBothLanes(lane, isContact, Math.min(input.delivered, head));
    const read = inBothLanes(lane, isContact, Math.min(input.read, head));
    const row: MarkRow = {
      companyId: conversation.companyId,
      conversationId: conversation.id,
      readerType: input.readerType as MarkRow["readerType"],
      readerId: input.readerId,
      deliveredSeq: delivered.seq,
      deliveredPublicSeq: delivered.publicSeq,
      readSeq: read.seq,
      readPublicSeq: read.publicSeq,
      seen: lane.filter((event) => event.seq <= read.seq && isFromOther(event, isContact)).length,
    };
    const before = tables.marks.get(key);
    if (before && row.deliveredSeq <= before.deliveredSeq && row.readSeq <= before.readSeq) continue;
    writes.marks.push(row);
    results.push(mergedMark(before, row));
  }
  return { results, writes };
}

/** A position in the reader's lane, as the event that stands there has it in both. */
function inBothLanes(
  lane: readonly EventRow[],
  isContact: boolean,
  position: number,
): { seq: number; publicSeq: number } {
  const event = lane.find((candidate) =>
    isContact ? candidate.isPublic && candidate.publicSeq === position : candidate.seq === position,
  );
  return event ?? { seq: 0, publicSeq: 0 };
}

const isFromOther = (event: EventRow, isContact: boolean) =>
  event.type === "message.created" && event.isPublic && (event.actorType === "contact") !== isContact;

/** A customer starts a conversation with its first message. */
export function planStart(tables: Tables, contactId: ContactId, row: MessageRow, at: Date): Plan<CommitResult> {
  const known = tables.clientIds.get(keyOf(row.companyId, row.deviceId, row.clientId));
  if (known !== undefined) {
    const isSame = known.bodyHash.equals(row.bodyHash) && known.authorId === row.authorId;
    return { results: isSame ? placed("duplicate", known) : { outcome: "conflict" }, writes: noWrites() };
  }
  const conversation: ConversationRow = {
    companyId: row.companyId as ConversationRow["companyId"],
    id: row.conversationId,
    contactId,
    status: "open",
    assigneeId: null,
    seq: 1,
    publicSeq: 1,
    contactMessages: 0,
    businessMessages: 0,
    lastMessageId: null,
    lastPublicMessageId: null,
    startedAt: at,
    activityAt: at,
    publicActivityAt: at,
  };
  const key = keyOf(row.companyId, row.conversationId);
  const started = {
    ...laneOf(conversation, "conversation.started", at),
    isPublic: true,
    actorType: "contact" as const,
    actorId: contactId,
    refId: null,
    data: { channel: "web" },
  };
  const inside = { ...tables, conversations: new Map([[key, conversation]]) };
  const { results, writes } = planMessages(inside, [row], new Set([key]), at);
  return { results: results[0]!, writes: { ...writes, events: [started, ...writes.events] } };
}

export type StaffChange = { to: "closed" } | { to: "open" } | { to: "assigned"; assignee: Person | null };

/** Close, reopen, assign: null when there is nothing to change. */
export function planChange(
  tables: Tables,
  companyId: string,
  id: ConversationId,
  by: Person,
  change: StaffChange,
  at: Date,
): Plan<EventRow["type"] | null> {
  const none = { results: null, writes: noWrites() };
  const conversation = tables.conversations.get(keyOf(companyId, id));
  if (conversation === undefined) return none;
  const kinds = {
    closed: "conversation.closed",
    open: "conversation.reopened",
    assigned: "conversation.assigned",
  } as const;
  const type = kinds[change.to];
  const assigneeId = change.to === "assigned" ? ((change.assignee?.id ?? null) as AgentId | null) : null;
  if (change.to === "assigned" ? conversation.assigneeId === assigneeId : conversation.status === change.to)
    return none;
  const isPublic = isPublicKind(type);
  const next: ConversationRow = {
    ...conversation,
    seq: conversation.seq + 1,
    publicSeq: conversation.publicSeq + (isPublic ? 1 : 0),
    ...(change.to === "assigned" ? { assigneeId } : { status: change.to }),
  };
  const assignee =
    change.to === "assigned" && change.assignee ? { id: change.assignee.id, name: change.assignee.name } : null;
  const event = {
    ...laneOf(next, type, at),
    isPublic,
    actorType: by.type,
    actorId: by.id,
    refId: null,
    data: change.to === "assigned" ? { assignee } : {},
  };
  return { results: type, writes: { ...noWrites(), conversations: [next], events: [event] } };
}

export type MessageChange =
  | { change: "edited"; text: string }
  | { change: "deleted" }
  | { change: "reacted"; emoji: string; on: boolean };

/** Edit, delete, react: the seq of the event, null when it was so already, or why it may not be. */
export function planMessageChange(
  tables: Tables,
  by: Person,
  conversationId: ConversationId,
  messageId: MessageId,
  change: MessageChange,
  at: Date,
): Plan<number | null | "NOT_FOUND" | "FORBIDDEN" | "MESSAGE_DELETED"> {
  const none = <R>(results: R) => ({ results, writes: noWrites() });
  const conversation = tables.conversations.get(keyOf(by.companyId, conversationId));
  const message = tables.messages.get(keyOf(by.companyId, messageId));
  const isContact = by.type === "contact";
  if (conversation === undefined || (isContact && conversation.contactId !== by.id)) return none("NOT_FOUND");
  if (message?.conversationId !== conversationId || (isContact && message.kind === "note")) return none("NOT_FOUND");
  const changed = changedMessage(message, by, change, at);
  if (typeof changed === "string") return none(changed);
  if (changed === null) return none(null);
  const isPublic = message.kind !== "note";
  const next: ConversationRow = {
    ...conversation,
    seq: conversation.seq + 1,
    publicSeq: conversation.publicSeq + (isPublic ? 1 : 0),
  };
  const event = {
    ...laneOf(next, "message.changed", at),
    isPublic,
    actorType: by.type,
    actorId: by.id,
    refId: messageId,
    data: { change: change.change },
  };
  const row = { ...changed, revision: message.revision + 1 };
  return { results: next.seq, writes: { ...noWrites(), conversations: [next], changed: [row], events: [event] } };
}

function changedMessage(
  message: StoredMessageRow,
  by: Person,
  change: MessageChange,
  at: Date,
): StoredMessageRow | null | "FORBIDDEN" | "MESSAGE_DELETED" {
  switch (change.change) {
    case "edited":
      if (message.authorId !== by.id) return "FORBIDDEN";
      if (message.deletedAt) return "MESSAGE_DELETED";
      if (message.kind !== "text" && message.kind !== "note") return "FORBIDDEN";
      return message.text === change.text ? null : { ...message, text: change.text, editedAt: at };
    case "deleted":
      if (message.authorId !== by.id && by.type === "contact") return "FORBIDDEN";
      return message.deletedAt ? null : { ...message, text: "", content: null, reactions: [], deletedAt: at };
    case "reacted": {
      if (change.on && message.deletedAt) return "MESSAGE_DELETED";
      const isIt = (one: StoredMessageRow["reactions"][number]) => one.emoji === change.emoji && one.authorId === by.id;
      if (message.reactions.some(isIt) === change.on) return null;
      const others = message.reactions.filter((one) => !isIt(one));
      const mine = { emoji: change.emoji, authorType: by.type, authorId: by.id };
      return { ...message, reactions: change.on ? [...others, mine] : others };
    }
  }
}
