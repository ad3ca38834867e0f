import { monitorEventLoopDelay } from "node:perf_hooks";
import type { SystemCtx } from "./context.ts";
import type { OverloadLimits } from "./settings-limits.ts";

const checkMs = 1_000;
/** So long the event loop has to lag before it counts. */
const lagForMs = 10_000;
/** A process that was overloaded takes on new work after this long without trouble, lest it goes back and forth. */
const calmMs = 5_000;

/** How a process does at one moment. */
export type Load = { memoryBytes: number; lagMs: number; poolWaitMs: number };
export type OverloadState = { laggingSince: number | null; troubledAt: number | null };

/** Whether it is too much, pure: the state before, how it is now, and when (ms) that is. */
export function judgeLoad(state: OverloadState, load: Load, limits: OverloadLimits, now: number): OverloadState {
  const laggingSince = load.lagMs > limits.lagMs ? (state.laggingSince ?? now) : null;
  const isTroubled =
    load.memoryBytes > limits.memoryBytes ||
    load.poolWaitMs > limits.poolWaitMs ||
    (laggingSince !== null && now - laggingSince >= lagForMs);
  if (isTroubled) return { laggingSince, troubledAt: now };
  const isCalm = state.troubledAt === null || now - state.troubledAt >= calmMs;
  return { laggingSince, troubledAt: isCalm ? null : state.troubledAt };
}

export type OverloadWatch = { isOverloaded(): boolean; stop(): void };

/** Looks every second whether this process has more to do than it can. */
export function watchOverload({ database, settings, log }: SystemCtx): OverloadWatch {
  const limits = settings.limits.overload;
  const delay = monitorEventLoopDelay({ resolution: 10 });
  delay.enable();
  const pools = [watchPool(database.app), watchPool(database.writer)];
  let state: OverloadState = { laggingSince: null, troubledAt: null };
  const timer = setInterval(() => {
    const load = {
      memoryBytes: process.memoryUsage.rss(),
      lagMs: delay.percentile(99) / 1e6,
      poolWaitMs: Math.max(...pools.map((waitMs) => waitMs())),
    };
    delay.reset();
    const before = state;
    state = judgeLoad(before, load, limits, performance.now());
    if (before.troubledAt === null && state.troubledAt !== null) log.warn(load, "overloaded: no new connections");
    if (before.troubledAt !== null && state.troubledAt === null) log.info(load, "no longer overloaded");
  }, checkMs);
  timer.unref();
  return {
    isOverloaded: () => state.troubledAt !== null,
    stop() {
      clearInterval(timer);
      delay.disable();
    },
  };
}

type WaitingPool = { waitingCount: number; connect(): Promise<{ release(): void }> };

/** How long callers wait for a connection of the pool: when there are some, one of ours queues up behind them. */
function watchPool(pool: WaitingPool): () => number {
  let probeAt: number | null = null;
  let waitedMs = 0;
  return () => {
    const now = performance.now();
    if (probeAt !== null) return Math.max(waitedMs, now - probeAt);
    if (pool.waitingCount === 0) return (waitedMs = 0);
    probeAt = now;
    const end = () => {
      waitedMs = performance.now() - now;
      probeAt = null;
    };
    pool.connect().then((client) => {
      client.release();
      end();
    }, end);
    return waitedMs;
  };
}
