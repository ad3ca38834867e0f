// One simulation: the plan is carried out step by step, and after each step the promises are checked.
import type { Violation } from "../invariants.ts";
import { act } from "./acts.ts";
import { findDisagreement, findDropped, findWrongMarks } from "./agreement.ts";
import { type Cores, realCores } from "./cores.ts";
import { cause, mayLoseSignals, prepare } from "./faults.ts";
import type { Plan } from "./plan.ts";
import { BrokenPromise } from "./watch.ts";
import { createWorld, type World } from "./world.ts";

/** So long may it take until all agree again, after everything has healed: as long as the longest pauses add up to. */
const patienceMs = 400_000;
const checkEveryMs = 1_000;

export type Verdict = {
  violation: Violation | null;
  steps: number;
  /** Of virtual time. */
  ms: number;
  messages: number;
};

/** `cores`: parts of the product to run instead of the real ones. */
export type Options = { cores?: Partial<Cores>; trace?: (line: string) => void };

export function simulate(plan: Plan, { cores, trace }: Options = {}): Verdict {
  const world = createWorld(plan, { ...realCores, ...cores }, trace);
  const { scheduler, seats, db } = world;
  let steps = 0;
  let violation: Violation | null = null;
  try {
    const boots = world.random("boot");
    for (const { device } of seats.values()) scheduler.after(boots.between(0, 200), () => world.boot(device));
    for (const action of plan.actions) scheduler.after(action.at, () => act(world, action));
    for (const fault of plan.faults) {
      prepare(world, fault);
      scheduler.after(fault.at, () => cause(world, fault));
    }
    for (; scheduler.now() < plan.healAt; steps++) scheduler.step();
    world.tell(() => "everything heals");
    for (const { device } of seats.values()) world.boot(device);
    if (plan.wakesAtTheEnd) for (const { device } of seats.values()) device.wake();
    let hasResumed = !mayLoseSignals(plan.faults);
    for (let checkAt = 0; scheduler.now() < plan.healAt + patienceMs; steps++) {
      if (scheduler.now() >= checkAt) {
        checkAt = scheduler.now() + checkEveryMs;
        violation = findOpen(world);
        if (violation === null) {
          violation = findIn(world, (device) => findWrongMarks(db.tables, device));
          if (violation === null) break;
          // Whoever was not told of a mark learns of it when they come back.
          if (!hasResumed)
            for (const { lines } of seats.values()) for (const line of lines) line.cut(["client", "server"]);
          hasResumed = true;
        }
      }
      scheduler.step();
    }
  } catch (error) {
    if (!(error instanceof BrokenPromise)) throw error;
    violation = error.violation;
  }
  return { violation, steps, ms: scheduler.now(), messages: db.tables.messages.size };
}

function findOpen(world: World): Violation | null {
  const { db, watch, lost } = world;
  return findIn(world, (device) => findDisagreement(db.tables, device)) ?? findDropped(db.tables, watch, lost);
}

type Find = (device: Parameters<typeof findDisagreement>[1]) => Violation | null;

function findIn({ seats }: World, find: Find): Violation | null {
  for (const { device } of seats.values()) {
    const found = find(device);
    if (found) return found;
  }
  return null;
}
