import type { ClientFrame, ServerFrame } from "@presszero/contracts";
import type { Clock } from "./clock.ts";
import {
  type Connection,
  connectionStatus,
  type Effect,
  idleConnection,
  type Input,
  step,
  type Timer,
} from "./connection.ts";
import { ApiError, type ApiClient } from "./http.ts";
import { openSocket, type Socket } from "./socket.ts";
import type { ConnectionStatus } from "./types.ts";

export type RealtimePorts = {
  api: ApiClient;
  baseUrl: string;
  deviceId: string;
  WebSocket: typeof globalThis.WebSocket | undefined;
  clock: Clock;
  backoffCapMs: number;
  hello: (ticket: string) => ClientFrame;
  onFrame: (frame: ServerFrame) => void;
  onStatus: (status: ConnectionStatus) => void;
  /** A live connection has ended. */
  onDown: () => void;
};

/** Performs what the connection's state machine asks for: tickets, the socket, timers. */
export function createRealtime(ports: RealtimePorts) {
  const { api, clock } = ports;
  let connection: Connection = idleConnection;
  let socket: Socket | null = null;
  const timers = new Map<Timer, () => void>();
  let pings = 0;
  let stopListening = () => {};

  const isLive = () => connection.phase.name === "live";

  function advance(input: Input): void {
    const { phase } = connection;
    const wasLive = isLive();
    const [next, effects] = step(connection, input, {
      now: clock.now(),
      random: clock.random(),
      backoffCapMs: ports.backoffCapMs,
    });
    connection = next;
    if (wasLive && !isLive()) ports.onDown();
    for (const effect of effects) perform(effect);
    if (next.phase !== phase && connection === next) ports.onStatus(connectionStatus(next));
  }

  function perform(effect: Effect): void {
    switch (effect.type) {
      case "get_ticket":
        return void getTicket();
      case "open_socket":
        socket = openSocket(ports.WebSocket ?? globalThis.WebSocket, ports.baseUrl, {
          open: () => advance({ type: "opened" }),
          frame: receive,
          close: (code) => {
            socket = null;
            advance({ type: "closed", code });
          },
        });
        return;
      case "send_hello":
        return socket?.send(ports.hello(effect.ticket));
      case "send_ping":
        return socket?.send({ type: "ping", n: ++pings });
      case "close_socket":
        socket?.close(effect.code);
        socket = null;
        return;
      case "clear_timers":
        for (const cancel of timers.values()) cancel();
        return timers.clear();
      case "set_timer":
        timers.get(effect.timer)?.();
        timers.set(
          effect.timer,
          clock.after(effect.ms, () => advance({ type: "timer", timer: effect.timer })),
        );
    }
  }

  /** An answer to an earlier try counts as well: one ticket is as good as another. */
  async function getTicket(): Promise<void> {
    try {
      const { ticket } = await api("POST /v1/realtime/tickets", { body: { deviceId: ports.deviceId } });
      advance({ type: "ticket", ticket });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      const { code, retry, retryAfterMs } = error;
      advance({ type: "ticket_failed", code, retry, retryAfterMs });
    }
  }

  function receive(frame: ServerFrame): void {
    advance({ type: "data" });
    if (frame.type === "drain") advance({ type: "drain", spreadMs: frame.spreadMs });
    else ports.onFrame(frame);
  }

  return {
    isLive,
    advance,
    start: () => {
      stopListening();
      stopListening = onWake(() => advance({ type: "wake" }));
      advance({ type: "start" });
    },
    stop: () => {
      stopListening();
      advance({ type: "stop" });
    },
    /** Answers whether the frame went out. */
    send: (frame: ClientFrame): boolean => {
      if (!isLive() || socket === null) return false;
      socket.send(frame);
      return true;
    },
  };
}

type EventSource = {
  addEventListener: (type: string, listener: () => void) => void;
  removeEventListener: EventSource["addEventListener"];
};

/** In a browser: the network is back, or the page is looked at again. */
function onWake(callback: () => void): () => void {
  const { document, addEventListener, removeEventListener } = globalThis as Partial<EventSource> & {
    document?: EventSource & { visibilityState: string };
  };
  if (document === undefined || addEventListener === undefined || removeEventListener === undefined) return () => {};
  const onVisible = () => document.visibilityState === "visible" && callback();
  addEventListener("online", callback);
  document.addEventListener("visibilitychange", onVisible);
  return () => {
    removeEventListener("online", callback);
    document.removeEventListener("visibilitychange", onVisible);
  };
}
