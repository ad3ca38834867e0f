/** Time and chance, as ports: tests move them by hand. */
export type Clock = {
  /** ms since 1970. */
  now: () => number;
  /** At least 0, below 1. */
  random: () => number;
  /** Calls back once after `ms`; the answer cancels it. */
  after: (ms: number, callback: () => void) => () => void;
};

export const systemClock: Clock = {
  now: () => Date.now(),
  random: () => Math.random(),
  after: (ms, callback) => {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};
