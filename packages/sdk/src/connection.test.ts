import { describe, expect, test } from "vitest";
import { type Connection, connectionStatus, type Effect, idleConnection, type Input, step } from "./connection.ts";

const around = { now: 1_000_000, random: 0.5, backoffCapMs: 60_000 };

/** Runs inputs, each at its own time, and answers the connection with the effects of the last one. */
function run(
  from: Connection,
  ...inputs: (Input | [Input, Partial<typeof around>])[]
): { connection: Connection; effects: Effect[] } {
  let connection = from;
  let effects: Effect[] = [];
  for (const entry of inputs) {
    const [input, changes] = Array.isArray(entry) ? entry : [entry, {}];
    [connection, effects] = step(connection, input, { ...around, ...changes });
  }
  return { connection, effects };
}

const welcome: Input = { type: "welcome", heartbeatMs: 25_000 };
const toLive: Input[] = [{ type: "start" }, { type: "ticket", ticket: "t" }, { type: "opened" }, welcome];
const live = run(idleConnection, ...toLive).connection;
const closed = (code: number): Input => ({ type: "closed", code });
const retryMs = (effects: Effect[]) =>
  effects.flatMap((effect) => (effect.type === "set_timer" && effect.timer === "retry" ? [effect.ms] : []))[0];

test("comes up: ticket, socket, hello, welcome", () => {
  let { connection, effects } = run(idleConnection, { type: "start" });
  expect(effects).toContainEqual({ type: "get_ticket" });
  expect(connectionStatus(connection)).toEqual({ name: "connecting" });
  ({ connection, effects } = run(connection, { type: "ticket", ticket: "t" }));
  expect(effects).toEqual([{ type: "open_socket" }]);
  ({ connection, effects } = run(connection, { type: "opened" }));
  expect(effects).toEqual([{ type: "send_hello", ticket: "t" }]);
  expect(connectionStatus(connection)).toEqual({ name: "connecting" });
  ({ connection, effects } = run(connection, welcome));
  expect(connectionStatus(connection)).toEqual({ name: "live" });
});

describe("keep-alive", () => {
  test("the first ping after a random part of the heartbeat, then every heartbeat", () => {
    const { connection, effects } = run(idleConnection, ...toLive.slice(0, 3), [welcome, { random: 0.2 }]);
    expect(effects).toContainEqual({ type: "set_timer", timer: "ping", ms: 5_000 });
    expect(run(connection, { type: "timer", timer: "ping" }).effects).toEqual([
      { type: "send_ping" },
      { type: "set_timer", timer: "ping", ms: 25_000 },
    ]);
  });

  test("a minute without an answer: closes with 4000 and tries again", () => {
    const pinged = run(live, [{ type: "timer", timer: "ping" }, { now: around.now + 25_000 }]).connection;
    const { connection, effects } = run(pinged, [{ type: "timer", timer: "silence" }, { now: around.now + 60_000 }]);
    expect(effects[0]).toEqual({ type: "close_socket", code: 4000 });
    expect(connectionStatus(connection).name).toBe("offline");
  });

  test("data moves the minute", () => {
    const { connection, effects } = run(
      live,
      [{ type: "data" }, { now: around.now + 45_000 }],
      [{ type: "timer", timer: "silence" }, { now: around.now + 60_000 }],
    );
    expect(connectionStatus(connection).name).toBe("live");
    expect(effects).toEqual([{ type: "set_timer", timer: "silence", ms: 45_000 }]);
  });

  test("a browser that held the timers back asks first", () => {
    const late = { now: around.now + 600_000 };
    const asked = run(live, [{ type: "timer", timer: "silence" }, late]);
    expect(asked.effects).toEqual([{ type: "send_ping" }, { type: "set_timer", timer: "silence", ms: 10_000 }]);
    const { connection } = run(asked.connection, [{ type: "timer", timer: "silence" }, { now: late.now + 10_000 }]);
    expect(connectionStatus(connection).name).toBe("offline");
  });
});

