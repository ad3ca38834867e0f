import type {
  Author,
  CompanyId,
  ConversationEvent,
  ConversationId,
  Message,
  MessageContent,
  MessageId,
  MessageKind,
} from "@presszero/contracts";
import { createdBy, type Marks, messageStatus, type Side } from "./rules.ts";

/** A message as it is stored now. */
export type StoredMessage = {
  id: MessageId;
  /** Its own place in the lanes, which for a change is not that of the event. */
  seq: number;
  publicSeq: number;
  clientId: string;
  author: Author;
  kind: MessageKind;
  text: string;
  content: MessageContent | null;
  replyTo: Message["replyTo"];
  reactions: Message["reactions"];
  revision: number;
  editedAt: Date | null;
  deletedAt: Date | null;
  createdAt: Date;
};

/** One event of a conversation, before it is cut for a reader. */
export type LaneEvent = {
  companyId: CompanyId;
  conversationId: ConversationId;
  seq: number;
  publicSeq: number;
  isPublic: boolean;
  kind: ConversationEvent["kind"];
  by: Author;
  at: Date;
  data: Record<string, unknown>;
  message: StoredMessage | null;
  /** When the commit was known in this process, by `performance.now()`; of what is read from the log there is none. */
  committedAt?: number;
};

/** For whom an event is written. Readers that are its author get the client id; a live event has no marks yet. */
export type Audience = { side: Side; isAuthor: boolean; marks?: Marks };

export function laneSeq(event: Pick<LaneEvent, "seq" | "publicSeq">, side: Side): number {
  return side === "business" ? event.seq : event.publicSeq;
}

/** The event as this audience may see it. The caller has made sure that a customer gets public events only. */
export function toWire(event: LaneEvent, audience: Audience): ConversationEvent {
  const { conversationId, companyId, by, kind, data, message: stored } = event;
  const base = { conversationId, seq: laneSeq(event, audience.side), at: event.at.toISOString(), by };
  if (stored === null) return { ...base, kind, data } as ConversationEvent;
  // Whoever changes somebody else's message is the author of the event, not of the message.
  const isAuthor = audience.isAuthor && by.id === stored.author.id;
  const message = toMessage(stored, { companyId, conversationId }, { ...audience, isAuthor });
  if (kind === "message.created") return { ...base, kind, data: message };
  return { ...base, kind, data: { ...data, message } } as ConversationEvent;
}

export function toMessage(
  stored: StoredMessage,
  place: { companyId: CompanyId; conversationId: ConversationId },
  audience: Audience,
): Message {
  const placed = { seq: laneSeq(stored, audience.side), kind: stored.kind, createdBy: createdBy(stored.author) };
  return {
    ...placed,
    ...place,
    id: stored.id,
    clientId: audience.isAuthor ? stored.clientId : null,
    author: stored.author,
    text: stored.text,
    content: stored.content,
    replyTo: stored.replyTo,
    reactions: stored.reactions,
    status: audience.marks ? messageStatus(placed, audience.side, audience.marks) : "sent",
    revision: stored.revision,
    editedAt: stored.editedAt?.toISOString() ?? null,
    deletedAt: stored.deletedAt?.toISOString() ?? null,
    createdAt: stored.createdAt.toISOString(),
  };
}
