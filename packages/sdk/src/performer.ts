import type { Clock } from "./clock.ts";
import { makeCall, problemOf } from "./api-calls.ts";
import type { Call, Effect, Input, TimerName } from "./engine.ts";
import { ApiError, type ApiClient } from "./http.ts";
import type { DeviceStorage } from "./storage.ts";
import { createTransports, type Transport } from "./transport.ts";
import type { OutboxItem, Side } from "./types.ts";

export type PerformerPorts = {
  api: ApiClient;
  baseUrl: string;
  side: Side;
  storage: DeviceStorage;
  WebSocket: typeof globalThis.WebSocket | undefined;
  clock: Clock;
  /** What comes of the effects. */
  tell: (input: Input) => void;
};

/** Does what the engine asks for: the transport, the storage, HTTP calls, timers. */
export function createPerformer(ports: PerformerPorts) {
  const { api, baseUrl, side, storage, WebSocket, clock } = ports;
  let isOver = false;
  const tell = (input: Input) => void (isOver || ports.tell(input));
  const transports = createTransports({ api, baseUrl, side, WebSocket, clock });
  let transport: Transport | null = null;
  const timers = new Map<TimerName, () => void>();
  let stored: Promise<void> = Promise.resolve();

  function perform(effect: Effect): void {
    switch (effect.type) {
      case "open_transport":
        return openTransport(effect.transport);
      case "transmit":
        return transport?.send(effect.frame);
      case "close_transport":
        transport?.close(effect.code);
        transport = null;
        return;
      case "load":
        return store(async () => tell(await load()));
      case "put":
        return store(async () => tell({ type: await put(effect.item), clientId: effect.item.clientId }));
      case "remove":
        // What stays by mistake is known as a repeat when it is sent once more.
        return store(() => storage.remove(effect.clientId).catch(() => {}));
      case "call":
        return void call(effect.key, effect.call);
      case "set_timer":
        timers.get(effect.timer)?.();
        timers.set(
          effect.timer,
          clock.after(effect.ms, () => {
            timers.delete(effect.timer);
            tell({ type: "timer", timer: effect.timer });
          }),
        );
        return;
      case "clear_timer":
        timers.get(effect.timer)?.();
        timers.delete(effect.timer);
    }
  }

  function openTransport(number: number): void {
    transport = transports.open({
      open: () => tell({ type: "opened", transport: number }),
      frame: (frame) => tell({ type: "frame", transport: number, frame }),
      close: (code) => {
        transport = null;
        tell({ type: "closed", transport: number, code });
      },
    });
  }

  /** One after the other, so that what is stored last is what was asked for last. */
  function store(work: () => Promise<void>): void {
    stored = stored.then(work).catch((error) => {
      queueMicrotask(() => {
        throw error;
      });
    });
  }

  async function load(): Promise<Input> {
    try {
      return { type: "loaded", items: await storage.load() };
    } catch {
      return { type: "load_failed" };
    }
  }

  async function put(item: OutboxItem): Promise<"written" | "write_failed"> {
    try {
      await storage.put(item);
      return "written";
    } catch {
      return "write_failed";
    }
  }

  async function call(key: string, about: Call): Promise<void> {
    try {
      const answer = await makeCall(api, side, storage.deviceId, about);
      tell({ type: "answered", key, answer });
    } catch (error) {
      const known = error instanceof ApiError ? error : new ApiError({ code: "INTERNAL", retry: true });
      tell({ type: "failed", key, problem: problemOf(known) });
      if (known !== error) throw error;
    }
  }

  return {
    perform,
    /** Lets go of everything; nothing more is told. What is on its way to the storage gets there. */
    end: () => {
      isOver = true;
      transport?.close(1000);
      transports.end();
      for (const cancel of timers.values()) cancel();
      timers.clear();
    },
  };
}
