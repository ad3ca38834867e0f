// Whether this machine is quiet enough to measure on, and what it is able to do.
import { createHash } from "node:crypto";
import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from "node:fs";
import { availableParallelism, cpus, release, totalmem } from "node:os";
import { join } from "node:path";
import type { Cores } from "./proc.ts";

const quietCores = 0.2;
const quietSteal = 0.15;
const mostRepeats = 3;

export type MachineFacts = {
  processors: number;
  model: string;
  memoryGb: number;
  kernel: string;
  node: string;
  sha256PerSecond: number;
  fdatasyncPerSecond: number;
  /** The longest time in which a loop that does nothing but look at the clock was not running. */
  loopGapMs: number;
};

/** Takes about a second. `directory` lies on the disk that the database will use. */
export function calibrate(directory: string): MachineFacts {
  return {
    processors: availableParallelism(),
    model: cpus()[0]?.model ?? "unknown",
    memoryGb: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    sha256PerSecond: measureSha256(300),
    fdatasyncPerSecond: measureFdatasync(join(directory, "fdatasync-probe"), 300),
    loopGapMs: measureLoopGap(400),
  };
}

function measureSha256(ms: number): number {
  const block = Buffer.alloc(4096, 7);
  return perSecond(ms, () => void createHash("sha256").update(block).digest());
}

function measureFdatasync(file: string, ms: number): number {
  const block = Buffer.alloc(8192, 7);
  const descriptor = openSync(file, "w");
  try {
    return perSecond(ms, () => {
      writeSync(descriptor, block, 0, block.length, 0);
      fdatasyncSync(descriptor);
    });
  } finally {
    closeSync(descriptor);
    rmSync(file);
  }
}

function perSecond(ms: number, work: () => void): number {
  const start = performance.now();
  let times = 0;
  while (performance.now() - start < ms) {
    work();
    times++;
  }
  return Math.round((times * 1000) / (performance.now() - start));
}

function measureLoopGap(ms: number): number {
  const start = performance.now();
  let last = start;
  let longest = 0;
  while (last - start < ms) {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  }
  return Math.round(longest * 100) / 100;
}

function isQuiet(cores: Pick<Cores, "other" | "steal">): boolean {
  return cores.other <= quietCores && cores.steal <= quietSteal;
}

/**
 * Measures again, at most three times, while others use this machine. The last sample counts even then; it says that it
 * is noisy, and how often it was repeated. `budget` bounds the repeats of the whole run.
 */
export async function measureQuietly<T extends { cores: Cores }>(
  budget: { repeats: number },
  measure: () => Promise<T>,
): Promise<T & { repeats: number; isNoisy: boolean }> {
  for (let repeats = 0; ; repeats++) {
    const sample = await measure();
    const isNoisy = !isQuiet(sample.cores);
    if (!isNoisy || repeats === mostRepeats || budget.repeats === 0) return { ...sample, repeats, isNoisy };
    budget.repeats--;
  }
}
