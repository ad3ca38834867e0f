import type { Metrics } from "./metrics.ts";

const everyMs = 100;
/** The longest lag is told of at least this long, and of at most twice as long. */
const windowMs = 10_000;

export type LoopLag = {
  /** The longest lag of the last moments. */
  longestSeconds(): number;
  stop(): void;
};

/** Measures how late a timer fires: as long as the loop is busy, nobody is answered. */
export function watchLoopLag(metrics: Metrics): LoopLag {
  let expectedAt = performance.now() + everyMs;
  let windowEndsAt = performance.now() + windowMs;
  let longest = 0;
  let longestBefore = 0;
  const timer = setInterval(() => {
    const now = performance.now();
    const lagSeconds = Math.max(0, now - expectedAt) / 1000;
    expectedAt = now + everyMs;
    metrics.eventLoopLagSeconds.observe(lagSeconds);
    if (now > windowEndsAt) {
      windowEndsAt = now + windowMs;
      longestBefore = longest;
      longest = 0;
    }
    longest = Math.max(longest, lagSeconds);
  }, everyMs).unref();
  return { longestSeconds: () => Math.max(longest, longestBefore), stop: () => clearInterval(timer) };
}
