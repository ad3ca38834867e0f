import type { Ctx } from "../../kernel/context.ts";
import { AppError } from "../../kernel/errors.ts";
import { createBucketTable } from "../../kernel/rate.ts";
import type { Limits } from "../../kernel/settings-limits.ts";
import { addressKey } from "../identity/index.ts";
import { createCounter } from "./limits.ts";

/** A herd that comes back at once is told to spread over this time (delivery contract §6). */
const leastWaitSeconds = 5;
const spreadSeconds = 25;

/** Who may connect, and how many at once. What is refused costs next to nothing. An overloaded process takes nobody. */
export function createAdmission(limits: Limits, isOverloaded: () => boolean) {
  const hellos = createBucketTable(limits.hellos);
  let inFlight = 0;
  const users = createCounter(limits.connectionsOfUser);
  const devices = createCounter(limits.connectionsOfDevice);
  const addresses = createCounter(limits.connectionsFromAddress);

  return {
    /** A place for one hello: the function that frees it, or the seconds to wait when there is none. */
    enter(now: number): (() => void) | number {
      if (isOverloaded() || inFlight >= limits.hellosInFlight || hellos.take("", now) > 0) return waitSeconds();
      inFlight++;
      let isOver = false;
      return () => {
        if (!isOver) inFlight--;
        isOver = true;
      };
    },

    /**
     * A place for a signed-in connection: the function that frees it. RATE_LIMITED when a limit is reached, UNAVAILABLE
     * when the process has become overloaded since the hello.
     */
    connect(ctx: Ctx, deviceId: string): () => void {
      if (isOverloaded()) throw new AppError("UNAVAILABLE", { retryAfterMs: waitSeconds() * 1_000 });
      const { actor, companyId } = ctx;
      const address = ctx.address === undefined ? undefined : addressKey(ctx.address);
      if (actor.type !== "contact") {
        const user = `${companyId} ${actor.id}`;
        if (!users.enter(user)) throw reached("connectionsOfUser");
        return () => users.leave(user);
      }
      const device = `${companyId} ${deviceId}`;
      if (!devices.enter(device)) throw reached("connectionsOfDevice");
      if (address !== undefined && !addresses.enter(address)) {
        devices.leave(device);
        throw reached("connectionsFromAddress");
      }
      return () => {
        devices.leave(device);
        if (address !== undefined) addresses.leave(address);
      };
    },
  };
}

const waitSeconds = () => leastWaitSeconds + Math.floor(Math.random() * spreadSeconds);

function reached(limit: keyof Limits): AppError {
  return new AppError("RATE_LIMITED", { details: { limit }, retryAfterMs: 30_000 });
}

export type Admission = ReturnType<typeof createAdmission>;
