import type { LaneEvent } from "../../conversations/index.ts";
import { answerError, failureOf } from "./frames.ts";
import { release, take } from "./in-hand.ts";
import type { Commit, Failure, SendLine, Session, SessionEffect, SessionInput } from "./types.ts";

/** Conversations with sends that are under way or have to be repeated; no client writes in so many at once. */
const maxLines = 1_000;

const keyOf = (commit: Commit) => commit.conversationId ?? `start ${commit.clientId}`;

/**
 * Sends of one connection in one conversation run strictly in the order of arrival. When one ends with an error that may
 * pass, the later ones are answered ORDER_BROKEN until the client repeats it (SR4).
 */
export function send(session: Session, commit: Commit, out: SessionEffect[]): void {
  const key = keyOf(commit);
  let line = session.sends.get(key);
  if (!line) {
    if (session.sends.size >= maxLines) {
      return answerError(out, commit.id, commit.conversationId, failureOf("RATE_LIMITED", { retryAfterMs: 1_000 }));
    }
    session.sends.set(key, (line = { busy: null, isTold: false, waiting: [], broken: null }));
  }
  take(session, out);
  line.waiting.push(commit);
  proceed(session, line, key, out);
}

export function areSendsUnderWay(session: Session): boolean {
  for (const line of session.sends.values()) if (line.busy !== null) return true;
  return false;
}

export function sent(session: Session, { of, sent }: SessionInput & { type: "sent" }, out: SessionEffect[]): void {
  const line = session.sends.get(keyOf(of))!;
  line.broken = null;
  out.push({ type: "send", frame: { type: "ok", id: of.id, ...sent } });
  settle(session, line, of, out);
}

export function sendFailed(session: Session, of: Commit, failure: Failure, out: SessionEffect[]): void {
  const line = session.sends.get(keyOf(of))!;
  if (failure.retry && !line.isTold) line.broken ??= of.clientId;
  else if (line.broken === of.clientId) line.broken = null;
  answerError(out, of.id, of.conversationId, failure);
  settle(session, line, of, out);
}

/**
 * The client is sent the event of a message of its own. It will not send that one again, although its outcome may be unknown
 * here, so those behind it may go on.
 */
export function told(session: Session, { conversationId, message }: LaneEvent): void {
  const line = session.sends.get(conversationId);
  if (!line || message?.author.id !== session.who!.by.id) return;
  if (line.busy === message.clientId) line.isTold = true;
  if (line.broken !== message.clientId) return;
  line.broken = null;
  if (line.busy === null) session.sends.delete(conversationId);
}

function settle(session: Session, line: SendLine, of: Commit, out: SessionEffect[]): void {
  line.busy = null;
  release(session, out);
  proceed(session, line, keyOf(of), out);
}

function proceed(session: Session, line: SendLine, key: string, out: SessionEffect[]): void {
  while (line.busy === null) {
    const next = line.waiting.shift();
    if (!next) break;
    if (line.broken === null || line.broken === next.clientId) {
      line.busy = next.clientId;
      line.isTold = false;
      out.push(next);
    } else {
      answerError(out, next.id, next.conversationId, failureOf("ORDER_BROKEN"));
      release(session, out);
    }
  }
  // A conversation that is yet to be started has no order that could break.
  const isOver = line.busy === null && (line.broken === null || key.startsWith("start "));
  if (isOver) session.sends.delete(key);
}
