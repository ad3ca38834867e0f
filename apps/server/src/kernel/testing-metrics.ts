// For tests only.
import type { Metrics } from "./metrics.ts";

/** The value of a metric as Prometheus would read it: `name`, or `name{label="value"}`; 0 while there is none. */
export async function readMetric({ registry }: Metrics, name: string): Promise<number> {
  const lines = (await registry.metrics()).split("\n");
  const line = lines.find((one) => one.startsWith(`${name} `));
  return line === undefined ? 0 : Number(line.slice(name.length + 1));
}
