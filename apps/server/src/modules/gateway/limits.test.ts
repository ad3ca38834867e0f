import { describe, expect, it } from "vitest";
import type { Rate } from "../../kernel/settings-limits.ts";
import { createCounter, createLine } from "./limits.ts";
import { limitFrame } from "./session/limits.ts";

function createFrameLimiter(frameRate: Rate | null) {
  const session = { frameRate, frames: null };
  return (now: number) => limitFrame(session, now);
}

describe("the limiter of a connection", () => {
  it("lets a burst through, then asks to wait, and calls three seconds of excess a flood", () => {
    const limiter = createFrameLimiter({ perSecond: 20, burst: 60 });
    for (let frame = 0; frame < 60; frame++) expect(limiter(0)).toBe(0);
    for (let frame = 0; frame < 1_000; frame++) expect(limiter(1)).toBeGreaterThan(0);
    const answers: (number | "flood")[] = [];
    for (const now of [1_100, 2_200]) for (let frame = 0; frame < 200; frame++) answers.push(limiter(now));
    expect(answers.at(-1)).toBe("flood");
  });

  it("forgets strikes after a minute", () => {
    const limiter = createFrameLimiter({ perSecond: 1, burst: 1 });
    const exceed = (now: number) => [limiter(now), limiter(now)][1];
    for (const now of [0, 40_000, 80_000, 120_000, 160_000]) expect(exceed(now)).not.toBe("flood");
  });

  it("has no limit when there is none", () => {
    const limiter = createFrameLimiter(null);
    for (let frame = 0; frame < 10_000; frame++) expect(limiter(0)).toBe(0);
  });
});

it("a counter refuses beyond the most and frees what leaves", () => {
  const counter = createCounter(2);
  expect([counter.enter("a"), counter.enter("a"), counter.enter("a"), counter.enter("b")]).toEqual([
    true,
    true,
    false,
    true,
  ]);
  counter.leave("a");
  expect(counter.enter("a")).toBe(true);
});

it("a line lets so many through at once, and goes on after one that failed", async () => {
  const line = createLine(2);
  const ends: ((error?: Error) => void)[] = [];
  let started = 0;
  const work = () =>
    line(() => {
      started++;
      return new Promise<void>((resolve, reject) => ends.push((error) => (error ? reject(error) : resolve())));
    });
  const [first, second, third] = [work(), work(), work()];
  expect(started).toBe(2);
  ends[0]!(new Error("no"));
  await expect(first).rejects.toThrow("no");
  await expect.poll(() => started).toBe(3);
  ends[1]!();
  ends[2]!();
  await Promise.all([second, third]);
});