describe("back-off", () => {
  test("full jitter: a random part of a span that doubles, up to the cap", () => {
    const spans: (number | undefined)[] = [];
    let connection = live;
    for (let n = 0; n < 9; n++) {
      const failed = run(connection, [closed(1006), { random: 0.999 }]);
      spans.push(Math.round(retryMs(failed.effects)! / 999));
      connection = run(failed.connection, { type: "timer", timer: "retry" }).connection;
    }
    expect(spans).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60]);
    expect(retryMs(run(live, [closed(1006), { random: 0 }]).effects)).toBe(0);
  });

  test("starts again only after a stable minute", () => {
    const failedOnce = run(live, closed(1006), { type: "timer", timer: "retry" }, ...toLive.slice(1)).connection;
    expect(retryMs(run(failedOnce, closed(1006)).effects)).toBe(1_000);
    expect(retryMs(run(failedOnce, { type: "timer", timer: "stable" }, closed(1006)).effects)).toBe(500);
  });

  test("after a drain: somewhere in the span that the server named", () => {
    expect(retryMs(run(live, { type: "drain", spreadMs: 20_000 }, closed(1012)).effects)).toBe(10_000);
  });

  test("a refused ticket waits as long as it was told, at least", () => {
    const { connection, effects } = run(
      idleConnection,
      { type: "start" },
      { type: "ticket_failed", code: "RATE_LIMITED", retry: true, retryAfterMs: 7_000 },
    );
    expect(retryMs(effects)).toBe(7_500);
    expect(run(connection, { type: "wake" }).effects).toEqual([]);
  });

  test("flooding waits half a minute at least", () => {
    expect(retryMs(run(live, [closed(4429), { random: 0 }]).effects)).toBe(30_000);
  });
});

describe("an early try", () => {
  const waiting = run(live, closed(1006), { type: "timer", timer: "retry" }, closed(1006)).connection;

  test("when the network is back or the page is looked at, within half a second, at most every ten", () => {
    const early = run(waiting, { type: "wake" });
    expect(retryMs(early.effects)).toBe(250);
    const again = run(early.connection, { type: "timer", timer: "retry" }, closed(1006)).connection;
    expect(run(again, [{ type: "wake" }, { now: around.now + 9_000 }]).effects).toEqual([]);
    expect(retryMs(run(again, [{ type: "wake" }, { now: around.now + 10_000 }]).effects)).toBe(250);
  });

  test("a live connection is checked; one that was silent for a minute is given up", () => {
    expect(run(live, { type: "wake" }).effects).toEqual([{ type: "send_ping" }]);
    expect(run(live, [{ type: "wake" }, { now: around.now + 60_000 }]).effects[0]).toEqual({
      type: "close_socket",
      code: 4000,
    });
  });
});

describe("close codes", () => {
  test.each([
    [1000, "LOGOUT"],
    [1009, "FRAME_TOO_LARGE"],
    [4400, "BAD_FRAME"],
    [4403, "FORBIDDEN"],
    [4426, "CLIENT_TOO_OLD"],
    [4491, "SESSION_REVOKED"],
  ])("%i is terminal and says %s", (code, reason) => {
    const { connection, effects } = run(live, closed(code));
    expect(connectionStatus(connection)).toEqual({ name: "stopped", reason });
    expect(effects).toEqual([{ type: "clear_timers" }]);
    expect(run(connection, { type: "wake" }).effects).toEqual([]);
    expect(run(connection, { type: "start" }).effects).toContainEqual({ type: "get_ticket" });
  });

  test.each([1001, 1005, 1006, 1011, 1012, 1013, 4408, 4429, 4490, 4999])("%i is tried again", (code) => {
    expect(connectionStatus(run(live, closed(code)).connection).name).toBe("offline");
  });

  test("4401: one new ticket, then the end", () => {
    const renewed = run(live, closed(4401));
    expect(renewed.effects).toContainEqual({ type: "get_ticket" });
    const refused = run(renewed.connection, ...toLive.slice(1), closed(4401));
    expect(connectionStatus(refused.connection)).toEqual({ name: "stopped", reason: "UNAUTHENTICATED" });
    const stable = run(renewed.connection, ...toLive.slice(1), { type: "timer", timer: "stable" }, closed(4401));
    expect(connectionStatus(stable.connection)).toEqual({ name: "connecting" });
  });

  test("a ticket that is refused for good ends it", () => {
    const { connection } = run(
      idleConnection,
      { type: "start" },
      { type: "ticket_failed", code: "UNAUTHENTICATED", retry: false, retryAfterMs: null },
    );
    expect(connectionStatus(connection)).toEqual({ name: "stopped", reason: "UNAUTHENTICATED" });
  });
});

test("a connection that does not come up in time is tried again", () => {
  const { connection, effects } = run(
    idleConnection,
    { type: "start" },
    { type: "ticket", ticket: "t" },
    { type: "timer", timer: "connect" },
  );
  expect(effects[0]).toEqual({ type: "close_socket", code: 4000 });
  expect(connectionStatus(connection).name).toBe("offline");
});

test("after a stop nothing that is still on its way has an effect", () => {
  const { connection, effects } = run(live, { type: "stop" });
  expect(effects[0]).toEqual({ type: "close_socket", code: 1000 });
  expect(connectionStatus(connection)).toEqual({ name: "offline", retryAt: null });
  for (const input of [
    closed(1006),
    { type: "ticket", ticket: "t" },
    { type: "timer", timer: "retry" },
    { type: "wake" },
  ] satisfies Input[]) {
    expect(run(connection, input).effects).toEqual([]);
  }
});
