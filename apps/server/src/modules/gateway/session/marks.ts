import type { ConversationId } from "@presszero/contracts";
import { answerError, failureOf } from "./frames.ts";
import { release, take } from "./in-hand.ts";
import type { Failure, MergeMark, Session, SessionEffect, SessionInput } from "./types.ts";

const repeatMs = 1_000;

/** Positions are of the session's lane. Only for conversations that it follows: subscribing has checked the right. */
export function mark(
  session: Session,
  conversationId: ConversationId,
  wanted: { delivered: number; read: number },
  out: SessionEffect[],
): void {
  if (!session.subscriptions.has(conversationId)) {
    return answerError(out, null, conversationId, failureOf("NOT_FOUND"));
  }
  const unsaved = session.unsavedMarks.get(conversationId);
  if (unsaved) return keep(session, conversationId, wanted, out);
  take(session, out);
  out.push({ type: "mergeMark", conversationId, ...wanted, isRepeat: false });
}

export function marked(session: Session, input: SessionInput & { type: "marked" }, out: SessionEffect[]): void {
  if (!input.of.isRepeat) release(session, out);
}

/** A client does not repeat a mark as long as its connection lasts, so it is kept until it can be stored. */
export function markFailed(session: Session, of: MergeMark, failure: Failure, out: SessionEffect[]): void {
  if (!of.isRepeat) release(session, out);
  if (failure.retry) keep(session, of.conversationId, of, out);
  else answerError(out, null, of.conversationId, failure);
}

export function repeatMarks(session: Session, out: SessionEffect[]): void {
  const marks = [...session.unsavedMarks];
  session.unsavedMarks.clear();
  for (const [conversationId, { delivered, read }] of marks) {
    if (!session.subscriptions.has(conversationId)) continue;
    out.push({ type: "mergeMark", conversationId, delivered, read, isRepeat: true });
  }
}

function keep(
  session: Session,
  conversationId: ConversationId,
  mark: { delivered: number; read: number },
  out: SessionEffect[],
): void {
  const { unsavedMarks } = session;
  const unsaved = unsavedMarks.get(conversationId);
  if (unsavedMarks.size === 0) out.push({ type: "setTimer", name: "marks", ms: repeatMs });
  unsavedMarks.set(conversationId, {
    delivered: Math.max(mark.delivered, unsaved?.delivered ?? 0),
    read: Math.max(mark.read, unsaved?.read ?? 0),
  });
}
