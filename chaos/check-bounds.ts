// I11, I12 and the part of I15 that no server ends by itself.
import type { Violation } from "./invariants.ts";
import type { Dump } from "./dump.ts";
import type { Entry } from "./history.ts";

/** The most that one server process may use. */
export type Caps = { rssMiB: number; fds: number; databaseConnections: number };

export const usualCaps: Caps = { rssMiB: 600, fds: 500, databaseConnections: 60 };

const capNames = ["rssMiB", "fds", "databaseConnections"] as const;

export function checkBounds(entries: readonly Entry[], dump: Dump, caps: Caps): Violation[] {
  const violations: Violation[] = [];
  const worst = new Map<string, Entry>();
  for (const entry of entries) {
    if (entry.op === "exit" && !entry.wanted) {
      const message = `${entry.node} ended by itself with ${entry.code}`;
      violations.push({ invariant: "I15", message, evidence: entry });
    }
    if (entry.op !== "sample") continue;
    for (const name of capNames) {
      const before = worst.get(name);
      if (before?.op === "sample" && before[name] >= entry[name]) continue;
      if (entry[name] > caps[name]) worst.set(name, entry);
    }
  }
  for (const [name, entry] of worst) {
    violations.push({ invariant: "I11", message: `${name} grew beyond its cap`, evidence: { cap: caps, entry } });
  }
  for (const { name, behind } of dump.consumers) {
    if (behind > 0)
      violations.push({ invariant: "I12", message: `consumer ${name} has ${behind} events to read`, evidence: name });
  }
  for (const retry of dump.retries) {
    if (retry.isParked && retry.reason !== null) continue;
    const message = `event ${retry.event} waits in consumer ${retry.consumer}`;
    violations.push({ invariant: "I12", message, evidence: retry });
  }
  for (const job of dump.stuckJobs) {
    violations.push({ invariant: "I12", message: `job ${job.name} is held for ${job.seconds} s`, evidence: job });
  }
  return violations;
}
