import type {
  Author,
  Conversation,
  ConversationEvent,
  ConversationId,
  ErrorCode,
  Message,
  MessageId,
  MyConversation,
  OutgoingMessage,
} from "@presszero/contracts";

/** Whose client this is: staff and API keys read the lane `seq`, customers the public lane. The reducer is the same. */
export type Side = "business" | "contact";

/** A conversation as the list shows it. `contact` and `assignee` are there on the business side only. */
export type Summary = MyConversation & Partial<Pick<Conversation, "contact" | "assignee">>;

export type ConversationRecord = {
  id: ConversationId;
  summary: Summary;
  /** The confirmed window: contiguous in seq, ascending. */
  events: readonly ConversationEvent[];
  /** The highest seq up to which nothing is missing; 0 when no event is held. */
  last: number;
  /** The highest seq known to exist. */
  head: number;
  /** Events that arrived ahead of a gap. */
  buffered: readonly ConversationEvent[];
  /** How many messages of the other side lie at or below my read mark. */
  seen: number;
  /** True when the summary came by feed alone, so that my read mark is not known yet. */
  provisional: boolean;
  /** The server sends this conversation's events live, and all of its past is replayed. */
  synced: boolean;
  /** Who is typing, by author id, until when (ms). */
  typing: Readonly<Record<string, { by: Author; until: number }>>;
};

/** Why a message was not sent: an error code of the server, or a day without success. */
export type NotSentReason = ErrorCode | "EXPIRED";

/** A message of this device that is not confirmed yet. */
export type OutboxItem = {
  clientId: string;
  /** Null: the message starts a conversation, or waits for the one that a message before it starts. */
  conversationId: ConversationId | null;
  message: OutgoingMessage;
  state: "queued" | "sending" | "sent" | "not_sent";
  /** How many times it was put on the network. */
  attempts: number;
  /** When it was queued, or queued again by hand: ms of this device's clock. */
  queuedAt: number;
  reason: NotSentReason | null;
  /**
   * Filled once the server has stored the message: where, in which epoch of its database, and when we were told (ms of
   * this device's clock).
   */
  sent: { messageId: MessageId; seq: number; at: string; epoch: string | null; confirmedAt: number } | null;
  /** CR7: was confirmed, and is offered again after a restore of the database. Not shown unless it is refused. */
  quiet?: true;
};

/** Why the client stopped for good: the name of a terminal close code, or the error of the ticket. */
export type StopReason = "LOGOUT" | "FRAME_TOO_LARGE" | "CLIENT_TOO_OLD" | "SESSION_REVOKED" | ErrorCode;

/** What to tell the person about the connection. `retryAt` is ms of this device's clock. */
export type ConnectionStatus =
  | { name: "offline"; retryAt: number | null }
  | { name: "connecting" }
  | { name: "live" }
  | { name: "stopped"; reason: StopReason };

/** Everything a client shows. Immutable: a change makes a new object, and what did not change keeps its identity. */
export type State = {
  side: Side;
  /** By id; a copy of it costs the same however many there are (records.ts). */
  conversations: Readonly<Record<string, ConversationRecord>>;
  /** Oldest first. */
  outbox: readonly OutboxItem[];
  /** The conversation that the last `send(null, …)` started, once the server has named it. */
  started: ConversationId | null;
  /** Conversations that cannot be shown any more, and why. */
  gone: Readonly<Record<string, "deleted" | "access">>;
  /** The server's epoch and the feed cursor of the last welcome or feed. */
  epoch: string | null;
  feed: string | null;
  connection: ConnectionStatus;
};

export type MessageStatus = "sent" | "delivered" | "read" | "failed";

/** One row of a thread. `key` stays the same when a pending message is confirmed. */
export type ThreadItem =
  /** `status` is null on messages of the other side and on notes. */
  | { type: "message"; key: string; message: Message; own: boolean; status: MessageStatus | null }
  | { type: "event"; key: string; event: Exclude<ConversationEvent, { kind: "message.created" | "message.changed" }> }
  | { type: "pending"; key: string; item: OutboxItem; status: "sending" | "sent" | "not_sent" };
