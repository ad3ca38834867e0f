/**
 * What one connection decides, pure: `step(session, input, now)` changes the session and answers the effects that the
 * shell carries out, in their order. The session holds plain data (`structuredClone` makes a snapshot) and has no clock,
 * randomness, input or output of its own; the same inputs give the same effects.
 *
 *   session = createSession({ id, epoch, frameRate })
 *   step(session, { type: "opened" }, now)          first
 *   step(session, { type: "frame", text }, now)     for each frame of the client; and so on, see `SessionInput`
 *   step(session, { type: "closed" }, now)          last
 *
 * `now` is in milliseconds of a clock that never goes back; only differences count.
 *
 * Calls (`SessionCall`: redeem, read…, commit, mergeMark, checkAccess) are answered by exactly one input each, the one
 * named in the type's comment or `failed` with the effect itself as `of`; answers may come in any order, and an answer to a
 * session that has ended changes nothing. `flush` is answered by `flushed`. An input must not be handed in while the
 * effects of another one are still being carried out: it waits.
 *
 * Of the group of a conversation (group.ts): the effects `join`, `leave` and `settle` go to it, its `pass` and `heard` come
 * as the inputs `event` and `heard` to every member. The process hands in `signal` to the members of the conversation and
 * to all connections of the person it comes from, `feed` to the connections whose list it concerns (after `joinFeed`),
 * `accessChanged` to all connections of the company.
 *
 * Rules kept here: SR1 hello, SR3 access, SR4 order of sends, SR6, SR9, replay and its bounds, what a slow client is spared.
 */
import type { CloseCode, ParsedClientFrame } from "@presszero/contracts";
import { eventsRead, follow, forget, headsRead, heard, liveEvent, proceed, readFailed } from "./session/catch-up.ts";
import { releaseFeed, sendMissed, tellFeed } from "./session/feed.ts";
import { answerError, failureOf, parseObject, readFrame, readId } from "./session/frames.ts";
import {
  accessChanged,
  arrive,
  checkAccess,
  hello,
  helloTimeoutMs,
  keepEarly,
  redeemed,
  refusal,
} from "./session/hello.ts";
import { release, take } from "./session/in-hand.ts";
import { limitFrame, limits } from "./session/limits.ts";
import { mark, markFailed, marked, repeatMarks } from "./session/marks.ts";
import { fitPage } from "./session/page.ts";
import { presence, releasePresence, view, viewers } from "./session/presence.ts";
import { areSendsUnderWay, send, sendFailed, sent } from "./session/sends.ts";
import { releaseReceipts, signal } from "./session/signals.ts";
import type { Pressure, Session, SessionEffect, SessionInput } from "./session/types.ts";

/** Sends under way get this long when the connection is to end. */
const lastSendsMs = 5_000;

export type * from "./session/types.ts";

export function createSession(options: Pick<Session, "id" | "epoch" | "frameRate">): Session {
  return {
    ...options,
    stage: "new",
    frames: null,
    ending: null,
    who: null,
    hello: null,
    early: [],
    inHand: 0,
    isCheckingAccess: false,
    isAccessInDoubt: false,
    subscriptions: new Map(),
    queue: [],
    isReading: false,
    isFlushing: false,
    calls: 0,
    budget: 0,
    arriving: null,
    sends: new Map(),
    unsavedMarks: new Map(),
    feed: null,
    pressure: 0,
    places: new Map(),
    viewing: new Set(),
    keptReceipts: new Map(),
  };
}

export function step(session: Session, input: SessionInput, now: number): SessionEffect[] {
  const out: SessionEffect[] = [];
  if (session.stage !== "ended") consider(session, input, now, out);
  return out;
}

function consider(session: Session, input: SessionInput, now: number, out: SessionEffect[]): void {
  switch (input.type) {
    case "event":
      return liveEvent(session, input.event, out);
    case "frame":
      return frame(session, input.text, now, out);
    case "sent":
      sent(session, input, out);
      return endIfAnswered(session, out);
    case "marked":
      return marked(session, input, out);
    case "signal":
      return signal(session, input.signal, out);
    case "presence":
      return presence(session, input, out);
    case "viewers":
      return viewers(session, input, out);
    case "feed":
      return tellFeed(session, input.items, input.position, out);
    case "heard":
      return heard(session, input.conversationId, input.seq, out);
    case "headsRead":
      return headsRead(session, input, out);
    case "eventsRead":
      return eventsRead(session, input, out);
    case "entriesRead":
      sendMissed(session, input.items, out);
      return proceed(session, out);
    case "pageRead": {
      const { id, conversationId, after } = input.of;
      const page = fitPage(input.page, after !== undefined);
      out.push({ type: "send", frame: { type: "page", id, conversationId, ...page } });
      return release(session, out);
    }
    case "flushed":
      session.isFlushing = false;
      return proceed(session, out);
    case "pressure":
      return press(session, input.level, out);
    case "opened":
      return void out.push({ type: "setTimer", name: "hello", ms: helloTimeoutMs });
    case "redeemed":
      redeemed(session, input.who, out);
      return takeEarly(session, out);
    case "feedRead":
      arrive(session, input, out);
      return takeEarly(session, out);
    case "accessChanged":
      return accessChanged(session, out);
    case "accessChecked":
      session.isCheckingAccess = false;
      if (!input.isSignedIn) return end(session, 4491, out);
      if (session.isAccessInDoubt) checkAccess(session, out);
      return;
    case "failed":
      return failed(session, input, out);
    case "timer":
      if (input.name === "marks") return repeatMarks(session, out);
      return end(session, session.ending ?? 4408, out);
    case "drain":
      if (session.stage !== "open") return;
      return void out.push({ type: "send", frame: { type: "drain", spreadMs: input.spreadMs } });
    case "binary":
      return end(session, 4400, out);
    case "end":
      if (input.code !== 1012 || !areSendsUnderWay(session)) return end(session, input.code, out);
      session.ending = input.code;
      return void out.push({ type: "setTimer", name: "end", ms: lastSendsMs });
    case "closed":
      return leave(session, out);
  }
}

