/** Buckets are one per cent wide, from 10 µs to beyond an hour. */
const smallestMs = 0.01;
const growth = Math.log(1.01);
const buckets = 2_000;

export type Latencies = { count: number; p50: number; p99: number; p999: number; max: number };

export type Histogram = {
  /** Milliseconds from when the message was meant to be sent, so that a slow server cannot hide what it held up. */
  record(ms: number): void;
  summary(): Latencies;
};

/** Counts latencies; quantiles are exact to one per cent. An empty one answers zeros. */
export function createHistogram(): Histogram {
  const counts = new Uint32Array(buckets);
  let count = 0;
  let max = 0;

  function quantile(part: number): number {
    const rank = Math.max(1, Math.ceil(part * count));
    let seen = 0;
    for (const [index, inBucket] of counts.entries()) {
      seen += inBucket;
      if (seen >= rank) return Math.min(max, smallestMs * Math.exp((index + 0.5) * growth));
    }
    return max;
  }

  return {
    record(ms) {
      const index = ms <= smallestMs ? 0 : Math.floor(Math.log(ms / smallestMs) / growth);
      counts[Math.min(index, buckets - 1)]!++;
      count++;
      if (ms > max) max = ms;
    },
    summary: () =>
      count === 0
        ? { count: 0, p50: 0, p99: 0, p999: 0, max: 0 }
        : { count, p50: quantile(0.5), p99: quantile(0.99), p999: quantile(0.999), max },
  };
}

/** The middle value, or the mean of the two in the middle; NaN for none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
