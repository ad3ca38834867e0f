import type { ConversationId } from "@presszero/contracts";
import { inTx } from "../../kernel/database.ts";
import { AppError } from "../../kernel/errors.ts";
import {
  accessLaneHeads,
  type LaneEvent,
  type LaneHead,
  laneSeq,
  listLaneEvents,
  toWire,
} from "../conversations/index.ts";
import type { Connection, Subscription } from "./connection.ts";
import type { Groups } from "./groups.ts";

/** Most events that are replayed for one conversation and for one resume; beyond that the latest page and a gap. */
const maxPerConversation = 200;
const maxPerResume = 1000;
const latestPage = 50;

export type CatchUpBudget = { left: number; gaps: number };
export const catchUpBudget = (): CatchUpBudget => ({ left: maxPerResume, gaps: 0 });

/**
 * Subscribes the connection to each conversation and sends what it has missed: its events, or a gap and the latest page,
 * then `synced`. One query asks for all heads; only conversations that went on are read. A conversation that the actor
 * may not read is `gone` on resume, and NOT_FOUND for a single subscribe (which has an `id`).
 */
export async function replay(
  groups: Groups,
  connection: Connection,
  wanted: readonly { conversationId: ConversationId; after: number }[],
  budget: CatchUpBudget,
  id: number | null = null,
): Promise<void> {
  // A connection that has ended meanwhile would stay in the groups for ever.
  if (wanted.length === 0 || !connection.isOpen()) return;
  const joined = new Map<ConversationId, Subscription>();
  for (const { conversationId } of wanted) {
    const known = connection.subscriptions.get(conversationId);
    if (known) groups.leave(known, conversationId);
    // Joined before the heads are read: what commits in between is held back, not lost.
    const subscription = groups.join(connection, conversationId);
    connection.subscriptions.set(conversationId, subscription);
    joined.set(conversationId, subscription);
  }
  try {
    const heads = await readHeads(connection, [...joined.keys()]);
    for (const { conversationId, after } of wanted) {
      const subscription = joined.get(conversationId)!;
      const head = heads.get(conversationId);
      if (head && (await replayOne(groups, subscription, head, after, budget, id))) continue;
      forget(groups, subscription, conversationId);
      if (id !== null) throw new AppError("NOT_FOUND");
      connection.send({ type: "gone", conversationId, why: "access" });
    }
  } catch (error) {
    // Half a replay is none: what the subscription holds back would never be let go.
    for (const [conversationId, subscription] of joined) forget(groups, subscription, conversationId);
    throw error;
  }
}

/** Ends the subscription, unless the client has ended or replaced it already. */
function forget(groups: Groups, subscription: Subscription, conversationId: ConversationId): void {
  const { subscriptions } = subscription.connection;
  if (subscriptions.get(conversationId) !== subscription) return;
  subscriptions.delete(conversationId);
  groups.leave(subscription, conversationId);
}

async function readHeads(connection: Connection, ids: ConversationId[]): Promise<Map<ConversationId, LaneHead>> {
  const heads = await inTx(connection.ctx, (tx) => accessLaneHeads(tx, ids));
  return new Map(heads.map((head) => [head.conversationId, head] as const));
}

/** False when the conversation may not be read any more. */
async function replayOne(
  groups: Groups,
  subscription: Subscription,
  first: LaneHead,
  after: number,
  budget: CatchUpBudget,
  id: number | null,
): Promise<boolean> {
  const { connection } = subscription;
  const { conversationId } = first;
  const { side } = connection;
  let head: LaneHead | undefined = first;
  let last = after;
  let from = after + 1;
  for (;;) {
    const headInLane = laneSeq(head, side);
    const missing = headInLane - last;
    if (missing < 0 || missing > Math.min(maxPerConversation, budget.left)) {
      budget.gaps++;
      connection.ctx.metrics.gaps.inc();
      // Too far behind, or ahead of a history that was put back: the client starts over from the latest page.
      const events = await readEvents(connection, conversationId, { limit: latestPage });
      from = events.length === 0 ? headInLane + 1 : laneSeq(events[0]!, side);
      connection.send({ type: "gap", conversationId, have: last, from, head: headInLane });
      last = sendEvents(connection, head, events, headInLane);
    } else if (missing > 0) {
      budget.left -= missing;
      const events = await readEvents(connection, conversationId, { after: last, limit: missing });
      last = sendEvents(connection, head, events, last);
    }
    const current = connection.subscriptions.get(conversationId);
    if (!current) return true;
    const { seq } = head;
    const { myRead, otherDelivered, otherRead } = head;
    const synced = {
      type: "synced" as const,
      id,
      conversationId,
      head: Math.max(headInLane, last),
      from,
      to: last,
      mine: { read: myRead },
      other: { delivered: otherDelivered, read: otherRead },
    };
    const done = () => connection.send(synced);
    // The client has subscribed anew meanwhile: live events come by that subscription, after its own replay.
    if (current !== subscription) {
      done();
      return true;
    }
    if (groups.replayed(subscription, conversationId, last, seq, done)) return true;
    head = (await readHeads(connection, [conversationId])).get(conversationId);
    if (!head) return false;
  }
}

function readEvents(
  connection: Connection,
  conversationId: ConversationId,
  range: { after?: number; limit: number },
): Promise<LaneEvent[]> {
  return inTx(connection.ctx, (tx) => listLaneEvents(tx, connection.side, conversationId, range));
}

/** Sends the events and answers the last position in the lane. */
function sendEvents(connection: Connection, head: LaneHead, events: readonly LaneEvent[], last: number): number {
  const { side } = connection;
  for (const event of events) {
    const isAuthor = event.by.id === connection.ctx.actor.id;
    connection.send({ type: "event", ...toWire(event, { side, isAuthor, marks: head }) });
    last = Math.max(last, laneSeq(event, side));
  }
  return last;
}
