/** The server's clock. Code asks it instead of `Date`, so that tests can set the time. */
export type Clock = { now(): Date };

export const systemClock: Clock = { now: () => new Date() };
