import type { ConversationId } from "@presszero/contracts";
import { type LaneEvent, laneSeq, type LaneHead } from "../../conversations/index.ts";
import { readMissed } from "./feed.ts";
import { answerError, failureOf } from "./frames.ts";
import { release } from "./in-hand.ts";
import { lookAround, lookAway } from "./presence.ts";
import { told } from "./sends.ts";
import { forgetReceipts, releaseReceipts } from "./signals.ts";
import type { CatchUp, Failure, Session, SessionEffect, SessionInput, Subscription } from "./types.ts";

/** Most events that are replayed for one conversation and for one resume; beyond that the latest page and a gap. */
export const maxPerResume = 1_000;
const maxPerConversation = 200;
const latestPage = 50;
/** Events read at a time. */
const readPage = 100;
/** So much goes out before it is waited until it has left; a message counts what it takes at least. */
const sliceBytes = 128 * 1024;
const eventBytes = 400;
/** The most that is held back during a replay; with more, the database is read after all. */
const maxHeld = 500;

/** Begins to follow a conversation, or begins anew with what the client says it holds. */
export function follow(
  session: Session,
  conversationId: ConversationId,
  after: number,
  request: number | null,
  out: SessionEffect[],
): void {
  let subscription = session.subscriptions.get(conversationId);
  if (!subscription) {
    subscription = {
      isAllowed: false,
      last: after,
      seq: 0,
      heard: 0,
      other: { delivered: 0, read: 0 },
      catchUp: null,
      around: null,
    };
    session.subscriptions.set(conversationId, subscription);
    // A member before the head is read: what commits in between is held, not lost.
    out.push({ type: "join", conversationId });
  }
  const running = subscription.catchUp;
  // What is under way serves the new request too, unless that asks for older events.
  if (!running || after + 1 < running.from) {
    subscription.last = after;
    subscription.catchUp = { ...newCatchUp(after + 1), isResume: running?.isResume ?? false };
    if (running) subscription.catchUp.requests.push(...running.requests);
  }
  if (request === null) subscription.catchUp!.isResume = true;
  else subscription.catchUp!.requests.push(request);
  enqueue(session, conversationId, request !== null);
}

function newCatchUp(from: number): CatchUp {
  return { requests: [], isResume: false, head: null, call: null, page: [], isLastPage: false, from, held: [] };
}

function enqueue(session: Session, conversationId: ConversationId, isFirst: boolean): void {
  const { queue, subscriptions } = session;
  if (queue.includes(conversationId)) return;
  // Ahead of what nobody waits for; but behind the one that is being served: of one alone are events kept in memory.
  const isAhead = (id: ConversationId, index: number) => {
    const { requests, head } = subscriptions.get(id)!.catchUp!;
    return requests.length === 0 && !(index === 0 && head);
  };
  const place = isFirst ? queue.findIndex(isAhead) : -1;
  queue.splice(place === -1 ? queue.length : place, 0, conversationId);
}

/** Stops following; `failure` answers the requests that wait. */
export function forget(
  session: Session,
  conversationId: ConversationId,
  failure: Failure | null,
  out: SessionEffect[],
): void {
  const subscription = session.subscriptions.get(conversationId);
  if (!subscription) return;
  session.subscriptions.delete(conversationId);
  forgetReceipts(session, conversationId);
  session.queue = session.queue.filter((id) => id !== conversationId);
  out.push({ type: "leave", conversationId });
  lookAway(session, conversationId, subscription, out);
  const { catchUp } = subscription;
  if (!catchUp) return;
  for (const id of catchUp.requests) {
    if (failure) answerError(out, id, conversationId, failure);
    release(session, out);
  }
  if (catchUp.isResume && session.arriving !== null) session.arriving--;
}

/** A live event, from the group. */
export function liveEvent(session: Session, event: LaneEvent, out: SessionEffect[]): void {
  const subscription = session.subscriptions.get(event.conversationId);
  if (!subscription || event.seq <= subscription.seq) return;
  subscription.heard = Math.max(subscription.heard, event.seq);
  const { catchUp } = subscription;
  if (catchUp) {
    // What has to be read anyway is not kept in memory as well.
    if (session.pressure > 0 || catchUp.held.length >= maxHeld) catchUp.held = [];
    if (session.pressure === 0) catchUp.held.push(event);
  } else if (session.pressure < 2 && event.seq === subscription.seq + 1) {
    pass(session, subscription, event, null, out);
  } else {
    readOn(session, event.conversationId, subscription, out);
  }
}

