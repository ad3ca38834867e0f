import { createHash } from "node:crypto";
import {
  type Author,
  type ConversationEventKind,
  type MessageContent,
  type MessageKind,
  type NewMessage,
  type OutgoingMessage,
  staffOnlyEventKinds,
} from "@presszero/contracts";
import { AppError } from "../../kernel/errors.ts";
import type { StoredMessage } from "./wire.ts";

/** Which lane a reader reads: staff every event by `seq`, the customer the public ones by `publicSeq`. */
export type Side = "business" | "contact";

/** The customer writes as "user", everybody else for the business. */
export function createdBy(author: Pick<Author, "type">): "user" | "system" {
  return author.type === "contact" ? "user" : "system";
}

/** Equal for two sends exactly when they are the same message; tells a repeat from a reused client id. */
export function bodyHash(message: OutgoingMessage): Buffer {
  const { kind, text, replyTo } = message;
  const content = contentOf(message);
  const parts = content || replyTo ? [kind, text, content, replyTo ?? null] : [kind, text];
  return createHash("sha256").update(JSON.stringify(parts)).digest();
}

export function contentOf(message: OutgoingMessage): MessageContent | null {
  return ("content" in message && message.content) || null;
}

/** Kinds of messages that a customer may send; everything else is the business side's. */
export function isCustomerKind(message: OutgoingMessage): message is NewMessage {
  return message.kind === "answer" || (message.kind === "text" && contentOf(message) === null);
}

const editableMs = 24 * 60 * 60 * 1000;

/** Throws unless this person may edit the message now: their own, of words alone, not deleted, and not older than a day. */
export function assertEditable(message: StoredMessage, actorId: string, now: Date): void {
  if (message.author.id !== actorId) throw new AppError("FORBIDDEN");
  if (message.deletedAt) throw new AppError("MESSAGE_DELETED");
  if (message.kind !== "text" && message.kind !== "note") throw new AppError("FORBIDDEN");
  if (now.getTime() - message.createdAt.getTime() > editableMs) throw new AppError("TOO_LATE");
}

const maxEmojis = 20;

/** Throws unless the message takes one more reaction with this emoji. */
export function assertReactable(message: StoredMessage, emoji: string): void {
  if (message.deletedAt) throw new AppError("MESSAGE_DELETED");
  const isNew = message.reactions.every((reaction) => reaction.emoji !== emoji);
  if (isNew && message.reactions.length >= maxEmojis) {
    throw new AppError("RATE_LIMITED", { details: { limit: maxEmojis } });
  }
}

/** Facts about a conversation that its customer learns of. */
export function isPublicKind(kind: ConversationEventKind): boolean {
  return !staffOnlyEventKinds.includes(kind);
}

/** Marks in one lane: how far the reader has read, and how far the other side has received and read. */
export type Marks = { myRead: number; otherDelivered: number; otherRead: number };

/** How far a message has come on the side it is meant for, as a reader of `side` is told. Nobody reports on notes. */
export function messageStatus(
  message: { seq: number; kind: MessageKind; createdBy: "user" | "system" },
  side: Side,
  marks: Marks,
): "sent" | "delivered" | "read" {
  if (message.kind === "note") return "sent";
  const isOwnSide = (message.createdBy === "user") === (side === "contact");
  if (!isOwnSide) return message.seq <= marks.myRead ? "read" : "delivered";
  if (message.seq <= marks.otherRead) return "read";
  return message.seq <= marks.otherDelivered ? "delivered" : "sent";
}

export function assertOpen(conversation: { status: "open" | "closed" }): void {
  if (conversation.status === "closed") throw new AppError("CONVERSATION_CLOSED");
}

export function assertClosed(conversation: { status: "open" | "closed" }): void {
  if (conversation.status === "open") throw new AppError("CONVERSATION_OPEN");
}
