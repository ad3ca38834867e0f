import type { Clock } from "./clock.ts";
import { type Effect, type Engine, type Input, step } from "./engine.ts";
import type { createPerformer } from "./performer.ts";

export type CorePorts = {
  initial: Engine;
  clock: Clock;
  openPerformer: (tell: (input: Input) => void) => ReturnType<typeof createPerformer>;
  /** The engine is another one now. */
  changed: () => void;
  /** This input is part of it. */
  taken: (input: Input) => void;
};

/** A running engine, seen from one tab. */
export type Core = {
  engine: () => Engine;
  take: (input: Input) => void;
  start: () => void;
  stop: () => void;
};

/** An engine of one's own. */
export function createCore({ initial, clock, openPerformer, changed, taken }: CorePorts): Core {
  let engine = initial;
  const { perform } = openPerformer(take);
  const performAll = inOrder(perform);

  function take(input: Input): void {
    const [next, effects] = step(engine, input, { now: clock.now(), random: clock.random() });
    engine = next;
    performAll(effects);
    changed();
    taken(input);
  }

  return {
    engine: () => engine,
    take,
    start: () => take({ type: "start" }),
    stop: () => take({ type: "stop" }),
  };
}

/** Performs effects in their order, also when one of them has another thing happen at once. */
export function inOrder(perform: (effect: Effect) => void): (effects: readonly Effect[]) => void {
  const waiting: Effect[] = [];
  let isPerforming = false;
  return (effects) => {
    waiting.push(...effects);
    if (isPerforming) return;
    isPerforming = true;
    try {
      for (let effect = waiting.shift(); effect !== undefined; effect = waiting.shift()) perform(effect);
    } finally {
      isPerforming = false;
    }
  };
}
