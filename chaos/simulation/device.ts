// A device: it carries out what the sync engine of the SDK decides, over simulated time, storage and network. A kill loses
// its memory and keeps its storage.
import type { ClientFrame, ConversationId, EventsPage, NewStaffMessage } from "@presszero/contracts";
import type { Answer, Call, Effect, Engine, Input, OutboxItem, State, Summary, TimerName } from "@presszero/sdk";
import type { Random } from "../random.ts";
import type { Cores } from "./cores.ts";
import type { Answer as ServerAnswer } from "./database-server.ts";
import type { Request } from "./http.ts";
import type { End } from "./network.ts";
import type { DeviceSpec } from "./plan.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Person } from "./tables.ts";

export type Wire = { send(text: string): void; close(code: number): void };

export type DevicePorts = {
  spec: DeviceSpec;
  person: Person;
  deviceId: string;
  scheduler: Scheduler;
  random: Random;
  cores: Cores;
  /** Opens a connection; `opened` is called once it is there. */
  dial(end: End, opened: () => void): Wire;
  request(request: Request, answer: (answer: ServerAnswer<unknown>) => void): void;
  changed(state: State): void;
  /** Before the engine hears of it. */
  sends(clientId: string, c: ConversationId | null, message: NewStaffMessage): void;
};

/** One run of the app, from its start to its end. */
type Run = { engine: Engine; wire: Wire | null; timers: Map<TimerName, () => void>; waiting: Input[]; isBusy: boolean };

export type Device = ReturnType<typeof createDevice>;

const wallClock = Date.UTC(2026, 0, 1);
const tab = "tab";

