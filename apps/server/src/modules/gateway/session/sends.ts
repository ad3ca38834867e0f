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
    session.sends.set(key, (line = { isBusy: false, waiting: [], broken: null }));
  }
  take(session, out);
  line.waiting.push(commit);
  proceed(session, line, key, out);
}

export function areSendsUnderWay(session: Session): boolean {
  for (const line of session.sends.values()) if (line.isBusy) return true;
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
  if (failure.retry) line.broken ??= of.clientId;
  else if (line.broken === of.clientId) line.broken = null;
  answerError(out, of.id, of.conversationId, failure);
  settle(session, line, of, out);
}

function settle(session: Session, line: SendLine, of: Commit, out: SessionEffect[]): void {
  line.isBusy = false;
  release(session, out);
  proceed(session, line, keyOf(of), out);
}

function proceed(session: Session, line: SendLine, key: string, out: SessionEffect[]): void {
  while (!line.isBusy) {
    const next = line.waiting.shift();
    if (!next) break;
    if (line.broken === null || line.broken === next.clientId) {
      line.isBusy = true;
      out.push(next);
    } else {
      answerError(out, next.id, next.conversationId, failureOf("ORDER_BROKEN"));
      release(session, out);
    }
  }
  // A conversation that is yet to be started has no order that could break.
  const isOver = !line.isBusy && (line.broken === null || key.startsWith("start "));
  if (isOver) session.sends.delete(key);
}
