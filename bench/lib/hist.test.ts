import { expect, it } from "vitest";
import { createHistogram, median } from "./hist.ts";

it("answers quantiles within one per cent", () => {
  const histogram = createHistogram();
  for (let ms = 1; ms <= 10_000; ms++) histogram.record(ms);
  const { count, p50, p99, p999, max } = histogram.summary();
  expect(count).toBe(10_000);
  expect(p50 / 5_000).toBeCloseTo(1, 2);
  expect(p99 / 9_900).toBeCloseTo(1, 2);
  expect(p999 / 9_990).toBeCloseTo(1, 2);
  expect(max).toBe(10_000);
});

it("keeps one slow message in sight", () => {
  const histogram = createHistogram();
  for (let i = 0; i < 99; i++) histogram.record(1);
  histogram.record(5_000);
  const { p99, p999, max } = histogram.summary();
  expect(p99).toBeCloseTo(1, 1);
  expect(p999 / 5_000).toBeCloseTo(1, 1);
  expect(max).toBe(5_000);
});

it("takes what lies outside its buckets, and nothing at all", () => {
  const histogram = createHistogram();
  expect(histogram.summary()).toEqual({ count: 0, p50: 0, p99: 0, p999: 0, max: 0 });
  histogram.record(0);
  histogram.record(1e9);
  expect(histogram.summary()).toMatchObject({ count: 2, max: 1e9 });
});

it("finds the middle of odd and even numbers of values", () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 3, 2])).toBe(2.5);
});
