// The sync engine and the sessions of the gateway under a seeded scheduler: thousands of times everything that can go wrong.
// And the simulation itself: it repeats itself, it makes failures small, and it finds what is broken on purpose.
import { describe, expect, it } from "vitest";
import { type Cores, realCores } from "./cores.ts";
import { mutants } from "./mutants.ts";
import { makePlan, type Plan } from "./plan.ts";
import { explain, readHistory } from "./report.ts";
import { shrink } from "./shrink.ts";
import { simulate } from "./simulate.ts";

const seeds = 2_000;
const block = 250;

describe("every promise is kept", () => {
  const blocks = Array.from({ length: seeds / block }, (_, place) => place * block + 1);
  it.each(blocks)("from seed %i on", { timeout: 300_000 }, (from) => {
    for (let seed = from; seed < from + block; seed++) {
      const plan = makePlan(seed);
      const verdict = simulate(plan);
      expect(verdict.violation, verdict.violation ? explain(plan, verdict) : "").toBe(null);
    }
  });
});

describe("the simulation", () => {
  it("is the same for the same seed", () => {
    for (const seed of [3, 17, 64, 222]) expect(readHistory(makePlan(seed))).toEqual(readHistory(makePlan(seed)));
  });

  it("does everything and breaks everything within a few hundred seeds", () => {
    const done = new Set<string>();
    const broken = new Set<string>();
    for (let seed = 1; seed <= 300; seed++) {
      for (const action of makePlan(seed).actions) done.add(action.do);
      for (const { fault } of makePlan(seed).faults) broken.add(fault);
    }
    expect([...done].sort()).toEqual(
      (
        "answer assign close delete discard edit hide import note older react read reopen retry say show start trespass " +
        "type wake"
      ).split(" "),
    );
    expect([...broken].sort()).toEqual(
      (
        "block clock crash cut databaseDown databaseFailing databaseSlow drain freeze kill lock lostAnswers lostHints " +
        "restore signOut slow stall"
      ).split(" "),
    );
  });

  it("comes to what seldom happens", { timeout: 120_000 }, () => {
    const seen = new Set<string>();
    const cores: Partial<Cores> = {
      stepSession: (session, input, now) => {
        const effects = realCores.stepSession(session, input, now);
        const isHeld = input.type === "event" && session.subscriptions.get(input.event.conversationId)?.catchUp != null;
        if (isHeld) seen.add("an event during a replay");
        for (const effect of effects) {
          if (effect.type === "close") seen.add(`close ${effect.code}`);
          if (effect.type === "flush") seen.add("a replay in slices");
          if (effect.type === "sendWelcome") seen.add(`resume ${effect.frame.resume}`);
          if (effect.type === "send") seen.add(effect.frame.type === "error" ? effect.frame.code : effect.frame.type);
          if (effect.type === "send" && effect.frame.type === "ok" && effect.frame.duplicate) seen.add("a repeat");
        }
        return effects;
      },
      stepEngine: (engine, input, around) => {
        const [next, effects] = realCores.stepEngine(engine, input, around);
        if (next.state.outbox.some((item) => item.quiet)) seen.add("a message offered again");
        if (input.type === "timer" && input.timer.startsWith("gap ")) seen.add("a gap that is asked for");
        return [next, effects];
      },
    };
    for (let seed = 1; seed <= 300; seed++) simulate(makePlan(seed), { cores });
    const wanted = [
      "a gap that is asked for",
      "a message offered again",
      "a repeat",
      "a replay in slices",
      "an event during a replay",
      "close 1012",
      "close 1013",
      "close 4401",
      "close 4490",
      "close 4491",
      "CONVERSATION_CLOSED",
      "NOT_FOUND",
      "UNAVAILABLE",
      "UNKNOWN_RETRY",
      "drain",
      "ephemeral",
      "gap",
      "gone",
      "page",
      "receipt",
      "resume ok",
      "resume reset",
      "synced",
    ];
    expect(wanted.filter((one) => !seen.has(one))).toEqual([]);
  });

  it("makes a failing plan as small as it gets", () => {
    const plan = makePlan(40);
    const [first] = plan.devices;
    const fails = ({ devices, faults, actions }: Plan) =>
      devices.some(({ name }) => name === first!.name) && faults.length >= 1 && actions.length >= 2;
    const small = shrink(plan, fails);
    expect([small.devices, small.faults.length, small.actions.length]).toEqual([[first], 1, 2]);
  });
});

describe("what is broken on purpose is found", () => {
  it.each(mutants)("$name", { timeout: 300_000 }, ({ cores, invariants }) => {
    for (let seed = 1; seed <= 600; seed++) {
      const { violation } = simulate(makePlan(seed), { cores });
      if (violation === null) continue;
      expect(invariants).toContain(violation.invariant);
      return;
    }
    expect.unreachable("It was not found.");
  });
});
