import { type CloseCode, protocolVersion } from "@presszero/contracts";
import { follow, maxPerResume, proceed } from "./catch-up.ts";
import { feedRead, joinFeed, releaseFeed } from "./feed.ts";
import { answerError, readFrame } from "./frames.ts";
import { take } from "./in-hand.ts";
import { limits } from "./limits.ts";
import type { Failure, Session, SessionEffect, SessionInput, Who } from "./types.ts";

/** The first frame is owed within this time (SR1). */
export const helloTimeoutMs = 5_000;
export const heartbeatMs = 25_000;

/** The first frame. Answers the close code when it is no hello that we understand. */
export function hello(session: Session, raw: object, out: SessionEffect[]): CloseCode | null {
  const frame = readFrame(raw);
  if (frame.type !== "hello") return 4400;
  if (frame.version !== protocolVersion) return 4426;
  session.stage = "redeeming";
  session.hello = frame;
  out.push({ type: "redeem", ticket: frame.ticket, deviceId: frame.deviceId });
  return null;
}

/** Frames that come before the welcome wait for it. */
export function keepEarly(session: Session, raw: object, out: SessionEffect[]): void {
  session.early.push(raw);
  take(session, out);
}

export function redeemed(session: Session, who: Who, out: SessionEffect[]): void {
  const { epoch, feed } = session.hello!;
  session.stage = "arriving";
  session.who = who;
  out.push({ type: "clearTimer", name: "hello" });
  // The sign-in ended between the reading of the ticket and now, or so it may be.
  if (session.isAccessInDoubt) checkAccess(session, out);
  if (feed === undefined) return welcome(session, false, out);
  joinFeed(session, out);
  const isSameEpoch = epoch === null || epoch === session.epoch;
  out.push({ type: "readFeed", cursor: isSameEpoch ? feed : null });
}

export function arrive(session: Session, input: SessionInput & { type: "feedRead" }, out: SessionEffect[]): void {
  welcome(session, feedRead(session, input), out);
}

function welcome(session: Session, mustReload: boolean, out: SessionEffect[]): void {
  const { epoch, subscriptions } = session.hello!;
  const isSameEpoch = epoch === null || epoch === session.epoch;
  const resume = isSameEpoch && !mustReload ? ("ok" as const) : ("reset" as const);
  const frame = { type: "welcome" as const, session: session.id, epoch: session.epoch, heartbeatMs, limits, resume };
  session.stage = "open";
  session.hello = null;
  session.budget = maxPerResume;
  out.push({ type: "sendWelcome", frame, position: session.feed?.told ?? null });
  releaseFeed(session, out);
  if (isSameEpoch) {
    for (const { conversationId, after } of subscriptions) follow(session, conversationId, after, null, out);
  }
  session.arriving = session.subscriptions.size;
  proceed(session, out);
}

export function accessChanged(session: Session, out: SessionEffect[]): void {
  if (session.stage === "new") return;
  if (session.stage === "redeeming" || session.isCheckingAccess) session.isAccessInDoubt = true;
  else checkAccess(session, out);
}

export function checkAccess(session: Session, out: SessionEffect[]): void {
  session.isAccessInDoubt = false;
  session.isCheckingAccess = true;
  out.push({ type: "checkAccess" });
}

/**
 * Why a hello was refused, as a close code. A fault on our side makes the client come back; anything else is about its
 * ticket. Unknown is not allowed.
 */
export function refusal(failure: Failure, out: SessionEffect[]): CloseCode {
  if (failure.code === "RATE_LIMITED") {
    answerError(out, null, null, failure);
    return 4429;
  }
  if (failure.code === "INTERNAL") return 1011;
  if (failure.retry) return 1013;
  return failure.code === "FORBIDDEN" ? 4403 : 4401;
}
