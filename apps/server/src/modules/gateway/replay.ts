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
import type { Connection } from "./connection.ts";
import type { Groups } from "./groups.ts";

/** Most events that are replayed for one conversation and for one resume; beyond that the latest page and a gap. */
const maxPerConversation = 200;
const maxPerResume = 1000;
const latestPage = 50;

export type CatchUpBudget = { left: number };
export const catchUpBudget = (): CatchUpBudget => ({ left: maxPerResume });

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
  if (wanted.length === 0) return;
  for (const { conversationId } of wanted) {
    const known = connection.subscriptions.get(conversationId);
    if (known) groups.leave(known, conversationId);
    // Joined before the heads are read: what commits in between is held back, not lost.
    connection.subscriptions.set(conversationId, groups.join(connection, conversationId));
  }
  const heads = await readHeads(
    connection,
    wanted.map((one) => one.conversationId),
  ).catch((error: unknown) => {
    for (const { conversationId } of wanted) forget(groups, connection, conversationId);
    throw error;
  });
  for (const { conversationId, after } of wanted) {
    const head = heads.get(conversationId);
    if (head) {
      await replayOne(groups, connection, head, after, budget, id);
      continue;
    }
    forget(groups, connection, conversationId);
    if (id !== null) throw new AppError("NOT_FOUND");
    connection.send({ type: "gone", conversationId, why: "access" });
  }
}

function forget(groups: Groups, connection: Connection, conversationId: ConversationId): void {
  const subscription = connection.subscriptions.get(conversationId);
  if (!subscription) return;
  connection.subscriptions.delete(conversationId);
  groups.leave(subscription, conversationId);
}

async function readHeads(connection: Connection, ids: ConversationId[]): Promise<Map<ConversationId, LaneHead>> {
  const heads = await inTx(connection.ctx, (tx) => accessLaneHeads(tx, ids));
  return new Map(heads.map((head) => [head.conversationId, head] as const));
}

async function replayOne(
  groups: Groups,
  connection: Connection,
  first: LaneHead,
  after: number,
  budget: CatchUpBudget,
  id: number | null,
): Promise<void> {
  const { conversationId } = first;
  const { side } = connection;
  let head: LaneHead | undefined = first;
  let last = after;
  let from = after + 1;
  for (;;) {
    const headInLane = laneSeq(head, side);
    const missing = headInLane - last;
    if (missing < 0 || missing > Math.min(maxPerConversation, budget.left)) {
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
    const subscription = connection.subscriptions.get(conversationId);
    if (!subscription) return;
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
    if (groups.replayed(subscription, conversationId, last, seq, () => connection.send(synced))) return;
    head = (await readHeads(connection, [conversationId])).get(conversationId);
    if (!head) return forget(groups, connection, conversationId);
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
