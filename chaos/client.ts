// A person's device: the real sync engine of the SDK over the faulty network, with everything that it sees and does on
// record. Its storage is a file, so it can be killed in the middle of anything and started again.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import type { ConversationId, ServerFrame } from "@presszero/contracts";
import { createApi, createSync, type DeviceStorage, type Sync, thread, type ThreadItem } from "@presszero/sdk";
import { type History, markText, marksIn, type Row, type Side } from "./history.ts";

export type DeviceOptions = {
  name: string;
  side: Side;
  /** The letter of the company. */
  company: string;
  /** The agent's or contact's id. */
  person: string;
  url: string;
  token: string;
  deviceId: string;
  /** Where unsent messages are kept. */
  file: string;
  history: History;
};

export type Device = {
  name: string;
  side: Side;
  company: string;
  person: string;
  sync(): Sync;
  isRunning(): boolean;
  start(): void;
  /** The process is gone at once: nothing more is stored or sent, and what was in memory is lost. */
  kill(): void;
  stop(): void;
  /** Keeps the conversation on screen, after restarts too. */
  hold(c: ConversationId): void;
  held(): readonly ConversationId[];
  /** Presses send; answers the client id. Null starts a conversation. */
  send(c: ConversationId | null, text: string, kind?: "text" | "note"): string;
  markRead(c: ConversationId): void;
};

type StoredItem = Awaited<ReturnType<DeviceStorage["load"]>>[number];

/** Writes through to the file until it is frozen, as a killed process would stop writing. */
function fileStorage(deviceId: string, file: string): DeviceStorage & { freeze(): void } {
  let isFrozen = false;
  let items = existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as StoredItem[]) : [];
  const change = (next: StoredItem[]) => {
    if (isFrozen) return;
    items = next;
    writeFileSync(file, JSON.stringify(items));
  };
  return {
    deviceId,
    warnOnUnload: false,
    load: async () =>
      items
        .toSorted((a, b) => a.queuedAt - b.queuedAt)
        .map((item) => (item.state === "sending" ? { ...item, state: "queued" } : item)),
    put: async (item) => change([...items.filter((other) => other.clientId !== item.clientId), item]),
    remove: async (clientId) => change(items.filter((other) => other.clientId !== clientId)),
    close: () => {},
    freeze: () => void (isFrozen = true),
  };
}

export function createDevice(options: DeviceOptions): Device {
  const { name, side, company, person, url, token, deviceId, file, history } = options;
  const held = new Set<ConversationId>();
  let run: { sync: Sync; end(): void } | null = null;

  function begin(): { sync: Sync; end(): void } {
    history.record({ op: "start", client: name, side, company, person, device: deviceId });
    const storage = fileStorage(deviceId, file);
    let isOver = false;
    const sync = createSync({
      api: createApi({ baseUrl: url, token }),
      baseUrl: url,
      side,
      client: "chaos/1",
      storage,
      WebSocket: recordingSocket(name, history, () => isOver),
    });
    const watch = watchState(name, sync, history);
    const stopWatching = sync.subscribe(watch);
    return {
      sync,
      end() {
        isOver = true;
        stopWatching();
        storage.freeze();
        sync.stop();
      },
    };
  }

  const current = () => {
    if (run === null) throw new Error(`${name} does not run.`);
    return run.sync;
  };

  function finish(why: "killed" | "stopped"): void {
    if (run === null) return;
    run.end();
    run = null;
    history.record({ op: "end", client: name, why });
  }

  return {
    name,
    side,
    company,
    person,
    sync: current,
    isRunning: () => run !== null,
    start() {
      if (run !== null) return;
      run = begin();
      for (const c of held) run.sync.open(c);
      run.sync.start();
    },
    kill: () => finish("killed"),
    stop: () => finish("stopped"),
    hold(c) {
      if (held.has(c)) return;
      held.add(c);
      history.record({ op: "hold", client: name, c });
      run?.sync.open(c);
    },
    held: () => [...held],
    send(c, text, kind = "text") {
      const marked = markText(company, kind, text);
      // On record before it begins: an answer can never come first.
      const cid = current().send(c, { kind, text: marked });
      history.record({ op: "send", client: name, c: c ?? "", cid, text: marked });
      return cid;
    },
    markRead: (c) => current().markRead(c),
  };
}

