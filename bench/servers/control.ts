// Loaded into a server under measurement with `--import`: collects garbage before its memory is read, and takes a profile
// of just the measured time. It changes nothing else.
import { writeFileSync } from "node:fs";
import { Session } from "node:inspector/promises";

export type Order = { bench: "collect" } | { bench: "profile" } | { bench: "write-profile"; file: string };

const session = new Session();

process.on("message", (order: Order) => {
  void obey(order);
});

async function obey(order: Order): Promise<void> {
  switch (order.bench) {
    case "collect":
      globalThis.gc?.();
      globalThis.gc?.();
      break;
    case "profile":
      session.connect();
      await session.post("Profiler.enable");
      await session.post("Profiler.setSamplingInterval", { interval: 500 });
      await session.post("Profiler.start");
      break;
    case "write-profile": {
      const { profile } = await session.post("Profiler.stop");
      writeFileSync(order.file, JSON.stringify(profile));
      session.disconnect();
      break;
    }
  }
  process.send?.({ type: "obeyed" });
}
