import type { ServerFrame } from "@presszero/contracts";
import { expect, test } from "vitest";
import { type Effect, type Engine, initialEngine, type Input, step } from "./engine.ts";

const hour = 3_600_000;
const welcome: ServerFrame = {
  type: "welcome",
  session: "s",
  epoch: "e1",
  now: 0,
  heartbeatMs: 25_000,
  feed: null,
  limits: { frameBytes: 65_536, textLength: 16_000, subscriptions: 200 },
  resume: "ok",
};

/** An engine whose timers fall due as time passes, while the device's clock may be set to anything. */
function createDevice() {
  let engine: Engine = initialEngine({ side: "business", deviceId: "d", client: "test/1" });
  let passed = 0;
  let offset = 0;
  let timers: { name: Extract<Effect, { type: "set_timer" }>["timer"]; at: number }[] = [];
  const effects: Effect[] = [];
  function tell(input: Input): void {
    const [next, asked] = step(engine, input, { now: Date.UTC(2026, 0, 1) + passed + offset, random: 0.5 });
    engine = next;
    for (const effect of asked) {
      effects.push(effect);
      if (effect.type !== "set_timer" && effect.type !== "clear_timer") continue;
      timers = timers.filter(({ name }) => name !== effect.timer);
      if (effect.type === "set_timer") timers.push({ name: effect.timer, at: passed + effect.ms });
    }
  }
  return {
    tell,
    state: () => engine.state,
    effects,
    setBack: (ms: number) => void (offset -= ms),
    pass(ms: number): void {
      const end = passed + ms;
      for (;;) {
        const due = timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
        if (due === undefined) break;
        timers = timers.filter((timer) => timer !== due);
        passed = Math.max(passed, due.at);
        tell({ type: "timer", timer: due.name });
      }
      passed = end;
    },
  };
}

function liveDevice() {
  const device = createDevice();
  device.tell({ type: "start" });
  device.tell({ type: "loaded", items: [] });
  device.tell({ type: "answered", key: "ticket", answer: { op: "ticket", ticket: "t" } });
  device.tell({ type: "opened", transport: 1 });
  device.tell({ type: "frame", transport: 1, frame: welcome });
  expect(device.state().connection.name).toBe("live");
  return device;
}

test("a dead connection is found although the device's clock is set back", () => {
  const device = liveDevice();
  device.setBack(hour);
  device.pass(100_000);
  expect(device.effects).toContainEqual({ type: "close_transport", transport: 1, code: 4000 });
});

test("what waits to be sent again does not wait until the clock has caught up", () => {
  const device = liveDevice();
  const conversationId = "cnv_00000000000000000000000001" as never;
  device.tell({ type: "send", clientId: "c", conversationId, message: { kind: "text", text: "hello" } });
  device.tell({ type: "written", clientId: "c" });
  const sends = () => device.effects.filter((effect) => effect.type === "transmit" && effect.frame.type === "send");
  expect(sends()).toHaveLength(1);
  const refusal: ServerFrame = { type: "error", id: 1, code: "UNAVAILABLE", retry: true };
  device.tell({ type: "frame", transport: 1, frame: refusal });
  device.setBack(hour);
  device.pass(5_000);
  expect(sends()).toHaveLength(2);
});

test("people are told the time of the next try by their own clock", () => {
  const device = liveDevice();
  device.setBack(hour);
  device.tell({ type: "closed", transport: 1, code: 1006 });
  expect(device.state().connection).toEqual({ name: "offline", retryAt: Date.UTC(2026, 0, 1) - hour + 500 });
});
