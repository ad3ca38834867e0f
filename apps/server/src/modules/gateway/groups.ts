import type { CompanyId, ConversationId } from "@presszero/contracts";
import { type SystemCtx, systemCtx } from "../../kernel/context.ts";
import { inTx } from "../../kernel/database.ts";
import { type LaneEvent, laneSeq, listLaneEvents, toWire } from "../conversations/index.ts";
import type { Connection, Subscription } from "./connection.ts";
import { createDeliveries } from "./deliveries.ts";

type Group = {
  companyId: CompanyId;
  conversationId: ConversationId;
  members: Set<Subscription>;
  /** Newest seq that was passed on; null until the first replay tells the head. */
  last: number | null;
  /** Newest seq that we have heard of. */
  heard: number;
  isFilling: boolean;
};

/** Events read from the database at a time. */
const fillPage = 500;
/** The most that a subscription holds back during its replay; with more it is read from the database after all. */
const maxHeld = 500;

/**
 * The conversations that connections of this process follow. Events go on in order and without a hole (SR7): the next one
 * is passed on, a known one dropped, and one further ahead makes the group read what is missing from the database.
 */
export function createGroups(system: SystemCtx) {
  const groups = new Map<string, Group>();
  const deliveries = createDeliveries(system);
  const keyOf = (companyId: string, conversationId: string) => `${companyId} ${conversationId}`;

  function join(connection: Connection, conversationId: ConversationId): Subscription {
    const { companyId } = connection.ctx;
    const key = keyOf(companyId, conversationId);
    let group = groups.get(key);
    if (!group) {
      group = { companyId, conversationId, members: new Set(), last: null, heard: 0, isFilling: false };
      groups.set(key, group);
    }
    const subscription: Subscription = { connection, last: 0, held: [] };
    group.members.add(subscription);
    return subscription;
  }

  function leave(subscription: Subscription, conversationId: ConversationId): void {
    const key = keyOf(subscription.connection.ctx.companyId, conversationId);
    const group = groups.get(key);
    if (group?.members.delete(subscription) && group.members.size === 0) groups.delete(key);
  }

  /**
   * The replay is sent up to `last` in the subscription's lane, and was read when the conversation stood at `headSeq`.
   * Calls `onDone`, then lets go the events held back. False when the group has passed on more than that and they do not
   * begin where the replay ends: the caller reads on from `last` and says so again.
   */
  function replayed(
    subscription: Subscription,
    conversationId: ConversationId,
    last: number,
    headSeq: number,
    onDone: () => void,
  ): boolean {
    const group = groups.get(keyOf(subscription.connection.ctx.companyId, conversationId));
    subscription.last = last;
    const held = subscription.held ?? [];
    const nextHeld = held[0]?.seq ?? Number.POSITIVE_INFINITY;
    if (group && group.last !== null && group.last > headSeq && nextHeld > headSeq + 1) return false;
    onDone();
    subscription.held = null;
    for (const event of held) pass(event, [subscription]);
    if (group) {
      group.last ??= headSeq;
      if (group.heard > group.last) void fill(group);
    }
    return true;
  }

  function offer(event: LaneEvent): void {
    const group = groups.get(keyOf(event.companyId, event.conversationId));
    if (!group) return;
    group.heard = Math.max(group.heard, event.seq);
    if (group.last === null || group.isFilling || event.seq <= group.last) return;
    if (event.seq > group.last + 1) {
      system.metrics.hintGaps.inc();
      return void fill(group);
    }
    group.last = event.seq;
    pass(event, group.members);
  }

  /** The log says that this conversation has come to `seq`; reads what the bus did not bring. True if there is something. */
  function heardOf(companyId: string, conversationId: string, seq: number): boolean {
    const group = groups.get(keyOf(companyId, conversationId));
    if (!group) return false;
    group.heard = Math.max(group.heard, seq);
    const isBehind = group.last !== null && group.heard > group.last;
    if (isBehind) void fill(group);
    return isBehind;
  }

  /** Reads once more what could not be read before. */
  function retry(): void {
    for (const group of groups.values()) if (group.last !== null && group.heard > group.last) void fill(group);
  }

  async function fill(group: Group): Promise<void> {
    if (group.isFilling) return;
    group.isFilling = true;
    try {
      const ctx = systemCtx(system, group.companyId, "gateway");
      while (group.members.size > 0 && group.last! < group.heard) {
        const after = group.last!;
        const events = await inTx(ctx, (tx) =>
          listLaneEvents(tx, "business", group.conversationId, { after, limit: fillPage }),
        );
        for (const event of events) {
          system.metrics.laneHoles.inc(event.seq - group.last! - 1);
          group.last = event.seq;
          pass(event, group.members);
        }
        if (events.length === 0) break;
      }
    } catch (error) {
      // Repeated after the next sweep.
      system.log.warn({ err: error, conversationId: group.conversationId }, "could not read missing events");
    } finally {
      group.isFilling = false;
    }
  }

  /** Written once for each kind of reader, not once for each connection (SR8). */
  function pass(event: LaneEvent, members: Iterable<Subscription>): void {
    const texts: Record<string, string> = {};
    const served = { business: 0, contact: 0 };
    for (const subscription of members) {
      const { connection } = subscription;
      const { side } = connection;
      if (subscription.held) {
        if (subscription.held.length >= maxHeld) subscription.held = [];
        subscription.held.push(event);
        continue;
      }
      if (side === "contact" && !event.isPublic) continue;
      const seq = laneSeq(event, side);
      if (seq <= subscription.last) continue;
      subscription.last = seq;
      const isAuthor = event.by.id === connection.ctx.actor.id;
      const text = (texts[`${side} ${isAuthor}`] ??= JSON.stringify({
        type: "event",
        ...toWire(event, { side, isAuthor }),
      }));
      connection.sendText(text);
      served[side]++;
    }
    deliveries.passed(event, served);
  }

  /** Connections that follow a conversation. */
  function connectionsOf(companyId: string, conversationId: string): Connection[] {
    const group = groups.get(keyOf(companyId, conversationId));
    return group ? Array.from(group.members, (subscription) => subscription.connection) : [];
  }

  return { join, leave, replayed, offer, heardOf, retry, connectionsOf };
}

export type Groups = ReturnType<typeof createGroups>;
