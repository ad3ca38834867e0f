import type { SystemCtx } from "../../kernel/context.ts";
import type { LaneEvent, Side } from "../conversations/index.ts";

/** What happens to a message later brings it along, too, but has a place of its own. */
const isNewMessage = ({ message, seq }: LaneEvent) => message?.seq === seq;

/** Measures how long messages take from their commit to the sockets of this process, and remembers to how many. */
export function createDeliveries(system: SystemCtx) {
  const { metrics, trace, clock } = system;
  const fromHere = metrics.deliverSeconds.labels("own");
  const fromLog = metrics.deliverSeconds.labels("log");
  let passing: LaneEvent | null = null;
  let staff = 0;
  let customers = 0;
  /** Commits of messages that were passed on in this turn of the loop. */
  const committed: number[] = [];

  function written(): void {
    const now = performance.now();
    for (const at of committed) fromHere.observe((now - at) / 1000);
    committed.length = 0;
  }

  return {
    /** From here to `end`, the event is handed to all who follow its conversation. */
    begin(event: LaneEvent): void {
      passing = isNewMessage(event) ? event : null;
      staff = customers = 0;
    },

    /** A connection was sent this event live. */
    sent(event: LaneEvent, side: Side): void {
      if (event === passing) {
        if (side === "business") staff++;
        else customers++;
      } else if (isNewMessage(event)) {
        // It had to wait for the connection's replay.
        trace.passed(event.message!.id, side === "business" ? 1 : 0, side === "business" ? 0 : 1);
      }
    },

    end(): void {
      const event = passing;
      passing = null;
      if (event === null || staff + customers === 0) return;
      const { message, committedAt, at } = event;
      trace.passed(message!.id, staff, customers);
      if (committedAt === undefined) fromLog.observe(Math.max(0, clock.now().getTime() - at.getTime()) / 1000);
      // The sockets write what they were given at the end of this turn.
      else if (committed.push(committedAt) === 1) process.nextTick(written);
    },
  };
}
