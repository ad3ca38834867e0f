import type { CloseCode } from "@presszero/contracts/protocol";
import { closeCodes } from "@presszero/contracts/protocol";
import type { ErrorCode } from "@presszero/contracts";
import type { ConnectionStatus, StopReason } from "./types.ts";

/** How long a ticket, an opening socket and a hello together may take. */
const connectMs = 20_000;
/** §6: no data for this long means the connection is dead. */
const silenceMs = 60_000;
/** How long the other end has to answer a last ping. */
const lastPingMs = 10_000;
const stableMs = 60_000;
const earlyTryMs = 10_000;
const floodingMs = 30_000;
/** Close code of ours: no data arrived. */
const noData = 4000;

type Phase =
  | { name: "idle" }
  | { name: "connecting"; step: "ticket" | "open" | "hello"; ticket: string | null }
  | { name: "live" }
  /** `notBefore`: the server asked for this much patience, so no early try. */
  | { name: "waiting"; until: number; notBefore: number }
  | { name: "stopped"; reason: StopReason };

export type Connection = {
  phase: Phase;
  /** Failures in a row; forgotten after a minute of a stable connection. */
  failures: number;
  /** 4401 was answered with a new ticket once already. */
  ticketRenewed: boolean;
  /** From a drain frame: the window over which to come back. */
  spreadMs: number | null;
  heartbeatMs: number;
  lastDataAt: number;
  lastPingAt: number;
  lastEarlyTryAt: number;
};

export type Timer = "retry" | "connect" | "ping" | "silence" | "stable";

export type Input =
  | { type: "start" }
  | { type: "stop" }
  | { type: "ticket"; ticket: string }
  | { type: "ticket_failed"; code: ErrorCode; retry: boolean; retryAfterMs: number | null }
  | { type: "opened" }
  | { type: "welcome"; heartbeatMs: number }
  | { type: "drain"; spreadMs: number }
  | { type: "data" }
  | { type: "closed"; code: number }
  | { type: "timer"; timer: Timer }
  /** The network is back, or the person looks at the page again. */
  | { type: "wake" }
  /** Begin a new connection at once, with other cursors. */
  | { type: "renew" }
  /** Give this one up like one that broke. */
  | { type: "drop" };

export type Effect =
  | { type: "get_ticket" }
  | { type: "open_socket" }
  | { type: "send_hello"; ticket: string }
  | { type: "send_ping" }
  /** Let go of the socket; nothing of it is heard any more. */
  | { type: "close_socket"; code: number }
  /** Ends all timers. */
  | { type: "clear_timers" }
  | { type: "set_timer"; timer: Timer; ms: number };

/** What a step may know beside the connection: the time, one random number, and the side's longest pause. */
export type Surroundings = { now: number; random: number; backoffCapMs: number };

export const idleConnection: Connection = {
  phase: { name: "idle" },
  failures: 0,
  ticketRenewed: false,
  spreadMs: null,
  heartbeatMs: 25_000,
  lastDataAt: 0,
  lastPingAt: 0,
  lastEarlyTryAt: Number.NEGATIVE_INFINITY,
};

/** The connection's state machine (§6). Pure: what has to be done is told as effects, in order. */
export function step(connection: Connection, input: Input, around: Surroundings): [Connection, Effect[]] {
  const { phase } = connection;
  switch (input.type) {
    case "start":
      return phase.name === "idle" || phase.name === "stopped" ? connect({ ...idleConnection }) : [connection, []];
    case "stop":
      return [idleConnection, leave(phase, 1000)];
    case "ticket":
      if (!isAt(phase, "ticket")) return [connection, []];
      return [
        { ...connection, phase: { name: "connecting", step: "open", ticket: input.ticket } },
        [{ type: "open_socket" }],
      ];
    case "ticket_failed":
      if (!isAt(phase, "ticket")) return [connection, []];
      if (!input.retry) return stopWith(connection, input.code);
      return wait(connection, around, input.retryAfterMs ?? 0);
    case "opened":
      if (phase.name !== "connecting" || phase.ticket === null) return [connection, []];
      return [
        { ...connection, phase: { name: "connecting", step: "hello", ticket: null } },
        [{ type: "send_hello", ticket: phase.ticket }],
      ];
    case "welcome":
      if (!isAt(phase, "hello")) return [connection, []];
      return goLive(connection, input.heartbeatMs, around);
    case "drain":
      return [{ ...connection, spreadMs: input.spreadMs, lastDataAt: around.now }, []];
    case "data":
      return [{ ...connection, lastDataAt: around.now }, []];
    case "closed":
      return closed(connection, input.code, around);
    case "timer":
      return timeOut(connection, input.timer, around);
    case "wake":
      return wake(connection, around);
    case "renew":
      return connect(connection, leave(phase, noData));
    case "drop":
      return phase.name === "live" ? drop(connection, around) : [connection, []];
  }
}

/** `ahead`: by how much the time that the connection reckons by is ahead of the device's clock. */
export function connectionStatus({ phase }: Connection, ahead = 0): ConnectionStatus {
  switch (phase.name) {
    case "idle":
      return { name: "offline", retryAt: null };
    case "waiting":
      return { name: "offline", retryAt: phase.until - ahead };
    case "connecting":
      return { name: "connecting" };
    case "live":
    case "stopped":
      return phase;
  }
}