export function createDevice(ports: DevicePorts) {
  const { spec, scheduler, random, deviceId, cores } = ports;
  const disk = new Map<string, OutboxItem>();
  /** Kept open over restarts, as an app opens where it was. */
  const open = new Set<ConversationId>();
  let run: Run | null = null;
  const base = spec.side === "contact" ? "/v1/my/conversations" : "/v1/conversations";
  let clockOffset = 0;
  let sent = 0;
  let calls = 0;
  /** When the last write to the storage is done: they are done one after the other. */
  let writtenAt = 0;

  function tell(input: Input): void {
    if (run === null) return;
    const mine = run;
    mine.waiting.push(input);
    if (mine.isBusy) return;
    mine.isBusy = true;
    for (let next = mine.waiting.shift(); next !== undefined; next = mine.waiting.shift()) {
      const before = mine.engine.state;
      const around = { now: wallClock + scheduler.now() + clockOffset, random: random.next() };
      const [engine, effects] = cores.stepEngine(mine.engine, next, around);
      mine.engine = engine;
      for (const effect of effects) perform(mine, effect);
      if (engine.state !== before) ports.changed(engine.state);
    }
    mine.isBusy = false;
  }

  /** Later, if this run still goes on. */
  function after(mine: Run, ms: number, what: () => void): () => void {
    return scheduler.after(ms, () => run === mine && what());
  }

  function perform(mine: Run, effect: Effect): void {
    switch (effect.type) {
      case "open_transport":
        return dial(mine, effect.transport);
      case "transmit":
        return mine.wire?.send(JSON.stringify(effect.frame));
      case "close_transport":
        mine.wire?.close(effect.code);
        mine.wire = null;
        return;
      case "load":
        return store(mine, () => {
          tell({ type: "loaded", items: [...disk.values()].toSorted((a, b) => a.queuedAt - b.queuedAt) });
        });
      case "put":
        return store(mine, () => {
          disk.set(effect.item.clientId, effect.item);
          // The device may die between the two.
          after(mine, random.between(0, 2), () => tell({ type: "written", clientId: effect.item.clientId }));
        });
      case "remove":
        return store(mine, () => disk.delete(effect.clientId));
      case "call":
        return call(effect.key, effect.call);
      case "set_timer":
        mine.timers.get(effect.timer)?.();
        mine.timers.set(
          effect.timer,
          after(mine, effect.ms, () => tell({ type: "timer", timer: effect.timer })),
        );
        return;
      case "clear_timer":
        mine.timers.get(effect.timer)?.();
        mine.timers.delete(effect.timer);
    }
  }

  function store(mine: Run, work: () => void): void {
    writtenAt = Math.max(writtenAt, scheduler.now()) + random.between(0, 5);
    after(mine, writtenAt - scheduler.now(), work);
  }

  function dial(mine: Run, transport: number): void {
    let isOver = false;
    const wire = ports.dial(
      {
        receive: (text) => {
          if (run === mine && !isOver) tell({ type: "frame", transport, frame: JSON.parse(text) as never });
        },
        closed: (code) => {
          isOver = true;
          if (mine.wire === own) mine.wire = null;
          if (run === mine) tell({ type: "closed", transport, code });
        },
      },
      () => run === mine && !isOver && tell({ type: "opened", transport }),
    );
    const own: Wire = {
      send: wire.send,
      close(code) {
        isOver = true;
        wire.close(code);
      },
    };
    mine.wire = own;
  }

  function call(key: string, about: Call): void {
    const mine = run;
    ports.request(requestOf(about), (answer) => {
      if (run !== mine) return;
      if ("result" in answer) return tell({ type: "answered", key, answer: answerOf(about, answer.result) });
      const { code, retry } = answer.failure;
      tell({ type: "failed", key, problem: { code, retry, retryAfterMs: null, title: code, details: {} } });
      // Lists are asked for by screens, which try again.
      if (key === "list" && retry && mine) after(mine, 2_000, loadList);
    });
  }

  function requestOf(about: Call): Request {
    switch (about.op) {
      case "ticket":
        return { key: "POST /v1/realtime/tickets", body: { deviceId } };
      case "list":
        return { key: `GET ${base}` };
      case "summary":
        return { key: `GET ${base}/:conversationId`, params: about };
      case "events":
        return { key: `GET ${base}/:conversationId/events`, params: about, query: { before: about.before } };
    }
  }

  function loadList(): void {
    tell({ type: "load_list", key: "list", query: {}, cursor: undefined });
  }

  return {
    name: spec.name,
    spec,
    person: ports.person,
    deviceId,
    disk: disk as ReadonlyMap<string, OutboxItem>,
    isRunning: () => run !== null,
    state: (): State | null => run?.engine.state ?? null,
    shown: (): ReadonlySet<ConversationId> => open,

    start(): void {
      if (run !== null) return;
      const engine = cores.initialEngine({ side: spec.side, deviceId, client: "simulation/1" });
      run = { engine, wire: null, timers: new Map(), waiting: [], isBusy: false };
      for (const conversationId of open) tell({ type: "open", conversationId, tab });
      tell({ type: "start" });
      loadList();
    },
    kill(): void {
      run = null;
      writtenAt = 0;
    },

    show(c: ConversationId): void {
      if (open.has(c)) return;
      open.add(c);
      tell({ type: "open", conversationId: c, tab });
    },
    hide(c: ConversationId): void {
      open.delete(c);
      tell({ type: "release", conversationId: c, tab });
    },
    say(c: ConversationId | null, message: NewStaffMessage): void {
      const clientId = `${deviceId.slice(-8)}-0000-4000-8000-${String(++sent).padStart(12, "0")}`;
      ports.sends(clientId, c, message);
      tell({ type: "send", clientId, conversationId: c, message });
    },
    markRead: (c: ConversationId) => tell({ type: "mark_read", conversationId: c }),
    type: (c: ConversationId) => tell({ type: "typing", conversationId: c, on: true }),
    loadOlder: (c: ConversationId) => tell({ type: "load_older", key: `older ${++calls}`, conversationId: c }),
    retry: (clientId: string) => tell({ type: "retry", clientId }),
    discard: (clientId: string) => tell({ type: "discard", clientId }),
    wake: () => tell({ type: "wake" }),
    moveClock: (by: number) => void (clockOffset += by),

    /** By hand and by HTTP, a path below the conversations: nobody tries again by themselves. */
    ask(key: string, params: NonNullable<Request["params"]>, body: Request["body"] = {}): void {
      ports.request({ key: key.replace(" /", ` ${base}/`), params, body }, () => {});
    },
    /** Without the engine: everything that a frame can ask for, with an id that is not this person's. */
    trespass(c: ConversationId): void {
      ports.request({ key: "POST /v1/realtime/tickets", body: { deviceId } }, (answer) => {
        if (!("result" in answer)) return;
        const { ticket } = answer.result as { ticket: string };
        const wire = ports.dial({ receive: () => {}, closed: () => {} }, () => {
          for (const frame of foreignFrames(c, ticket, deviceId)) wire.send(JSON.stringify(frame));
        });
        scheduler.after(8_000, () => wire.close(1000));
      });
    },
  };
}

function answerOf(about: Call, result: unknown): Answer {
  switch (about.op) {
    case "ticket":
      return { op: "ticket", ticket: (result as { ticket: string }).ticket };
    case "list":
      return { op: "list", ...(result as { items: Summary[]; next: string | null }) };
    case "summary":
      return { op: "summary", summary: result as Summary };
    case "events":
      return { op: "events", page: result as EventsPage };
  }
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
    { type: "viewing", conversationId: c, on: true },
  ];
}
