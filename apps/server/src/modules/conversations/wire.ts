import type {
  Author,
  CompanyId,
  ConversationEvent,
  ConversationId,
  Message,
  MessageId,
  MessageKind,
} from "@presszero/contracts";
import { createdBy, type Marks, messageStatus, type Side } from "./rules.ts";

/** The content of a message as stored. */
export type StoredMessage = {
  id: MessageId;
  clientId: string;
  kind: MessageKind;
  text: string;
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
  const seq = laneSeq(event, audience.side);
  const at = event.at.toISOString();
  const base = { conversationId: event.conversationId, seq, at, by: event.by };
  if (event.kind === "message.created") return { ...base, kind: event.kind, data: toMessage(event, seq, at, audience) };
  return { ...base, kind: event.kind, data: event.data } as ConversationEvent;
}

function toMessage(event: LaneEvent, seq: number, at: string, audience: Audience): Message {
  const stored = event.message!;
  const placed = { seq, kind: stored.kind, createdBy: createdBy(event.by) };
  return {
    ...placed,
    id: stored.id,
    companyId: event.companyId,
    conversationId: event.conversationId,
    clientId: audience.isAuthor ? stored.clientId : null,
    author: event.by,
    text: stored.text,
    status: audience.marks ? messageStatus(placed, audience.side, audience.marks) : "sent",
    createdAt: at,
  };
}
