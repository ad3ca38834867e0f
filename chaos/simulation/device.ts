// A device: the sync engine of the SDK over simulated time, storage and network. A kill loses its memory and keeps its
// storage.
import type { AgentId, ClientFrame, ConversationId, MessageKind } from "@presszero/contracts";
import { ApiError, type ApiClient, createSync, type DeviceStorage, type State, type Sync } from "@presszero/sdk";
import type { Random } from "../random.ts";
import type { Answer } from "./database-server.ts";
import type { Request } from "./http.ts";
import type { End } from "./network.ts";
import type { DeviceSpec } from "./plan.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Person } from "./tables.ts";

type Item = Awaited<ReturnType<DeviceStorage["load"]>>[number];

export type DevicePorts = {
  spec: DeviceSpec;
  person: Person;
  deviceId: string;
  scheduler: Scheduler;
  random: Random;
  /** Opens a connection; `opened` is called once it is there. */
  dial(end: End, opened: () => void): { send(text: string): void; close(code: number): void };
  request(request: Request, answer: (answer: Answer<unknown>) => void): void;
  /** The state changed. */
  changed(state: State): void;
  sent(clientId: string, c: ConversationId | null, kind: MessageKind, text: string): void;
};

export type Device = ReturnType<typeof createDevice>;

export function createDevice(ports: DevicePorts) {
  const { spec, scheduler, random } = ports;
  const disk = new Map<string, Item>();
  let run: { sync: Sync; isOver: boolean; shown: Map<ConversationId, () => void> } | null = null;
  /** Kept open over restarts, as an app opens where it was. */
  const open = new Set<ConversationId>();
  let clockOffset = 0;
  /** The message is shown before its client id is known here. */
  let isSending = false;

  function start(): void {
    const mine: NonNullable<typeof run> = { sync: undefined as never, isOver: false, shown: new Map() };
    const enter = (what: () => void) => !mine.isOver && what();
    const wait = (ms: number) => new Promise<void>((resolve) => scheduler.after(ms, () => enter(resolve)));
    const storage: DeviceStorage = {
      deviceId: ports.deviceId,
      warnOnUnload: false,
      load: async () => {
        await wait(random.between(0, 5));
        return [...disk.values()].toSorted((a, b) => a.queuedAt - b.queuedAt);
      },
      put: async (item) => {
        await wait(random.between(0, 5));
        disk.set(item.clientId, { ...item, state: item.state === "sending" ? "queued" : item.state });
        await wait(random.between(0, 3));
      },
      remove: async (clientId) => {
        await wait(random.between(0, 5));
        disk.delete(clientId);
      },
      close: () => {},
    };
    const api = (key: string, input: Omit<Request, "key"> = {}) =>
      new Promise((resolve, reject) => {
        ports.request({ key, ...input }, (answer) =>
          enter(() => ("result" in answer ? resolve(answer.result) : reject(new ApiError(answer.failure)))),
        );
      });
    mine.sync = createSync({
      api: api as unknown as ApiClient,
      baseUrl: "http://server",
      side: spec.side,
      client: "simulation/1",
      storage,
      WebSocket: socketClass(ports, enter),
      clock: {
        now: () => 1_700_000_000_000 + scheduler.now() + clockOffset,
        random: () => random.next(),
        after: (ms, callback) => scheduler.after(ms, () => enter(callback)),
      },
    });
    run = mine;
    mine.sync.subscribe(() => enter(() => isSending || ports.changed(mine.sync.getState())));
    for (const c of open) mine.shown.set(c, mine.sync.open(c));
    mine.sync.start();
    const list = () => {
      mine.sync.loadConversations().catch((error: { retry?: boolean }) => {
        if (error.retry) scheduler.after(2_000, () => enter(list));
      });
    };
    list();
  }

  return {
    name: spec.name,
    spec,
    person: ports.person,
    deviceId: ports.deviceId,
    disk: disk as ReadonlyMap<string, Item>,
    isRunning: () => run !== null,
    state: (): State | null => run?.sync.getState() ?? null,
    shown: (): ReadonlySet<ConversationId> => open,
    start,
    kill(): void {
      if (run === null) return;
      run.isOver = true;
      run = null;
    },
    show(c: ConversationId): void {
      if (open.has(c)) return;
      open.add(c);
      if (run) run.shown.set(c, run.sync.open(c));
    },
    hide(c: ConversationId): void {
      open.delete(c);
      run?.shown.get(c)?.();
      run?.shown.delete(c);
    },
    say(c: ConversationId | null, kind: MessageKind, text: string): void {
      if (run === null) return;
      isSending = true;
      const clientId = run.sync.send(c, { kind, text });
      isSending = false;
      ports.sent(clientId, c, kind, text);
      ports.changed(run.sync.getState());
    },
    markRead: (c: ConversationId) => run?.sync.markRead(c),
    type: (c: ConversationId) => run?.sync.typing(c, true),
    loadOlder: (c: ConversationId) => void run?.sync.loadOlder(c).catch(() => {}),
    retry: (clientId: string) => run?.sync.retry(clientId),
    discard: (clientId: string) => run?.sync.discard(clientId),
    wake: () => run?.sync.wake(),
    /** By hand and by HTTP: nobody tries again by themselves. */
    change(what: "close" | "reopen" | "assign", c: ConversationId, agentId: AgentId | null): void {
      const path = spec.side === "contact" ? "/v1/my/conversations" : "/v1/conversations";
      if (spec.side === "contact" && what !== "close") return;
      const key = `POST ${path}/:conversationId/${what}`;
      ports.request({ key, params: { conversationId: c }, body: { agentId } }, () => {});
    },
    /** Without the engine: everything that a frame can ask for, with an id that is not this person's. */
    trespass(c: ConversationId): void {
      ports.request({ key: "POST /v1/realtime/tickets", body: { deviceId: ports.deviceId } }, (answer) => {
        if (!("result" in answer)) return;
        const { ticket } = answer.result as { ticket: string };
        const wire = ports.dial({ receive: () => {}, closed: () => {} }, () => {
          for (const frame of foreignFrames(c, ticket, ports.deviceId)) wire.send(JSON.stringify(frame));
        });
        scheduler.after(8_000, () => wire.close(1000));
      });
    },
    moveClock: (by: number) => void (clockOffset += by),
  };
}

