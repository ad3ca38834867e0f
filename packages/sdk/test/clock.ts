import type { Clock } from "../src/clock.ts";

/** A clock that stands still until it is moved. `random` is fixed. */
export function manualClock(random = 0.5) {
  let now = Date.UTC(2026, 0, 1);
  let timers: { at: number; callback: () => void }[] = [];
  const clock: Clock = {
    now: () => now,
    random: () => random,
    after: (ms, callback) => {
      const timer = { at: now + ms, callback };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
  };
  /** Lets `ms` pass, with everything that falls due on the way. */
  function advance(ms: number): void {
    const end = now + ms;
    for (;;) {
      const due = timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      timers = timers.filter((timer) => timer !== due);
      now = Math.max(now, due.at);
      due.callback();
    }
    now = end;
  }
  return { ...clock, advance };
}
