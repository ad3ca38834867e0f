import type { Horizon } from "../views.ts";
import type { FeedText, Session, SessionEffect, SessionInput } from "./types.ts";

/** At most this many items go into one frame. */
const itemsPerFrame = 100;

/** Before the feed is read: a change in between is told twice rather than never. */
export function joinFeed(session: Session, out: SessionEffect[]): void {
  session.feed = { missed: [], told: null, reached: null, kept: new Map(), keptPosition: null };
  out.push({ type: "joinFeed" });
}

/** Answers whether the client has to read its list again. */
export function feedRead(session: Session, input: SessionInput & { type: "feedRead" }): boolean {
  const feed = session.feed!;
  feed.missed = [...(input.changed ?? [])];
  feed.reached = input.position;
  // What was missed is still to be told: until then the client's cursor stays where it is.
  feed.told = feed.missed.length > 0 ? input.from : input.position;
  return input.changed === null;
}

/** Asks for the next part of what was missed; false when there is none. */
export function readMissed(session: Session, out: SessionEffect[]): boolean {
  const missed = session.feed?.missed ?? [];
  if (missed.length === 0) return false;
  session.isReading = true;
  out.push({ type: "readEntries", ids: missed.slice(0, itemsPerFrame) });
  return true;
}

export function sendMissed(session: Session, items: readonly FeedText[], out: SessionEffect[]): void {
  const feed = session.feed!;
  session.isReading = false;
  feed.missed.splice(0, itemsPerFrame);
  const more = feed.missed.length > 0;
  if (!more) feed.told = feed.reached;
  out.push({ type: "sendFeed", items, position: feed.told!, more });
  session.isFlushing = more;
  if (more) out.push({ type: "flush" });
  else releaseFeed(session, out);
}

/** Live items. Those that come before what was missed is told, or while the client does not keep up, wait. */
export function tellFeed(session: Session, items: readonly FeedText[], position: Horizon, out: SessionEffect[]): void {
  const { feed } = session;
  if (!feed) return;
  if (session.stage === "open" && session.pressure === 0 && feed.missed.length === 0 && feed.kept.size === 0) {
    feed.told = position;
    return void out.push({ type: "sendFeed", items, position, more: false });
  }
  for (const item of items) feed.kept.set(item.conversationId, item);
  feed.keptPosition = position;
  releaseFeed(session, out);
}

/** Sends what waited, of each conversation the newest. */
export function releaseFeed(session: Session, out: SessionEffect[]): void {
  const { feed } = session;
  if (!feed || session.stage !== "open" || session.pressure > 0) return;
  if (feed.missed.length > 0 || feed.kept.size === 0) return;
  const items = [...feed.kept.values()];
  feed.kept.clear();
  const before = feed.told!;
  feed.told = feed.keptPosition;
  for (let start = 0; start < items.length; start += itemsPerFrame) {
    const more = start + itemsPerFrame < items.length;
    // Whoever breaks off in between is told the rest on coming back with this cursor.
    const position = more ? before : feed.told!;
    out.push({ type: "sendFeed", items: items.slice(start, start + itemsPerFrame), position, more });
  }
}
