// The product with one thing broken on purpose, each a mistake that somebody could make. A simulation that does not find them
// proves nothing about the product.
import type { ServerFrame } from "@presszero/contracts";
import type { Input } from "@presszero/sdk";
import type { SessionEffect } from "../../apps/server/src/modules/gateway/session.ts";
import { type Cores, realCores } from "./cores.ts";
import { keyOf } from "./tables.ts";

export type Mutant = { name: string; invariants: readonly string[]; cores: Partial<Cores> };

const { stepEngine, stepSession, planMessages } = realCores;

/** A client whose engine is given something else than what happened. */
const engineGiven =
  (change: (input: Input, engine: Parameters<typeof stepEngine>[0]) => Input): Cores["stepEngine"] =>
  (engine, input, around) =>
    stepEngine(engine, change(input, engine), around);

const frameChanged = (change: (frame: ServerFrame) => ServerFrame): Cores["stepEngine"] =>
  engineGiven((input) => (input.type === "frame" ? { ...input, frame: change(input.frame) } : input));

export const mutants: readonly Mutant[] = [
  {
    name: "readers of the log do not stop at the horizon",
    invariants: ["I8"],
    cores: { readUpTo: (_horizon, next) => next },
  },
  {
    name: "a feed frame's cursor goes further than what was told",
    invariants: ["I8"],
    cores: { feedCursor: (_told, swept) => String(Number(swept) + 40) },
  },
  {
    name: "the sweeper does not look at the log",
    invariants: ["I8"],
    cores: { listChanges: () => [] },
  },
  {
    name: "numbers are given before duplicates are looked for",
    invariants: ["I4"],
    cores: {
      planMessages: (tables, rows, held, at) => {
        const { results, writes } = planMessages(tables, rows, held, at);
        const repeats = new Set(
          rows.flatMap((row, place) =>
            results[place]!.outcome === "duplicate" ? [keyOf(row.companyId, row.conversationId)] : [],
          ),
        );
        const conversations = [...repeats].flatMap((key) => {
          const row = tables.conversations.get(key);
          return row ? [{ ...row, seq: row.seq + 1 }] : [];
        });
        return { results, writes: { ...writes, conversations: [...conversations, ...writes.conversations] } };
      },
    },
  },
  {
    name: "a client id counts for three seconds only",
    invariants: ["I3"],
    cores: {
      planMessages: (tables, rows, held, at) =>
        planMessages(
          {
            ...tables,
            clientIds: new Map(
              [...tables.clientIds].filter(([, row]) => at.getTime() - row.createdAt.getTime() < 3_000),
            ),
          },
          rows,
          held,
          at,
        ),
    },
  },
  {
    name: "ok is sent before the commit",
    invariants: ["I1"],
    cores: {
      stepSession: (session, input, now) =>
        stepSession(session, input, now).flatMap((effect): SessionEffect[] => {
          if (effect.type !== "commit" || effect.conversationId === null) return [effect];
          const { id, clientId, conversationId } = effect;
          const place = { messageId: "msg_00000000000000000000000000" as never, seq: 1, at: "", duplicate: false };
          return [{ type: "send", frame: { type: "ok", id, clientId, conversationId, ...place } }, effect];
        }),
    },
  },
  {
    name: "a session forgets the events that come during a replay, and the client does not ask for them",
    invariants: ["I8"],
    cores: {
      stepSession: (session, input, now) => {
        const isForgotten =
          input.type === "event" && session.subscriptions.get(input.event.conversationId)?.catchUp != null;
        return isForgotten ? [] : stepSession(session, input, now);
      },
      stepEngine: (engine, input, around) =>
        input.type === "timer" && input.timer.startsWith("gap ") ? [engine, []] : stepEngine(engine, input, around),
    },
  },
  {
    name: "a session serves a conversation before it knows that it may",
    invariants: ["I10"],
    cores: {
      stepSession: (session, input, now) => {
        const effects = stepSession(session, input, now);
        for (const subscription of session.subscriptions.values()) subscription.isAllowed = true;
        return effects;
      },
    },
  },
  {
    name: "every customer may read every conversation of the company",
    invariants: ["I10"],
    cores: {
      findHead: (tables, reader, id) => {
        const row = tables.conversations.get(keyOf(reader.companyId, id));
        const owner = row && reader.type === "contact" ? { ...reader, id: row.contactId } : reader;
        return realCores.findHead(tables, owner, id);
      },
    },
  },
  {
    name: "marks are overwritten instead of merged",
    invariants: ["I9", "I8"],
    cores: { mergedMark: (_before, row) => row },
  },
  {
    name: "a message is sent again under a new client id",
    invariants: ["I2", "I3"],
    cores: {
      stepEngine: (engine, input, around) => {
        const [next, effects] = stepEngine(engine, input, around);
        for (const effect of effects) {
          if (effect.type !== "transmit" || effect.frame.type !== "send") continue;
          const { clientId } = effect.frame;
          const attempts = next.state.outbox.find((item) => item.clientId === clientId)?.attempts ?? 0;
          if (attempts > 1) effect.frame.clientId = `${clientId.slice(0, -12)}9${clientId.slice(-11)}`;
        }
        return [next, effects];
      },
    },
  },
  {
    name: "a client forgets what it has stored when it starts again",
    invariants: ["PR5", "I8", "I14"],
    cores: {
      stepEngine: engineGiven((input) => (input.type === "loaded" ? { ...input, items: [] } : input)),
    },
  },
  {
    name: "a client does not notice that its connection is dead",
    invariants: ["I8"],
    cores: {
      stepEngine: (engine, input, around) =>
        input.type === "timer" && input.timer === "silence" ? [engine, []] : stepEngine(engine, input, around),
    },
  },
  {
    name: "a client shows a message as read before it is",
    invariants: ["I9"],
    cores: {
      stepEngine: frameChanged((frame) =>
        frame.type === "receipt" && frame.side === "other" ? { ...frame, read: frame.read + 1 } : frame,
      ),
    },
  },
];
