import type { SystemCtx } from "../../kernel/context.ts";
import type { LaneEvent, Side } from "../conversations/index.ts";

/** Measures how long messages take from their commit to the sockets of this process, and remembers to how many. */
export function createDeliveries(system: SystemCtx) {
  const { metrics, trace, clock } = system;
  const fromHere = metrics.deliverSeconds.labels("own");
  const fromLog = metrics.deliverSeconds.labels("log");
  /** Commits of messages that were passed on in this turn of the loop. */
  const committed: number[] = [];

  function written(): void {
    const now = performance.now();
    for (const at of committed) fromHere.observe((now - at) / 1000);
    committed.length = 0;
  }

  return {
    passed(event: LaneEvent, served: Record<Side, number>): void {
      if (event.message === null || served.business + served.contact === 0) return;
      trace.passed(event.message.id, served.business, served.contact);
      if (event.committedAt === undefined) {
        fromLog.observe(Math.max(0, clock.now().getTime() - event.at.getTime()) / 1000);
      } else if (committed.push(event.committedAt) === 1) {
        // The sockets write what they were given at the end of this turn.
        process.nextTick(written);
      }
    },
  };
}
