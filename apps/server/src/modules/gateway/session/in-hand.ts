import type { Session, SessionEffect } from "./types.ts";

/** So many frames are in hand at most; until one is done, no more are taken. */
const maxInHand = 32;

export function take(session: Session, out: SessionEffect[]): void {
  if (++session.inHand === maxInHand) out.push({ type: "pause" });
}

export function release(session: Session, out: SessionEffect[]): void {
  if (session.inHand-- === maxInHand) out.push({ type: "resume" });
}