function frame(session: Session, text: string, now: number, out: SessionEffect[]): void {
  if (session.ending !== null) return;
  const waitMs = limitFrame(session, now);
  if (waitMs === "flood") return end(session, 4429, out);
  const raw = parseObject(text);
  if (!raw) return end(session, 4400, out);
  if (waitMs > 0) {
    if (!session.who) return end(session, 4429, out);
    return answerError(out, readId(raw), null, failureOf("RATE_LIMITED", { retryAfterMs: waitMs }));
  }
  if (session.stage === "open") return handle(session, raw, out);
  if (session.stage !== "new") return keepEarly(session, raw, out);
  const code = hello(session, raw, out);
  if (code !== null) end(session, code, out);
}

/** After the welcome: the frames that came behind the hello. */
function takeEarly(session: Session, out: SessionEffect[]): void {
  if (session.stage !== "open") return;
  for (const raw of session.early.splice(0)) {
    release(session, out);
    if (session.stage === "open") handle(session, raw, out);
  }
}

function handle(session: Session, raw: object, out: SessionEffect[]): void {
  const read = readFrame(raw);
  if (read.type === "error") return void out.push({ type: "send", frame: read });
  dispatch(session, read, out);
}

function dispatch(session: Session, read: ParsedClientFrame, out: SessionEffect[]): void {
  switch (read.type) {
    case "hello":
      return end(session, 4400, out);
    case "ping":
      return void out.push({ type: "send", frame: { type: "pong", n: read.n } });
    case "send": {
      const { id, conversationId, clientId, message } = read;
      return send(session, { type: "commit", id, conversationId, clientId, message }, out);
    }
    case "ack":
      return mark(session, read.conversationId, { delivered: read.seq, read: 0 }, out);
    case "read":
      return mark(session, read.conversationId, { delivered: read.seq, read: read.seq }, out);
    case "subscribe": {
      const { conversationId, id } = read;
      if (session.subscriptions.size >= limits.subscriptions && !session.subscriptions.has(conversationId)) {
        const failure = failureOf("RATE_LIMITED", { details: { limit: limits.subscriptions } });
        return answerError(out, id, conversationId, failure);
      }
      take(session, out);
      follow(session, conversationId, read.after, id, out);
      return proceed(session, out);
    }
    case "unsubscribe":
      forget(session, read.conversationId, null, out);
      return proceed(session, out);
    case "fetch": {
      const { id, conversationId, after, before, limit } = read;
      take(session, out);
      return void out.push({ type: "readPage", id, conversationId, after, before, limit });
    }
    case "typing": {
      const { conversationId, on } = read;
      // Only staff write notes.
      const note = read.note === true && session.who!.side === "business" ? { note: true } : {};
      const subscription = session.subscriptions.get(conversationId);
      if (!subscription) return answerError(out, null, conversationId, failureOf("NOT_FOUND"));
      if (!subscription.isAllowed) return;
      return void out.push({
        type: "signal",
        signal: { subjectId: conversationId, kind: "typing", data: { on, ...note } },
      });
    }
    case "viewing":
      return view(session, read.conversationId, read.on, out);
  }
}

function failed(session: Session, input: SessionInput & { type: "failed" }, out: SessionEffect[]): void {
  const { of, failure } = input;
  switch (of.type) {
    case "commit":
      sendFailed(session, of, failure, out);
      return endIfAnswered(session, out);
    case "mergeMark":
      return markFailed(session, of, failure, out);
    case "readPage":
      answerError(out, of.id, of.conversationId, failure);
      return release(session, out);
    case "readHeads":
    case "readEvents":
      if (!readFailed(session, of.call, failure, out)) end(session, refusal(failure, out), out);
      return;
    case "checkAccess":
      // Unknown is not allowed: the client comes back with a new ticket.
      return end(session, 1013, out);
    case "redeem":
    case "readFeed":
    case "readEntries":
      return end(session, refusal(failure, out), out);
  }
}

function press(session: Session, level: Pressure, out: SessionEffect[]): void {
  session.pressure = level;
  if (level === 3) return end(session, 4490, out);
  if (level > 0) return;
  releaseReceipts(session, out);
  releasePresence(session, out);
  releaseFeed(session, out);
  proceed(session, out);
}

function endIfAnswered(session: Session, out: SessionEffect[]): void {
  if (session.ending !== null && !areSendsUnderWay(session)) end(session, session.ending, out);
}

function end(session: Session, code: CloseCode, out: SessionEffect[]): void {
  leave(session, out);
  out.push({ type: "close", code });
}

function leave(session: Session, out: SessionEffect[]): void {
  session.stage = "ended";
  for (const conversationId of session.subscriptions.keys()) forget(session, conversationId, null, out);
}
