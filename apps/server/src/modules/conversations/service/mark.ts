import type { ConversationId } from "@presszero/contracts";
import { authorOf, type Ctx } from "../../../kernel/context.ts";
import { inTx } from "../../../kernel/database.ts";
import { accessLaneHead, deviceIdOf } from "../access.ts";
import { type Mark, type MarkInput, markWriter } from "../mark-writer.ts";

/**
 * Merges a mark of the actor (SR9: never back, clamped to the head of the lane) and tells the connected readers when it
 * moved. Resolves with the stored mark, or null when nothing changed or the conversation is not the actor's. The caller
 * has checked that staff may read it.
 */
export async function mergeMark(ctx: Ctx, input: MarkInput): Promise<Mark | null> {
  const mark = await markWriter(ctx.database).add({
    ...input,
    companyId: ctx.companyId,
    readerType: ctx.actor.type,
    readerId: ctx.actor.id,
  });
  if (mark) signalMark(ctx, input.conversationId, mark);
  return mark;
}

/** Marks as read up to `seq` of the actor's lane. */
export function markRead(ctx: Ctx, conversationId: ConversationId, seq: number): Promise<void> {
  return setMark(ctx, { conversationId, delivered: seq, read: seq });
}

/** Marks as received up to `seq` of the actor's lane: a device has stored it. */
export function markDelivered(ctx: Ctx, conversationId: ConversationId, seq: number): Promise<void> {
  return setMark(ctx, { conversationId, delivered: seq, read: 0 });
}

async function setMark(ctx: Ctx, input: MarkInput): Promise<void> {
  await inTx(ctx, (tx) => accessLaneHead(tx, input.conversationId));
  traceMark(ctx, deviceIdOf(ctx), input);
  await mergeMark(ctx, input);
}

/** Remembers which device said so, and when: the stored mark is the reader's, whichever the device. */
export function traceMark(ctx: Ctx, deviceId: string, { conversationId, delivered, read }: MarkInput): void {
  const { type: readerType, id: readerId } = ctx.actor;
  ctx.trace.marked({ subjectId: conversationId, readerType, readerId, deviceId, delivered, read });
}

/** Not an event: whoever misses it reads the marks at the next sync. */
function signalMark(ctx: Ctx, conversationId: ConversationId, mark: Mark): void {
  ctx.bus.signal({
    companyId: ctx.companyId,
    subjectId: conversationId,
    kind: "mark",
    by: authorOf(ctx.actor),
    data: mark,
  });
}