function foreignFrames(c: ConversationId, ticket: string, deviceId: string): ClientFrame[] {
  const client = "trespasser/1";
  const subscriptions = [{ conversationId: c, after: 0 }];
  const clientId = "00000000-0000-4000-a000-000000000000";
  return [
    { type: "hello", version: 1, ticket, deviceId, client, epoch: null, feed: null, subscriptions },
    { type: "subscribe", id: 1, conversationId: c, after: 0 },
    { type: "fetch", id: 2, conversationId: c, after: 0, limit: 100 },
    { type: "send", id: 3, conversationId: c, clientId, message: { kind: "text", text: "let me in" } },
    { type: "read", conversationId: c, seq: 1 },
    { type: "typing", conversationId: c, on: true },
  ];
}

function socketClass(ports: DevicePorts, enter: (what: () => void) => void): typeof globalThis.WebSocket {
  return class {
    readyState = 0;
    onopen: (() => void) | null = null;
    onclose: ((event: { code: number }) => void) | null = null;
    onerror: (() => void) | null = null;
    onmessage: ((event: { data: string }) => void) | null = null;
    #wire = ports.dial(
      {
        receive: (text) => enter(() => this.onmessage?.({ data: text })),
        closed: (code) =>
          enter(() => {
            this.readyState = 3;
            this.onclose?.({ code });
          }),
      },
      () =>
        enter(() => {
          if (this.readyState !== 0) return;
          this.readyState = 1;
          this.onopen?.();
        }),
    );
    send(text: string): void {
      this.#wire.send(text);
    }
    close(code: number): void {
      this.readyState = 3;
      this.#wire.close(code);
    }
  } as unknown as typeof globalThis.WebSocket;
}
