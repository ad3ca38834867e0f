import type { Ctx } from "../../kernel/context.ts";
import type { Metrics } from "../../kernel/metrics.ts";
import { createBucketTable } from "../../kernel/rate.ts";
import type { Limits } from "../../kernel/settings.ts";
import { createCounter } from "./limits.ts";

/** A herd that comes back at once is told to spread over this time (delivery contract §6). */
const leastWaitSeconds = 5;
const spreadSeconds = 25;

/** Who may connect, and how many at once. What is refused costs next to nothing. */
export function createAdmission(limits: Limits, metrics: Metrics, random: () => number = Math.random) {
  const hellos = createBucketTable(limits.hellos);
  let inFlight = 0;
  const users = createCounter(limits.connectionsOfUser);
  const devices = createCounter(limits.connectionsOfDevice);
  const addresses = createCounter(limits.connectionsFromAddress);

  return {
    /** A place for one hello: the function that frees it, or the seconds to wait when there is none. */
    enter(now: number): (() => void) | number {
      const limit = inFlight >= limits.hellosInFlight ? "hellosInFlight" : hellos.take("", now) > 0 ? "hellos" : null;
      if (limit !== null) {
        metrics.rateLimited.inc({ limit });
        return leastWaitSeconds + Math.floor(random() * spreadSeconds);
      }
      inFlight++;
      let isOver = false;
      return () => {
        if (!isOver) inFlight--;
        isOver = true;
      };
    },

    /** A place for a signed-in connection: the function that frees it, or the limit that is reached. */
    connect(ctx: Ctx, deviceId: string): (() => void) | keyof Limits {
      const { actor, companyId, address } = ctx;
      if (actor.type !== "contact") {
        const user = `${companyId} ${actor.id}`;
        return users.enter(user) ? () => users.leave(user) : "connectionsOfUser";
      }
      const device = `${companyId} ${deviceId}`;
      if (!devices.enter(device)) return "connectionsOfDevice";
      if (address !== undefined && !addresses.enter(address)) {
        devices.leave(device);
        return "connectionsFromAddress";
      }
      return () => {
        devices.leave(device);
        if (address !== undefined) addresses.leave(address);
      };
    },
  };
}

export type Admission = ReturnType<typeof createAdmission>;
