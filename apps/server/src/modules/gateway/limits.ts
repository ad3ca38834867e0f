import { fullBucket, take } from "../../kernel/rate.ts";
import type { Rate } from "../../kernel/settings.ts";

/** Excess within one second is one strike; so many strikes within a minute are a flood. */
const strikeMs = 1_000;
const strikesOfFlood = 3;
const strikeMemoryMs = 60_000;

/** How long to wait before the next frame, zero to go on; "flood" when waiting was asked for in vain. */
export type FrameLimiter = (now: number) => number | "flood";

/** The limit of one connection. A rate of null is no limit. */
export function createFrameLimiter(rate: Rate | null, now: number): FrameLimiter {
  if (!rate) return () => 0;
  let bucket = fullBucket(rate, now);
  let strikes: number[] = [];
  return (at) => {
    const taken = take(bucket, rate, at);
    bucket = taken.bucket;
    if (taken.waitMs === 0) return 0;
    strikes = strikes.filter((strike) => at - strike < strikeMemoryMs);
    if (strikes.length === 0 || at - strikes.at(-1)! >= strikeMs) strikes.push(at);
    return strikes.length >= strikesOfFlood ? "flood" : taken.waitMs;
  };
}

/** Counts open things by name and refuses beyond the most allowed. */
export function createCounter(most: number) {
  const counts = new Map<string, number>();
  return {
    /** False when there are as many as allowed; otherwise counts one more. */
    enter(name: string): boolean {
      const count = counts.get(name) ?? 0;
      if (count >= most) return false;
      counts.set(name, count + 1);
      return true;
    },
    leave(name: string): void {
      const count = (counts.get(name) ?? 0) - 1;
      if (count > 0) counts.set(name, count);
      else counts.delete(name);
    },
  };
}
