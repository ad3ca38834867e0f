// What the server reads of the simulated database: the queries of the views of conversations and gateway, over tables.
import {
  type AgentId,
  type Author,
  type ContactId,
  type Conversation,
  type ConversationId,
  type EventsPage,
  type MyConversation,
  previewOf,
} from "@presszero/contracts";
import type { Side } from "../../apps/server/src/modules/conversations/rules.ts";
import type { FeedEntry, LaneHead } from "../../apps/server/src/modules/conversations/views.ts";
import {
  type LaneEvent,
  laneSeq,
  type StoredMessage,
  toWire,
} from "../../apps/server/src/modules/conversations/wire.ts";
import {
  type ConversationRow,
  type EventRow,
  keyOf,
  type MarkRow,
  type Person,
  type StoredMessageRow,
  type Tables,
} from "./tables.ts";

export const sideOf = (reader: Pick<Person, "type">): Side => (reader.type === "contact" ? "contact" : "business");

function marksOf(tables: Tables, conversation: ConversationRow): MarkRow[] {
  const prefix = `${keyOf(conversation.companyId, conversation.id)} `;
  return [...tables.marks].filter(([key]) => key.startsWith(prefix)).map(([, row]) => row);
}

/** The marks as a reader is told, in the reader's lane. */
function marksFor(tables: Tables, conversation: ConversationRow, reader: Person) {
  const isStaff = sideOf(reader) === "business";
  const marks = marksOf(tables, conversation);
  const mine = marks.find((row) => row.readerId === reader.id);
  const others = marks.filter((row) => (row.readerType === "contact") === isStaff);
  return {
    myRead: (isStaff ? mine?.readSeq : mine?.readPublicSeq) ?? 0,
    mySeen: mine?.seen ?? 0,
    otherDelivered: Math.max(0, ...others.map((row) => (isStaff ? row.deliveredSeq : row.deliveredPublicSeq))),
    otherRead: Math.max(0, ...others.map((row) => (isStaff ? row.readSeq : row.readPublicSeq))),
  };
}

function authorOf(tables: Tables, companyId: string, type: Author["type"], id: string): Author {
  return { type, id, name: tables.people.get(keyOf(companyId, id))?.name ?? null };
}

export function findHead(tables: Tables, reader: Person, id: ConversationId): LaneHead | null {
  const conversation = tables.conversations.get(keyOf(reader.companyId, id));
  if (conversation === undefined) return null;
  if (reader.type === "contact" && conversation.contactId !== reader.id) return null;
  const { myRead, otherDelivered, otherRead } = marksFor(tables, conversation, reader);
  const { contactId, seq, publicSeq } = conversation;
  return { conversationId: id, contactId, seq, publicSeq, myRead, otherDelivered, otherRead };
}

export type Range = { after?: number | undefined; before?: number | undefined; limit: number };

export function listEvents(
  tables: Tables,
  companyId: string,
  side: Side,
  id: ConversationId,
  range: Range,
): LaneEvent[] {
  const { after, before, limit } = range;
  const lane = (tables.events.get(keyOf(companyId, id)) ?? []).filter((event) => {
    const place = laneSeq(event, side);
    if (side === "contact" && !event.isPublic) return false;
    return (after === undefined || place > after) && (before === undefined || place < before);
  });
  const part = after === undefined ? lane.slice(-limit) : lane.slice(0, limit);
  return part.map((event) => toLaneEvent(tables, event));
}

export function toLaneEvent(tables: Tables, event: EventRow): LaneEvent {
  const { companyId, conversationId, seq, publicSeq, isPublic, type, createdAt, data, refId } = event;
  const message = refId === null ? undefined : tables.messages.get(keyOf(companyId, refId));
  return {
    companyId,
    conversationId,
    seq,
    publicSeq,
    isPublic,
    kind: type,
    by: authorOf(tables, companyId, event.actorType, event.actorId),
    at: createdAt,
    data,
    message: message ? toStored(tables, message) : null,
  };
}

function toStored(tables: Tables, row: StoredMessageRow): StoredMessage {
  const { companyId, id, seq, publicSeq, clientId, kind, text, content, revision } = row;
  const target = row.replyToId === null ? undefined : tables.messages.get(keyOf(companyId, row.replyToId));
  const author = (one: { authorType: Author["type"]; authorId: string }) =>
    authorOf(tables, companyId, one.authorType, one.authorId);
  const emojis = [...new Set(row.reactions.map(({ emoji }) => emoji))];
  return {
    id,
    seq,
    publicSeq,
    clientId,
    author: author(row),
    kind,
    text,
    content,
    replyTo: target
      ? { id: target.id, author: author(target), text: target.deletedAt ? null : previewOf(target.text) }
      : null,
    reactions: emojis.map((emoji) => ({
      emoji,
      by: row.reactions.filter((one) => one.emoji === emoji).map(author),
    })),
    revision,
    editedAt: row.editedAt,
    deletedAt: row.deletedAt,
    createdAt: row.createdAt,
  };
}

