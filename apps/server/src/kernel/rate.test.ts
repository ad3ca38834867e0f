import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createBucketTable, fullBucket, take } from "./rate.ts";

const rates = fc.record({ perSecond: fc.integer({ min: 1, max: 100 }), burst: fc.integer({ min: 1, max: 200 }) });
const pauses = fc.array(fc.integer({ min: 0, max: 3_000 }), { minLength: 1, maxLength: 300 });

describe("a bucket", () => {
  it("never lets through more than burst plus rate times time", () => {
    fc.assert(
      fc.property(rates, pauses, (rate, steps) => {
        let bucket = fullBucket(rate, 0);
        let now = 0;
        let taken = 0;
        for (const step of steps) {
          now += step;
          const result = take(bucket, rate, now);
          bucket = result.bucket;
          if (result.waitMs === 0) taken++;
          expect(bucket.tokens).toBeLessThanOrEqual(rate.burst);
          expect(taken).toBeLessThanOrEqual(rate.burst + (rate.perSecond * now) / 1000 + 1e-6);
        }
      }),
    );
  });

  it("tells a wait after which the next one goes through", () => {
    fc.assert(
      fc.property(rates, pauses, (rate, steps) => {
        let bucket = fullBucket(rate, 0);
        let now = 0;
        for (const step of steps) {
          now += step;
          const first = take(bucket, rate, now);
          bucket = first.bucket;
          if (first.waitMs === 0) continue;
          const later = take(bucket, rate, now + first.waitMs);
          expect(later.waitMs).toBe(0);
        }
      }),
    );
  });

  it("does not mind a clock that stands still or goes back", () => {
    const rate = { perSecond: 1, burst: 2 };
    let bucket = fullBucket(rate, 1_000);
    for (const now of [1_000, 500, 1_000]) bucket = take(bucket, rate, now).bucket;
    expect(take(bucket, rate, 1_000).waitMs).toBeGreaterThan(0);
  });
});

it("a table of buckets keeps names apart and forgets the ones that are full again", () => {
  const table = createBucketTable({ perSecond: 1, burst: 1 });
  expect(table.take("a", 0)).toBe(0);
  expect(table.take("a", 0)).toBeGreaterThan(0);
  expect(table.take("b", 0)).toBe(0);
  expect(table.size).toBe(2);
  expect(table.take("c", 60_000)).toBe(0);
  expect(table.size).toBe(1);
});
