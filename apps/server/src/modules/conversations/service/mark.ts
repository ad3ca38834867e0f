import type { ConversationId } from "@presszero/contracts";
import { authorOf, type Ctx } from "../../../kernel/context.ts";
import { inTx } from "../../../kernel/database.ts";
import { accessLaneHead, deviceIdOf } from "../access.ts";
import { type Mark, type MarkInput, markWriter } from "../mark-writer.ts";

/**
 * Merges a mark of the actor (SR9: never back, clamped to the head of the lane). Resolves with the stored mark, or null
 * when nothing changed or the conversation is not the actor's. The caller has checked that staff may read it.
 */
export function mergeMark(ctx: Ctx, input: MarkInput): Promise<Mark | null> {
  return markWriter(ctx.database).add({
    ...input,
    companyId: ctx.companyId,
    readerType: ctx.actor.type,
    readerId: ctx.actor.id,
  });
}

/** Marks as read up to `seq` of the actor's lane. */
export async function markRead(ctx: Ctx, conversationId: ConversationId, seq: number): Promise<void> {
  await inTx(ctx, (tx) => accessLaneHead(tx, conversationId));
  traceMark(ctx, conversationId, deviceIdOf(ctx), { delivered: seq, read: seq });
  const mark = await mergeMark(ctx, { conversationId, delivered: seq, read: seq });
  if (mark) signalMark(ctx, conversationId, mark);
}

/** Remembers which device said so, and when: the stored mark is the reader's, whichever the device. */
export function traceMark(
  ctx: Ctx,
  conversationId: ConversationId,
  deviceId: string,
  mark: { delivered: number; read: number },
): void {
  const { type: readerType, id: readerId } = ctx.actor;
  ctx.trace.marked({ subjectId: conversationId, readerType, readerId, deviceId, ...mark });
}

/** Tells the connected readers that a mark moved. Not an event: whoever misses it reads the marks at the next sync. */
function signalMark(ctx: Ctx, conversationId: ConversationId, mark: Mark): void {
  ctx.bus.signal({
    companyId: ctx.companyId,
    subjectId: conversationId,
    kind: "mark",
    by: authorOf(ctx.actor),
    data: mark,
  });
}
