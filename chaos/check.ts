// The checker: does what happened agree with the contract? Invariants I1 to I15 of the fault matrix.
import { checkBounds, type Caps } from "./check-bounds.ts";
import { checkFrames } from "./check-frames.ts";
import { checkMessages } from "./check-messages.ts";
import { checkViews } from "./check-views.ts";
import type { Dump } from "./dump.ts";
import type { Entry } from "./history.ts";
import type { Violation } from "./invariants.ts";

export type Evidence = {
  entries: readonly Entry[];
  dump: Dump;
  caps: Caps;
  /** How long something took that has a bound, in seconds (I15). */
  timings: readonly { what: string; seconds: number; bound: number }[];
};

export function check({ entries, dump, caps, timings }: Evidence): Violation[] {
  return [
    ...checkMessages(entries, dump),
    ...checkViews(entries, dump),
    ...checkFrames(entries, dump),
    ...checkBounds(entries, dump, caps),
    ...timings
      .filter(({ seconds, bound }) => !(seconds <= bound))
      .map((timing) => ({
        invariant: "I15",
        message: `${timing.what} took ${timing.seconds.toFixed(1)} s`,
        evidence: timing,
      })),
  ];
}