export function readPage(tables: Tables, reader: Person, head: LaneHead, range: Range): EventsPage {
  const side = sideOf(reader);
  const events = listEvents(tables, reader.companyId, side, head.conversationId, { ...range, limit: range.limit + 1 });
  const more = events.length > range.limit;
  if (more) events.splice(range.after === undefined ? 0 : -1, 1);
  return {
    events: events.map((event) => toWire(event, { side, isAuthor: event.by.id === reader.id, marks: head })),
    head: laneSeq(head, side),
    more,
  };
}

function summaryBase(tables: Tables, conversation: ConversationRow, side: Side) {
  const isStaff = side === "business";
  const lastId = isStaff ? conversation.lastMessageId : conversation.lastPublicMessageId;
  const last = lastId === null ? undefined : tables.messages.get(keyOf(conversation.companyId, lastId));
  return {
    id: conversation.id,
    companyId: conversation.companyId,
    status: conversation.status,
    channel: "web" as const,
    head: laneSeq(conversation, side),
    startedAt: conversation.startedAt.toISOString(),
    activityAt: (isStaff ? conversation.activityAt : conversation.publicActivityAt).toISOString(),
    preview: last
      ? {
          id: last.id,
          text: previewOf(last.text),
          by: authorOf(tables, last.companyId, last.authorType, last.authorId),
          kind: last.kind,
          at: last.createdAt.toISOString(),
        }
      : null,
    messages: { contact: conversation.contactMessages, business: conversation.businessMessages },
  };
}

function staffPart(tables: Tables, conversation: ConversationRow) {
  const { companyId, assigneeId, contactId } = conversation;
  const name = (id: string) => tables.people.get(keyOf(companyId, id))?.name ?? null;
  return {
    contact: { id: contactId as ContactId, name: name(contactId), email: null },
    assignee: assigneeId === null ? null : { id: assigneeId as AgentId, name: name(assigneeId)! },
  };
}

/** A conversation as this reader sees it; null when it is not theirs. */
export function findSummary(tables: Tables, reader: Person, id: ConversationId): Conversation | MyConversation | null {
  if (findHead(tables, reader, id) === null) return null;
  const conversation = tables.conversations.get(keyOf(reader.companyId, id))!;
  const { mySeen, ...marks } = marksFor(tables, conversation, reader);
  const theirs = reader.type === "contact" ? conversation.businessMessages : conversation.contactMessages;
  return {
    ...summaryBase(tables, conversation, sideOf(reader)),
    unread: theirs - mySeen,
    marks,
    ...(reader.type !== "contact" && staffPart(tables, conversation)),
  };
}

export function listSummaries(tables: Tables, reader: Person): (Conversation | MyConversation)[] {
  return [...tables.conversations.values()]
    .filter((conversation) => conversation.companyId === reader.companyId)
    .flatMap((conversation) => findSummary(tables, reader, conversation.id) ?? []);
}

export function listFeedEntries(tables: Tables, companyId: string, ids: readonly ConversationId[]): FeedEntry[] {
  return ids.flatMap((id) => {
    const conversation = tables.conversations.get(keyOf(companyId, id));
    if (conversation === undefined) return [];
    return {
      contactId: conversation.contactId,
      staff: { ...summaryBase(tables, conversation, "business"), ...staffPart(tables, conversation) },
      customer: summaryBase(tables, conversation, "contact"),
    };
  });
}

/** Conversations of the reader with events since a position of the log (the feed of a resume). */
export function listChanged(tables: Tables, reader: Person, from: number, limit: number): ConversationId[] {
  const changed = new Set<ConversationId>();
  for (const event of tables.log) {
    if (event.companyId !== reader.companyId || event.xid < from) continue;
    // Of a note a customer is not even told that something changed.
    if (sideOf(reader) === "contact" && !event.isPublic) continue;
    if (findHead(tables, reader, event.conversationId) !== null) changed.add(event.conversationId);
  }
  return [...changed].slice(0, limit);
}

export type Change = { companyId: string; conversationId: ConversationId; seq: number };

/** What was committed from `from` on and below `horizon`, one row a conversation (the sweep). */
export function listChanges(tables: Tables, from: number, horizon: number): Change[] {
  const changes = new Map<string, Change>();
  for (const { companyId, conversationId, seq, xid } of tables.log) {
    if (xid < from || xid >= horizon) continue;
    const key = keyOf(companyId, conversationId);
    changes.set(key, { companyId, conversationId, seq: Math.max(seq, changes.get(key)?.seq ?? 0) });
  }
  return [...changes.values()];
}
