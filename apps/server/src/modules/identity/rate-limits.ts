import ipaddr from "ipaddr.js";
import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import type { SystemCtx } from "../../kernel/context.ts";
import type { Database } from "../../kernel/database.ts";
import { AppError } from "../../kernel/errors.ts";

/** Tries in so many seconds, counted in this process. */
const limits = {
  /** Somebody who guesses from one address shuts out nobody but themselves. */
  signInOfEmailFromAddress: { points: 10, duration: 15 * 60 },
  signInOfEmail: { points: 50, duration: 15 * 60 },
  signInFromAddress: { points: 100, duration: 15 * 60 },
  tokensFromAddress: { points: 30, duration: 15 * 60 },
  invitationsOfCompany: { points: 100, duration: 60 * 60 },
  invitationsToEmail: { points: 5, duration: 60 * 60 },
  guestsFromAddress: { points: 600, duration: 60 },
};
type LimitName = keyof typeof limits;

const limitersOf = new WeakMap<Database, Map<LimitName, RateLimiterMemory>>();

function limiter(ctx: SystemCtx, name: LimitName): RateLimiterMemory {
  let limiters = limitersOf.get(ctx.database);
  if (!limiters) limitersOf.set(ctx.database, (limiters = new Map()));
  let found = limiters.get(name);
  if (!found) limiters.set(name, (found = new RateLimiterMemory(limits[name])));
  return found;
}

/** Counts a try; RATE_LIMITED with the time to wait when there were too many. */
export async function consumeLimit(ctx: SystemCtx, name: LimitName, key: string): Promise<void> {
  try {
    await limiter(ctx, name).consume(key);
  } catch (error) {
    if (!(error instanceof RateLimiterRes)) throw error;
    ctx.metrics.rateLimited.inc({ limit: name });
    throw new AppError("RATE_LIMITED", { retryAfterMs: error.msBeforeNext });
  }
}

/** Forgets the tries, after one that succeeded. */
export async function resetLimit(ctx: SystemCtx, name: LimitName, key: string): Promise<void> {
  await limiter(ctx, name).delete(key);
}

/** One key per IPv4 address and per IPv6 /64, which is what one customer of a provider has. */
export function addressKey(ip: string): string {
  if (!ipaddr.isValid(ip)) return "unknown";
  const address = ipaddr.process(ip);
  if (address instanceof ipaddr.IPv4) return address.toString();
  return `${address.parts
    .slice(0, 4)
    .map((part) => part.toString(16))
    .join(":")}::/64`;
}