function connect(connection: Connection, before: Effect[] = []): [Connection, Effect[]] {
  return [
    { ...connection, phase: { name: "connecting", step: "ticket", ticket: null } },
    [
      ...before,
      { type: "clear_timers" },
      { type: "set_timer", timer: "connect", ms: connectMs },
      { type: "get_ticket" },
    ],
  ];
}

function goLive(connection: Connection, heartbeatMs: number, { now, random }: Surroundings): [Connection, Effect[]] {
  return [
    { ...connection, phase: { name: "live" }, spreadMs: null, heartbeatMs, lastDataAt: now, lastPingAt: now },
    [
      { type: "clear_timers" },
      // The first ping at a random moment, so that clients that came together do not ping together.
      { type: "set_timer", timer: "ping", ms: heartbeatMs * random },
      { type: "set_timer", timer: "silence", ms: silenceMs },
      { type: "set_timer", timer: "stable", ms: stableMs },
    ],
  ];
}

function closed(connection: Connection, code: number, around: Surroundings): [Connection, Effect[]] {
  if (connection.phase.name === "idle" || connection.phase.name === "stopped") return [connection, []];
  if (code === 4401) {
    if (connection.ticketRenewed) return stopWith(connection, "UNAUTHENTICATED");
    return connect({ ...connection, ticketRenewed: true });
  }
  const known = isKnown(code) ? closeCodes[code] : null;
  // 1001 is ours to send. From the other end it means that a proxy or server goes away, so we come back.
  if (known?.terminal && known.name !== "PAGE_LEAVING") return stopWith(connection, known.name);
  return wait(connection, around, code === 4429 ? floodingMs : 0);
}

/** Full jitter: a random part of a span that doubles with every failure; after a drain, of the span that the server named. */
function wait(connection: Connection, around: Surroundings, atLeastMs: number): [Connection, Effect[]] {
  const span = connection.spreadMs ?? Math.min(around.backoffCapMs, 1000 * 2 ** connection.failures);
  const ms = atLeastMs + around.random * span;
  const phase: Phase = { name: "waiting", until: around.now + ms, notBefore: around.now + atLeastMs };
  return [
    { ...connection, phase, failures: connection.failures + 1, spreadMs: null },
    [{ type: "clear_timers" }, { type: "set_timer", timer: "retry", ms }],
  ];
}

function stopWith(connection: Connection, reason: StopReason): [Connection, Effect[]] {
  return [{ ...connection, phase: { name: "stopped", reason } }, [{ type: "clear_timers" }]];
}

function timeOut(connection: Connection, timer: Timer, around: Surroundings): [Connection, Effect[]] {
  const { phase } = connection;
  if (timer === "retry" && phase.name === "waiting") return connect(connection);
  if (timer === "connect" && phase.name === "connecting") return drop(connection, around);
  if (phase.name !== "live") return [connection, []];
  switch (timer) {
    case "ping":
      return ping(connection, around, [{ type: "set_timer", timer: "ping", ms: connection.heartbeatMs }]);
    case "stable":
      return [{ ...connection, failures: 0, ticketRenewed: false }, []];
    case "silence": {
      const silentFor = around.now - connection.lastDataAt;
      if (silentFor < silenceMs)
        return [connection, [{ type: "set_timer", timer: "silence", ms: silenceMs - silentFor }]];
      if (connection.lastPingAt > connection.lastDataAt) return drop(connection, around);
      // The browser held our timers back, so nothing was asked and nothing could be answered: ask once.
      return ping(connection, around, [{ type: "set_timer", timer: "silence", ms: lastPingMs }]);
    }
    default:
      return [connection, []];
  }
}

/** An early try instead of the rest of the pause, and at most one in ten seconds; a live connection is checked. */
function wake(connection: Connection, around: Surroundings): [Connection, Effect[]] {
  const { phase } = connection;
  if (phase.name === "live") {
    return around.now - connection.lastDataAt >= silenceMs ? drop(connection, around) : ping(connection, around, []);
  }
  const tooSoon = around.now - connection.lastEarlyTryAt < earlyTryMs;
  if (phase.name !== "waiting" || tooSoon || around.now < phase.notBefore) return [connection, []];
  const ms = around.random * 500;
  return [
    { ...connection, phase: { ...phase, until: around.now + ms }, lastEarlyTryAt: around.now },
    [{ type: "clear_timers" }, { type: "set_timer", timer: "retry", ms }],
  ];
}

function ping(connection: Connection, { now }: Surroundings, more: Effect[]): [Connection, Effect[]] {
  return [{ ...connection, lastPingAt: now }, [{ type: "send_ping" }, ...more]];
}

function drop(connection: Connection, around: Surroundings): [Connection, Effect[]] {
  const [next, effects] = wait(connection, around, 0);
  return [next, [...leave(connection.phase, noData), ...effects]];
}

function leave(phase: Phase, code: number): Effect[] {
  const hasSocket = phase.name === "live" || (phase.name === "connecting" && phase.step !== "ticket");
  return hasSocket ? [{ type: "close_socket", code }, { type: "clear_timers" }] : [{ type: "clear_timers" }];
}

function isAt(phase: Phase, at: "ticket" | "hello"): boolean {
  return phase.name === "connecting" && phase.step === at;
}

function isKnown(code: number): code is CloseCode {
  return code in closeCodes;
}
