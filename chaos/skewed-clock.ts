// Preloaded into a server process: its clock is wrong by CLOCK_SKEW_MS, and jumps back one hour at SIGUSR2. Timers do not
// follow it, as in a process whose system clock is set.
const RealDate = Date;
let skewMs = Number(process.env.CLOCK_SKEW_MS ?? 0);
process.on("SIGUSR2", () => (skewMs -= 3_600_000));

globalThis.Date = new Proxy(RealDate, {
  construct: (target, args: [], newTarget) =>
    Reflect.construct(target, args.length === 0 ? [RealDate.now() + skewMs] : args, newTarget) as Date,
  apply: () => new RealDate(RealDate.now() + skewMs).toString(),
  get: (target, name) => (name === "now" ? () => RealDate.now() + skewMs : Reflect.get(target, name)),
});
