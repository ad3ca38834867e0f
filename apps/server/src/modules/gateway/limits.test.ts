import { describe, expect, it } from "vitest";
import { createCounter, createFrameLimiter } from "./limits.ts";

describe("the limiter of a connection", () => {
  it("lets a burst through, then asks to wait, and calls three seconds of excess a flood", () => {
    const limiter = createFrameLimiter({ perSecond: 20, burst: 60 }, 0);
    for (let frame = 0; frame < 60; frame++) expect(limiter(0)).toBe(0);
    for (let frame = 0; frame < 1_000; frame++) expect(limiter(1)).toBeGreaterThan(0);
    const answers: (number | "flood")[] = [];
    for (const now of [1_100, 2_200]) for (let frame = 0; frame < 200; frame++) answers.push(limiter(now));
    expect(answers.at(-1)).toBe("flood");
  });

  it("forgets strikes after a minute", () => {
    const limiter = createFrameLimiter({ perSecond: 1, burst: 1 }, 0);
    const exceed = (now: number) => [limiter(now), limiter(now)][1];
    for (const now of [0, 40_000, 80_000, 120_000, 160_000]) expect(exceed(now)).not.toBe("flood");
  });

  it("has no limit when there is none", () => {
    const limiter = createFrameLimiter(null, 0);
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
