import type { ConversationId, OutgoingMessage, Sent } from "@presszero/contracts";
import { authorOf, type Ctx } from "../../../kernel/context.ts";
import { inTx } from "../../../kernel/database.ts";
import { AppError, invalidField } from "../../../kernel/errors.ts";
import type { RecordedEvent } from "../../../kernel/bus.ts";
import { newId } from "../../../kernel/ids.ts";
import { requirePermission } from "../../identity/index.ts";
import { sideOf } from "../access.ts";
import { type CommitResult, type MessageRow, messageWriter } from "../message-writer.ts";
import { bodyHash, contentOf, isCustomerKind } from "../rules.ts";
import { findStoredMessage } from "../views.ts";
import type { StoredMessage } from "../wire.ts";

/** `deviceId` is the scope of the client id: the device's UUID, or for REST the id of the session or API key. */
export type SendInput = { deviceId: string; clientId: string; message: OutgoingMessage };

/**
 * Stores a message; when it resolves the commit has happened. The writer's statement checks, against the state it
 * commits to, that the conversation is the author's and that the author may still act. `seq` is of the author's lane.
 * Errors: NOT_FOUND, CONVERSATION_CLOSED, CLIENT_ID_CONFLICT, FORBIDDEN, UNAVAILABLE, UNKNOWN_RETRY.
 */
export async function sendMessage(ctx: Ctx, conversationId: ConversationId, input: SendInput): Promise<Sent> {
  if (ctx.actor.type !== "contact") {
    requirePermission(ctx, "conversations.reply");
    if (input.message.kind === "answer") throw new AppError("FORBIDDEN");
  } else if (!isCustomerKind(input.message)) throw new AppError("FORBIDDEN");
  const receivedAt = performance.now();
  const row = messageRow(ctx, conversationId, input);
  const result = await messageWriter(ctx.database).add(row);
  if (result.outcome === "ok") {
    ctx.bus.publish([createdEvent(ctx, row, result, { ...input, receivedAt }, await replyTarget(ctx, row))]);
  }
  return toSent(ctx, input.clientId, result);
}

export function messageRow(ctx: Ctx, conversationId: ConversationId, input: SendInput): MessageRow {
  return {
    companyId: ctx.companyId,
    conversationId,
    messageId: newId("message"),
    deviceId: input.deviceId,
    clientId: input.clientId,
    bodyHash: bodyHash(input.message),
    authorType: ctx.actor.type,
    authorId: ctx.actor.id,
    kind: input.message.kind,
    text: input.message.text,
    content: contentOf(input.message),
    replyTo: input.message.replyTo ?? null,
  };
}

/** What readers see of the message that this one answers. */
async function replyTarget(ctx: Ctx, row: MessageRow): Promise<StoredMessage["replyTo"]> {
  if (row.replyTo === null) return null;
  const stored = await inTx(ctx, (tx) => findStoredMessage(tx, row.conversationId, row.messageId));
  return stored && stored.replyTo;
}

/** The hint for this process; the content goes along, so that nobody has to read back what was just written. */
export function createdEvent(
  ctx: Ctx,
  row: MessageRow,
  result: Extract<CommitResult, { outcome: "ok" | "duplicate" }>,
  received: Pick<RecordedEvent, "receivedAt" | "overSocket">,
  replyTo: StoredMessage["replyTo"] = null,
): RecordedEvent {
  const content: StoredMessage = {
    id: row.messageId,
    seq: result.seq,
    publicSeq: result.publicSeq,
    clientId: row.clientId,
    author: authorOf(ctx.actor),
    kind: row.kind,
    text: row.text,
    content: row.content,
    replyTo,
    reactions: [],
    revision: 0,
    editedAt: null,
    deletedAt: null,
    createdAt: result.createdAt,
  };
  return {
    companyId: row.companyId,
    subjectId: row.conversationId,
    seq: result.seq,
    publicSeq: result.publicSeq,
    isPublic: row.kind !== "note",
    type: "message.created",
    actor: content.author,
    refId: row.messageId,
    data: {},
    at: result.createdAt,
    content,
    receivedAt: received.receivedAt,
    overSocket: received.overSocket,
    committedAt: result.committedAt,
  };
}

const refusals = {
  not_found: "NOT_FOUND",
  closed: "CONVERSATION_CLOSED",
  conflict: "CLIENT_ID_CONFLICT",
  busy: "UNAVAILABLE",
} as const;

/** The answer to the author, or the error that the outcome stands for. */
export function toSent(ctx: Ctx, clientId: string, result: CommitResult): Sent {
  if (result.outcome === "no_target") throw invalidField("message.replyTo", "must be a message of this conversation");
  if (!("messageId" in result)) throw new AppError(refusals[result.outcome]);
  if (result.outcome === "duplicate") {
    ctx.metrics.duplicates.inc();
    ctx.trace.repeated(result.messageId);
  }
  return {
    messageId: result.messageId,
    conversationId: result.conversationId,
    clientId,
    seq: sideOf(ctx) === "business" ? result.seq : result.publicSeq,
    at: result.createdAt.toISOString(),
    duplicate: result.outcome === "duplicate",
  };
}