export function heard(session: Session, conversationId: ConversationId, seq: number, out: SessionEffect[]): void {
  const subscription = session.subscriptions.get(conversationId);
  if (!subscription) return;
  subscription.heard = Math.max(subscription.heard, seq);
  if (!subscription.catchUp && seq > subscription.seq) readOn(session, conversationId, subscription, out);
}

/** Live events cannot go on as they come: what is behind `last` is read, as soon as the client keeps up. */
function readOn(
  session: Session,
  conversationId: ConversationId,
  subscription: Subscription,
  out: SessionEffect[],
): void {
  subscription.catchUp = newCatchUp(subscription.last + 1);
  enqueue(session, conversationId, false);
  proceed(session, out);
}

/** Goes on with what is to be read: the feed of the hello first, then one conversation after the other. */
export function proceed(session: Session, out: SessionEffect[]): void {
  while (session.stage === "open" && !session.isReading && !session.isFlushing && session.pressure === 0) {
    if (readMissed(session, out)) return;
    const [conversationId] = session.queue;
    if (conversationId === undefined) break;
    const catchUp = session.subscriptions.get(conversationId)!.catchUp!;
    if (!catchUp.head) return readHeads(session, out);
    serve(session, conversationId, out);
  }
  if (session.arriving === 0 && !session.feed?.missed.length) {
    session.arriving = null;
    out.push({ type: "arrived" });
  }
}

/** One query for all whose heads are not known. */
function readHeads(session: Session, out: SessionEffect[]): void {
  const call = ++session.calls;
  const ids = session.queue.filter((id) => {
    const subscription = session.subscriptions.get(id)!;
    const catchUp = subscription.catchUp!;
    if (catchUp.head) return false;
    catchUp.call = call;
    // The head that is read now covers all that was heard so far.
    subscription.heard = 0;
    return true;
  });
  session.isReading = true;
  out.push({ type: "readHeads", call, ids });
}

export function headsRead(session: Session, input: SessionInput & { type: "headsRead" }, out: SessionEffect[]): void {
  session.isReading = false;
  const heads = new Map(input.heads.map((head) => [head.conversationId, head] as const));
  for (const [conversationId, { subscription, catchUp }] of awaiting(session, input.call)) {
    const head = heads.get(conversationId);
    if (head) {
      catchUp.call = null;
      catchUp.head = head;
      subscription.isAllowed = true;
      continue;
    }
    const isAsked = catchUp.requests.length > 0;
    forget(session, conversationId, failureOf("NOT_FOUND"), out);
    if (!isAsked) out.push({ type: "send", frame: { type: "gone", conversationId, why: "access" } });
  }
  releaseReceipts(session, out);
  proceed(session, out);
}

/** The subscriptions that wait for the answer to this call. One that was ended or begun anew meanwhile does not. */
function awaiting(
  session: Session,
  call: number,
): [ConversationId, { subscription: Subscription; catchUp: CatchUp }][] {
  const found: [ConversationId, { subscription: Subscription; catchUp: CatchUp }][] = [];
  for (const conversationId of session.queue) {
    const subscription = session.subscriptions.get(conversationId)!;
    const catchUp = subscription.catchUp!;
    if (catchUp.call === call) found.push([conversationId, { subscription, catchUp }]);
  }
  return found;
}

/** Sends what is at hand of the conversation that is first in the queue, asks for more, or ends its replay. */
function serve(session: Session, conversationId: ConversationId, out: SessionEffect[]): void {
  const subscription = session.subscriptions.get(conversationId)!;
  const catchUp = subscription.catchUp!;
  if (catchUp.page.length > 0) return pour(session, subscription, catchUp, out);
  const missing = laneSeq(catchUp.head!, session.who!.side) - subscription.last;
  if (missing === 0 || catchUp.isLastPage) return finish(session, conversationId, subscription, catchUp, out);
  const most = Math.min(maxPerConversation, catchUp.isResume ? session.budget : maxPerConversation);
  // Too far behind, or ahead of a history that was put back: the client starts over from the latest page.
  const isGap = missing < 0 || missing > most;
  const after = isGap ? null : subscription.last;
  const limit = isGap ? latestPage : Math.min(missing, readPage);
  if (!isGap && catchUp.isResume) session.budget -= limit;
  catchUp.isLastPage = isGap;
  catchUp.call = ++session.calls;
  session.isReading = true;
  out.push({ type: "readEvents", call: catchUp.call, conversationId, after, limit });
}

