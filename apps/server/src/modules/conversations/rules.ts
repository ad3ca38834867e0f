import { createHash } from "node:crypto";
import type { Author, ConversationEventKind, MessageKind } from "@presszero/contracts";
import { AppError } from "../../kernel/errors.ts";

/** Which lane a reader reads: staff every event by `seq`, the customer the public ones by `publicSeq`. */
export type Side = "business" | "contact";

/** The customer writes as "user", everybody else for the business. */
export function createdBy(author: Pick<Author, "type">): "user" | "system" {
  return author.type === "contact" ? "user" : "system";
}

/** Equal for two sends exactly when they are the same message; tells a repeat from a reused client id. */
export function bodyHash(message: { kind: MessageKind; text: string }): Buffer {
  return createHash("sha256")
    .update(JSON.stringify([message.kind, message.text]))
    .digest();
}

/** Facts about a conversation that its customer does not learn of. */
export function isPublicKind(kind: ConversationEventKind): boolean {
  return kind !== "conversation.assigned";
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