/** The platform's WebSocket, overheard. */
function recordingSocket(client: string, history: History, isOver: () => boolean): typeof globalThis.WebSocket {
  return class extends WebSocket {
    constructor(url: string | URL, protocols?: string | string[]) {
      super(url, protocols);
      this.addEventListener("open", () => isOver() || history.record({ op: "open", client }));
      this.addEventListener("close", ({ code }) => isOver() || history.record({ op: "close", client, code }));
      this.addEventListener("message", ({ data }) => {
        if (!isOver()) recordFrame(client, String(data), history);
      });
    }
  };
}

function recordFrame(client: string, raw: string, history: History): void {
  const frame = JSON.parse(raw) as ServerFrame;
  const marks = marksIn(raw);
  if (frame.type === "feed") {
    for (const item of frame.items) {
      history.record({ op: "frame", client, type: "feed", c: item.id, seq: item.head, kind: null, marks });
    }
    return;
  }
  const c = "conversationId" in frame ? (frame.conversationId ?? "") : "";
  const seq = frame.type === "event" ? frame.seq : null;
  const kind = frame.type === "event" || frame.type === "ephemeral" ? frame.kind : null;
  if (c !== "") history.record({ op: "frame", client, type: frame.type, c, seq, kind, marks });
  if (frame.type === "ok") {
    const { clientId: cid, messageId: mid, duplicate } = frame;
    history.record({ op: "ok", client, c, cid, mid, seq: frame.seq, duplicate });
  }
  if (frame.type === "error") history.record({ op: "err", client, code: frame.code, retry: frame.retry });
}

/** Records what changed on screen since the last call. */
function watchState(client: string, sync: Sync, history: History): () => void {
  let before = sync.getState();
  const shown = new Map<string, Row[]>();
  const read = new Map<string, number>();

  function show(c: ConversationId | null): void {
    const rows = thread(sync.getState(), c).map(toRow);
    const old = shown.get(c ?? "") ?? [];
    let from = 0;
    while (from < rows.length && from < old.length && isSame(rows[from]!, old[from]!)) from++;
    if (from === rows.length && from === old.length) return;
    shown.set(c ?? "", rows);
    history.record({ op: "view", client, c: c ?? "", from, rows: rows.slice(from) });
  }

  return () => {
    const state = sync.getState();
    if (state.connection !== before.connection) history.record({ op: "status", client, name: state.connection.name });
    const isOutboxChanged = state.outbox !== before.outbox;
    for (const [c, record] of Object.entries(state.conversations)) {
      const old = before.conversations[c];
      if (old === record && !isOutboxChanged) continue;
      if (old?.events !== record.events || isOutboxChanged) show(c as ConversationId);
      const { myRead } = record.summary.marks;
      if (myRead !== read.get(c)) history.record({ op: "read", client, c, seq: myRead });
      read.set(c, myRead);
    }
    if (isOutboxChanged) show(null);
    for (const c of shown.keys()) {
      if (c === "" || state.conversations[c] !== undefined) continue;
      shown.delete(c);
      read.delete(c);
      history.record({ op: "forget", client, c });
    }
    before = state;
  };
}

/** Ticks change without any message changing, so they are no part of a row. */
function toRow(item: ThreadItem): Row {
  const { key } = item;
  if (item.type === "event") return { key, mid: null, cid: null, seq: item.event.seq, status: null };
  if (item.type === "message") {
    return { key, mid: item.message.id, cid: item.message.clientId, seq: item.message.seq, status: null };
  }
  const { sent, clientId } = item.item;
  return { key, mid: sent?.messageId ?? null, cid: clientId, seq: null, status: item.status };
}

function isSame(a: Row, b: Row): boolean {
  return a.key === b.key && a.mid === b.mid && a.seq === b.seq && a.status === b.status;
}
