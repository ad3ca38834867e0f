import type { Entry } from "./history.ts";

type Sent = Extract<Entry, { op: "send" }>;
export type Latency = { count: number; median: number; p95: number; max: number };

/** From pressing send to the acknowledgement, over the messages that `isMeant`; one without an answer counts as endless. */
export function secondsToOk(entries: readonly Entry[], isMeant: (send: Sent) => boolean): Latency {
  const answered = new Map<string, number>();
  for (const entry of entries) if (entry.op === "ok" && !answered.has(entry.cid)) answered.set(entry.cid, entry.ts);
  const seconds = entries
    .filter((entry): entry is Sent => entry.op === "send" && entry.client !== "probe" && isMeant(entry))
    .map((send) => ((answered.get(send.cid) ?? Number.POSITIVE_INFINITY) - send.ts) / 1000);
  return summarize(seconds);
}

export function summarize(values: readonly number[]): Latency {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
  return { count: sorted.length, median: at(0.5), p95: at(0.95), max: at(1) };
}
