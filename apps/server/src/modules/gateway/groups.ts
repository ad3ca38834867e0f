import type { CompanyId, ConversationId } from "@presszero/contracts";
import { type SystemCtx, systemCtx } from "../../kernel/context.ts";
import { inTx } from "../../kernel/database.ts";
import { type LaneEvent, listLaneEvents } from "../conversations/index.ts";
import type { Connection } from "./connection.ts";
import { createDeliveries } from "./deliveries.ts";
import { createGroup, failed, filled, type Group, type GroupEffect, heardOf, offer, retry, settle } from "./group.ts";

type Followed = { companyId: CompanyId; conversationId: ConversationId; group: Group; members: Set<Connection> };

/** Ids are unique, but nobody may be reached by naming somebody else's. */
const keyOf = (companyId: CompanyId, conversationId: ConversationId) => `${companyId} ${conversationId}`;

/** Events read from the database at a time. */
const readPage = 500;

/** The groups of this process: the conversations that its connections follow. */
export function createGroups(system: SystemCtx) {
  const groups = new Map<string, Followed>();
  const deliveries = createDeliveries(system);
  const none: ReadonlySet<Connection> = new Set();

  function perform(followed: Followed, effects: readonly GroupEffect[]): void {
    for (const effect of effects) {
      if (effect.type === "read") {
        void read(followed, effect.after);
        continue;
      }
      const { conversationId } = followed;
      const input =
        effect.type === "pass"
          ? ({ type: "event", event: effect.event } as const)
          : ({ type: "heard", conversationId, seq: effect.seq } as const);
      if (effect.type === "pass") deliveries.begin(effect.event);
      for (const member of followed.members) member.put(input);
      if (effect.type === "pass") deliveries.end();
    }
  }

  async function read(followed: Followed, after: number): Promise<void> {
    const { companyId, conversationId, group } = followed;
    let effects: readonly GroupEffect[];
    try {
      const events = await inTx(systemCtx(system, companyId, "gateway"), (tx) =>
        listLaneEvents(tx, "business", conversationId, { after, limit: readPage }),
      );
      let last = after;
      for (const { seq } of events) {
        system.metrics.laneHoles.inc(seq - last - 1);
        last = seq;
      }
      effects = filled(group, events);
    } catch (error) {
      // Repeated after the next sweep.
      system.log.warn({ err: error, conversationId }, "could not read missing events");
      effects = failed(group);
    }
    // Nobody is left to pass anything on to.
    if (followed.members.size > 0) perform(followed, effects);
  }

  return {
    join(connection: Connection, conversationId: ConversationId): void {
      const { companyId } = connection.ctx!;
      const key = keyOf(companyId, conversationId);
      let followed = groups.get(key);
      if (!followed) {
        followed = { companyId, conversationId, group: createGroup(), members: new Set() };
        groups.set(key, followed);
      }
      followed.members.add(connection);
    },

    leave(connection: Connection, conversationId: ConversationId): void {
      const key = keyOf(connection.ctx!.companyId, conversationId);
      const followed = groups.get(key);
      if (followed?.members.delete(connection) && followed.members.size === 0) groups.delete(key);
    },

    settle(companyId: CompanyId, conversationId: ConversationId, seq: number): void {
      const followed = groups.get(keyOf(companyId, conversationId));
      if (followed) perform(followed, settle(followed.group, seq));
    },

    offer(event: LaneEvent): void {
      const followed = groups.get(keyOf(event.companyId, event.conversationId));
      if (!followed) return;
      const effects = offer(followed.group, event);
      if (mustRead(effects)) system.metrics.hintGaps.inc();
      perform(followed, effects);
    },

    /** The log says that this conversation has come to `seq`; reads what the bus did not bring. True if that is something. */
    heardOf(companyId: CompanyId, conversationId: ConversationId, seq: number): boolean {
      const followed = groups.get(keyOf(companyId, conversationId));
      if (!followed) return false;
      const effects = heardOf(followed.group, seq);
      perform(followed, effects);
      return mustRead(effects);
    },

    /** A member of a group was sent an event live. */
    sent: deliveries.sent,

    /** Reads once more what could not be read before. */
    retry(): void {
      for (const followed of groups.values()) perform(followed, retry(followed.group));
    },

    /** Connections that follow a conversation. */
    membersOf(companyId: CompanyId, conversationId: ConversationId): ReadonlySet<Connection> {
      return groups.get(keyOf(companyId, conversationId))?.members ?? none;
    },
  };
}

const mustRead = (effects: readonly GroupEffect[]) => effects.some((effect) => effect.type === "read");

export type Groups = ReturnType<typeof createGroups>;