export function eventsRead(session: Session, input: SessionInput & { type: "eventsRead" }, out: SessionEffect[]): void {
  session.isReading = false;
  for (const [conversationId, { subscription, catchUp }] of awaiting(session, input.call)) {
    const { side } = session.who!;
    const { events } = input;
    const headInLane = laneSeq(catchUp.head!, side);
    catchUp.call = null;
    catchUp.page = events;
    const first = events[0] ? laneSeq(events[0], side) : headInLane + 1;
    if (first !== subscription.last + 1) {
      out.push({
        type: "send",
        frame: { type: "gap", conversationId, have: subscription.last, from: first, head: headInLane },
      });
      catchUp.from = first;
      subscription.last = first - 1;
    }
    if (events.length === 0) catchUp.isLastPage = true;
  }
  proceed(session, out);
}

/** Sends a slice of the page; the rest when it has left. */
function pour(session: Session, subscription: Subscription, catchUp: CatchUp, out: SessionEffect[]): void {
  let bytes = 0;
  let count = 0;
  for (const event of catchUp.page) {
    if (bytes > sliceBytes) break;
    pass(session, subscription, event, catchUp.head, out);
    bytes += eventBytes + (event.message?.text.length ?? 0);
    count++;
  }
  catchUp.page = catchUp.page.slice(count);
  if (bytes <= sliceBytes) return;
  session.isFlushing = true;
  out.push({ type: "flush" });
}

/** Everything up to the head is sent: what was held back goes on behind it, if it begins where that ends. */
function finish(
  session: Session,
  conversationId: ConversationId,
  subscription: Subscription,
  catchUp: CatchUp,
  out: SessionEffect[],
): void {
  const { side } = session.who!;
  const head = catchUp.head!;
  const headInLane = laneSeq(head, side);
  subscription.seq = Math.max(subscription.seq, head.seq);
  subscription.last = Math.max(subscription.last, headInLane);
  const next = catchUp.held.find((event) => event.seq > subscription.seq);
  if (next ? next.seq > subscription.seq + 1 : subscription.heard > subscription.seq) {
    // More has happened than was held: read on.
    Object.assign(catchUp, { head: null, isLastPage: false, held: next ? catchUp.held : [] });
    return;
  }
  subscription.catchUp = null;
  session.queue.shift();
  out.push({ type: "settle", conversationId, seq: subscription.seq });
  sendSynced(session, conversationId, subscription, catchUp, head, out);
  for (const event of catchUp.held) {
    if (event.seq > subscription.seq) pass(session, subscription, event, null, out);
  }
  lookAround(session, conversationId, subscription, head.contactId, out);
}

function sendSynced(
  session: Session,
  conversationId: ConversationId,
  subscription: Subscription,
  catchUp: CatchUp,
  head: LaneHead,
  out: SessionEffect[],
): void {
  const synced = {
    type: "synced" as const,
    conversationId,
    head: subscription.last,
    from: catchUp.from,
    to: subscription.last,
    mine: { read: head.myRead },
    other: { delivered: head.otherDelivered, read: head.otherRead },
  };
  for (const id of catchUp.requests) {
    out.push({ type: "send", frame: { ...synced, id } });
    release(session, out);
  }
  subscription.other = synced.other;
  // Events that were read because they did not come by themselves: if none was for this side, nothing has happened.
  const isWorthTelling = catchUp.isResume || subscription.last >= catchUp.from;
  if (catchUp.requests.length === 0 && isWorthTelling) out.push({ type: "send", frame: { ...synced, id: null } });
  if (catchUp.isResume && session.arriving !== null) session.arriving--;
}

/** Sends the event if it is for this side. */
function pass(
  session: Session,
  subscription: Subscription,
  event: LaneEvent,
  marks: LaneHead | null,
  out: SessionEffect[],
): void {
  const { side, by } = session.who!;
  subscription.seq = Math.max(subscription.seq, event.seq);
  if (side === "contact" && !event.isPublic) return;
  const seq = laneSeq(event, side);
  if (seq <= subscription.last) return;
  subscription.last = seq;
  told(session, event);
  out.push({ type: "sendEvent", event, side, isAuthor: event.by.id === by.id, marks });
}

/** A read for catching up failed: who asked is told; a resume that nobody asked for ends with the connection. */
export function readFailed(session: Session, call: number, failure: Failure, out: SessionEffect[]): boolean {
  session.isReading = false;
  const waiting = awaiting(session, call);
  if (waiting.some(([, { catchUp }]) => catchUp.requests.length === 0)) return false;
  for (const [conversationId] of waiting) forget(session, conversationId, failure, out);
  proceed(session, out);
  return true;
}
