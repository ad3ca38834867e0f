import type { Rate } from "./settings-limits.ts";

/** Tokens left at a moment (ms of a monotonic clock). A bucket that was never used is full. */
export type Bucket = { tokens: number; at: number };

export const fullBucket = (rate: Rate, now: number): Bucket => ({ tokens: rate.burst, at: now });

/**
 * Takes one token. Answers the bucket afterwards, and how long to wait (ms) when there was none; zero means taken. The
 * tokens never exceed the burst, and over any time t at most burst + perSecond · t are taken.
 */
export function take(bucket: Bucket, rate: Rate, now: number): { bucket: Bucket; waitMs: number } {
  const elapsed = Math.max(0, now - bucket.at);
  const tokens = Math.min(rate.burst, bucket.tokens + (elapsed * rate.perSecond) / 1000);
  const at = Math.max(now, bucket.at);
  if (tokens >= 1) return { bucket: { tokens: tokens - 1, at }, waitMs: 0 };
  return { bucket: { tokens, at }, waitMs: Math.ceil(((1 - tokens) * 1000) / rate.perSecond) };
}

/** Buckets by name (a company, an address); those that are full again are forgotten. */
export function createBucketTable(rate: Rate | null) {
  const buckets = new Map<string, Bucket>();
  let sweptAt = Number.NEGATIVE_INFINITY;
  return {
    get size() {
      return buckets.size;
    },
    take(name: string, now: number): number {
      if (!rate) return 0;
      if (now - sweptAt > 10_000) {
        sweptAt = now;
        const refillMs = (rate.burst * 1000) / rate.perSecond;
        for (const [key, bucket] of buckets) if (now - bucket.at > refillMs) buckets.delete(key);
      }
      const { bucket, waitMs } = take(buckets.get(name) ?? fullBucket(rate, now), rate, now);
      buckets.set(name, bucket);
      return waitMs;
    },
  };
}
