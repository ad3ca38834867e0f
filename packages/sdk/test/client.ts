import type { ClientFrame, ConversationId, ErrorCode, MessageId, ServerFrame } from "@presszero/contracts";
import { type Effect, type Engine, initialEngine, type Input, step, type TimerName } from "../src/engine.ts";
import type { OutboxItem, Side } from "../src/types.ts";

/** Client ids by number. */
export const uuid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;
const passing: readonly ErrorCode[] = ["UNAVAILABLE", "UNKNOWN_RETRY", "ORDER_BROKEN", "RATE_LIMITED", "TIMEOUT"];

type Send = Extract<ClientFrame, { type: "send" }>;

export type TestClient = ReturnType<typeof createClient>;

/** The pure engine with a clock and a storage of its own, both moved by hand. A crash is a new client on the same storage. */
export function createClient(side: Side, storage = new Map<string, OutboxItem>()) {
  let engine: Engine = initialEngine({ side, deviceId: "00000000-0000-4000-8000-0000000000de", client: "test/1" });
  let effects: Effect[] = [];
  let writes: Effect[] = [];
  const client = {
    storage,
    now: Date.UTC(2026, 0, 1),
    random: 0.5,
    /** Frames since the last look, without pings. */
    frames: [] as ClientFrame[],
    get engine() {
      return engine;
    },
    get state() {
      return engine.state;
    },
    take(input: Input): Effect[] {
      [engine, effects] = step(engine, input, { now: client.now, random: client.random });
      for (const effect of effects) {
        if (effect.type === "transmit" && effect.frame.type !== "ping") client.frames.push(effect.frame);
        if (effect.type === "load" || effect.type === "put" || effect.type === "remove") writes.push(effect);
      }
      return effects;
    },
    /** The storage does what it was asked for. */
    store(): void {
      for (let write = writes.shift(); write !== undefined; write = writes.shift()) {
        if (write.type === "load") client.take({ type: "loaded", items: [...storage.values()] });
        if (write.type === "remove") storage.delete(write.clientId);
        if (write.type !== "put") continue;
        storage.set(write.item.clientId, write.item);
        client.take({ type: "written", clientId: write.item.clientId });
      }
    },
    receive(frame: ServerFrame): Effect[] {
      return client.take({ type: "frame", transport: engine.transport.number, frame });
    },
    /** Lets time pass, with every timer that falls due on the way. */
    pass(ms: number): void {
      const end = client.now + ms;
      for (;;) {
        const timers = Object.entries(engine.timers as Record<TimerName, number>) as [TimerName, number][];
        const [timer, due] = timers.toSorted(([, a], [, b]) => a - b)[0] ?? [];
        const at = (due ?? 0) - engine.time.ahead;
        if (timer === undefined || at > end) break;
        client.now = Math.max(client.now, at);
        client.take({ type: "timer", timer });
      }
      client.now = end;
    },
    start(): void {
      client.take({ type: "start" });
      client.store();
    },
    /** Answers whatever the connection needs until it is live. */
    connect(epoch = "e1"): void {
      client.take({ type: "answered", key: "ticket", answer: { op: "ticket", ticket: "t" } });
      client.take({ type: "opened", transport: engine.transport.number });
      client.receive({
        type: "welcome",
        session: "s",
        epoch,
        now: 0,
        heartbeatMs: 25_000,
        feed: "f",
        limits: { frameBytes: 1, textLength: 1, subscriptions: 1 },
        resume: "ok",
      });
    },
    /** The person writes message `n`. */
    write(n: number, conversationId: ConversationId | null): void {
      client.take({ type: "send", clientId: uuid(n), conversationId, message: { kind: "text", text: `text ${n}` } });
    },
    /** The one message that has gone out since the last look. */
    sent(): Send {
      const [frame, ...others] = client.framesOf("send");
      if (frame === undefined || others.length > 0) throw new Error("not exactly one message has gone out");
      return frame;
    },
    ok({ id, clientId }: Send, conversationId: ConversationId, seq: number, duplicate = false): void {
      const messageId = `msg_${String(seq).padStart(26, "0")}` as MessageId;
      const at = new Date(client.now).toISOString();
      client.receive({ type: "ok", id, clientId, messageId, conversationId, seq, at, duplicate });
    },
    refuse({ id }: Send, code: ErrorCode): void {
      client.receive({ type: "error", id, code, retry: passing.includes(code) });
    },
    disconnect(code = 1006): void {
      client.take({ type: "closed", transport: engine.transport.number, code });
    },
    framesOf<T extends ClientFrame["type"]>(type: T): Extract<ClientFrame, { type: T }>[] {
      const found = client.frames.filter((frame): frame is Extract<ClientFrame, { type: T }> => frame.type === type);
      client.frames = [];
      return found;
    },
  };
  return client;
}

export function liveClient(side: Side = "contact", storage?: Map<string, OutboxItem>, epoch?: string) {
  const client = createClient(side, storage);
  client.start();
  client.connect(epoch);
  client.frames = [];
  return client;
}
