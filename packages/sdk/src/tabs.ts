import { type Core, type CorePorts, inOrder } from "./core.ts";
import { type Around, type Effect, type Engine, type Input, step, type TimerName } from "./engine.ts";
import { recordsOf } from "./records.ts";
import type { DeviceStorage, TabGroup } from "./storage.ts";

/** How often a tab that follows asks whether the leader is there: while it waits for something, and otherwise. */
const urgentPingMs = 500;
const pingMs = 2_000;
/** After so many questions in vain it takes over. */
const patience = 2;

/** One tab's time as the leader. The later one counts; two that began at once are told apart by the tab. */
type Reign = { term: number; tab: string };
/** An input of a tab, by its number there: it is taken once, whoever leads. */
type Asked = { n: number; input: Input };

/** What tabs say to each other. */
type Word =
  | { type: "hello"; from: string }
  | { type: "ping"; from: string }
  /** All that this tab has asked for and not seen happen yet. */
  | { type: "ask"; from: string; inputs: readonly Asked[] }
  /** A new leader goes on from step `n` of another reign. */
  | { type: "lead"; reign: Reign; from: { reign: Reign | null; n: number } }
  | { type: "step"; reign: Reign; n: number; input: Input; around: Around; asked: Origin }
  | { type: "pong"; reign: Reign; n: number }
  /** Everything, for one tab, as it is after step `n`. */
  | { type: "state"; to: string; reign: Reign; replica: Replica };

/** The engine after `n` steps of this reign, and the last input of each tab that is part of it. */
type Replica = { reign: Reign | null; n: number; engine: Engine; heard: Readonly<Record<string, number>> };

type Origin = { tab: string; n: number } | null;
/** This tab among the others, from start to stop. */
type Seat = { say: (word: Word) => void; pingLater: () => void; leave: () => void };
type Leadership = {
  take: (input: Input, asked: Origin) => void;
  /** Lets go of what a tab holds once its lock is free: it is closed, or dead. */
  meet: (tab: string) => void;
  end: () => void;
};

export type TabsPorts = CorePorts & {
  tab: string;
  storage: DeviceStorage;
  group: TabGroup;
  /** The engine came from another tab as a whole: what this tab has open or waits for may be missing there. */
  replaced: () => void;
};

/**
 * CR9: the tabs of a browser share one engine. One of them leads: it holds a lock, performs the effects, and tells the
 * others every input, from which each of them makes the same engine. What a person does in another tab shows there at
 * once and is asked of the leader. When the leader is gone, the next in the queue has the lock and goes on from where it
 * is. A leader that does not answer (a frozen page) loses the lock, and follows when it wakes up.
 */
export function createTabs(ports: TabsPorts): Core {
  const { clock, tab, storage, openPerformer, changed, taken, replaced } = ports;
  const { locks, openChannel } = ports.group;
  // Another version of this code may make another engine of the same inputs.
  const name = `${ports.group.name} ${ports.initial.client}`;
  let replica: Replica = { reign: null, n: 0, engine: ports.initial, heard: {} };
  /** Whether every step since is known to have arrived. */
  let isSynced = false;
  /** The replica with what this tab has asked for on top. */
  let shown = ports.initial;
  let pending: readonly Asked[] = [];
  let lastAsked = 0;
  let outgoing: Promise<unknown> = Promise.resolve();
  let seat: Seat | null = null;
  let leadership: Leadership | null = null;
  let seeking = new AbortController();
  let highestTerm = 0;
  let missed = 0;

  const around = (): Around => ({ now: clock.now(), random: clock.random() });

  function take(input: Input): void {
    if (leadership !== null) return leadership.take(input, null);
    pending = [...pending, { n: ++lastAsked, input }];
    if (pending.length === 1) seat?.pingLater();
    const [next, effects] = step(shown, input, around());
    shown = next;
    // CR1: on the device before anybody else knows of it, so that it survives the end of this tab and of the leader.
    if (input.type === "send") outgoing = outgoing.then(() => store(storage, effects));
    outgoing = outgoing.then(ask);
    changed();
  }

  function ask(): void {
    if (leadership === null && pending.length > 0) seat?.say({ type: "ask", from: tab, inputs: pending });
  }

  /** One step of the replica; what was asked for and is part of it now needs no longer be put on top. */
  function advance(input: Input, at: Around, asked: Origin): Effect[] {
    const [engine, effects] = step(replica.engine, input, at);
    let { heard } = replica;
    if (asked !== null) heard = { ...heard, [asked.tab]: asked.n };
    replica = { ...replica, engine, n: replica.n + 1, heard };
    if (asked?.tab === tab) pending = pending.filter(({ n }) => n > asked.n);
    shown = onTop(engine, pending, at);
    return effects;
  }

  // ---- leading

  function beginToLead(letGo: () => void): void {
    const from = { reign: replica.reign, n: replica.n };
    const reign: Reign = { term: ++highestTerm, tab };
    const ending = new AbortController();
    const met = new Set<string>();
    const performer = openPerformer((input) => leadership?.take(input, null));
    const performAll = inOrder(performer.perform);
    leadership = {
      take(input, asked) {
        const at = around();
        const effects = advance(input, at, asked);
        if (met.size > 0) seat?.say({ type: "step", reign, n: replica.n, input, around: at, asked });
        performAll(effects);
        changed();
        taken(input);
      },
      meet(other) {
        if (other === tab || met.has(other)) return;
        met.add(other);
        const gone = () => {
          met.delete(other);
          leadership?.take({ type: "tab_gone", tab: other }, null);
        };
        locks.request(tabLock(other), { signal: ending.signal }, gone).catch(ignoreAbort);
      },
      end() {
        leadership = null;
        isSynced = false;
        ending.abort();
        performer.end();
        letGo();
        if (seat !== null) queue();
      },
    };
    replica = { ...replica, reign, n: 0 };
    isSynced = true;
    seat?.say({ type: "lead", reign, from });
    const { holders, viewing } = replica.engine;
    for (const other of [...Object.values(holders), ...Object.values(viewing)].flat()) leadership.meet(other);
    if (from.reign !== null) leadership.take({ type: "took_over" }, null);
    for (const { n, input } of pending) leadership.take(input, { tab, n });
  }

  /** A word of a tab that follows. */
  function answer(word: Extract<Word, { type: "hello" | "ping" | "ask" }>): void {
    if (leadership === null) return;
    leadership.meet(word.from);
    const { reign, n, engine } = replica;
    if (word.type === "ping") {
      seat?.say({ type: "pong", reign: reign!, n });
      // The timers of a page in the background may be held back; a page that asks is not.
      for (const [timer, due] of Object.entries(engine.timers)) {
        if (due! <= clock.now() + engine.time.ahead)
          leadership?.take({ type: "timer", timer: timer as TimerName }, null);
      }
    } else if (word.type === "hello") {
      seat?.say({ type: "state", to: word.from, reign: reign!, replica: { ...replica, engine: packed(engine) } });
    } else {
      for (const { n: number, input } of word.inputs) {
        if (number > (replica.heard[word.from] ?? 0)) leadership?.take(input, { tab: word.from, n: number });
      }
    }
  }

  // ---- following

  function follow(word: Exclude<Word, { type: "hello" | "ping" | "ask" }>): void {
    const order = replica.reign === null ? 1 : compare(word.reign, replica.reign);
    if (order < 0) return; // One that was replaced and does not know it yet.
    if (leadership !== null && order > 0) leadership.end();
    if (leadership !== null) return;
    highestTerm = Math.max(highestTerm, word.reign.term);
    missed = 0;
    switch (word.type) {
      case "step":
        if (!isSynced || order > 0 || word.n !== replica.n + 1) return lostTrack();
        advance(word.input, word.around, word.asked);
        changed();
        return taken(word.input);
      case "pong":
        return !isSynced || order > 0 || word.n !== replica.n ? lostTrack() : undefined;
      case "lead":
        if (order === 0) return;
        isSynced &&= isSame(word.from.reign, replica.reign) && word.from.n === replica.n;
        replica = { ...replica, reign: word.reign, n: 0 };
        if (isSynced) outgoing = outgoing.then(ask);
        else seat?.say({ type: "hello", from: tab });
        return;
      case "state":
        if (word.to === tab) adopt(word.replica);
    }
  }

  function lostTrack(): void {
    if (isSynced) seat?.say({ type: "hello", from: tab });
    isSynced = false;
  }

  function adopt(other: Replica): void {
    replica = { ...other, engine: unpacked(other.engine) };
    isSynced = true;
    pending = pending.filter(({ n }) => n > (replica.heard[tab] ?? 0));
    shown = onTop(replica.engine, pending, around());
    outgoing = outgoing.then(ask);
    changed();
    replaced();
  }

  // ---- coming and going

  /** In the queue for the lock; or with its owner pushed off it. */
  function seek(how: "wait" | "steal"): void {
    seeking.abort();
    seeking = new AbortController();
    let own: Leadership | null = null;
    const held = () =>
      new Promise<void>((letGo) => {
        if (seat === null) return letGo();
        beginToLead(letGo);
        own = leadership;
      });
    const options = how === "steal" ? { steal: true } : { signal: seeking.signal };
    locks.request(`${name} leader`, options, held).catch((error) => {
      // Taken from us. (Or we do not want it any more.)
      if (own !== null && own === leadership) leadership.end();
      ignoreAbort(error);
    });
  }

  function queue(): void {
    seat?.say({ type: "hello", from: tab });
    seek("wait");
  }

  function sitDown(): void {
    const channel = openChannel(name);
    let cancelPing = () => {};
    let letGo = () => {};
    const pingLater = () => {
      cancelPing();
      cancelPing = clock.after(pending.length > 0 ? urgentPingMs : pingMs, () => {
        ping();
        pingLater();
      });
    };
    const mine: Seat = {
      say: (word) => channel.postMessage(word),
      pingLater,
      leave: () => {
        cancelPing();
        letGo();
        channel.close();
      },
    };
    seat = mine;
    channel.onmessage = ({ data }: { data: Word }) => ("reign" in data ? follow(data) : answer(data));
    const held = () =>
      new Promise<void>((release) => {
        if (seat !== mine) return release();
        letGo = release;
        queue();
        pingLater();
      });
    locks.request(tabLock(tab), held).catch(ignoreAbort);
  }

  function ping(): void {
    if (leadership !== null) return;
    if (missed < patience) {
      missed++;
      seat?.say({ type: isSynced ? "ping" : "hello", from: tab });
    } else {
      missed = 0;
      seek("steal");
    }
  }

  const tabLock = (of: string) => `${name} tab ${of}`;

  return {
    engine: () => shown,
    take,
    start: () => {
      if (seat === null) sitDown();
      take({ type: "start" });
    },
    stop: () => {
      const left = seat;
      seat = null;
      leadership?.end();
      seeking.abort();
      left?.leave();
      isSynced = false;
      [shown] = step(shown, { type: "stop" }, around());
      changed();
    },
  };
}

async function store(storage: DeviceStorage, effects: readonly Effect[]): Promise<void> {
  for (const effect of effects) if (effect.type === "put") await storage.put(effect.item).catch(() => {});
}

function onTop(engine: Engine, asked: readonly Asked[], at: Around): Engine {
  return asked.reduce((on, { input }) => step(on, input, at)[0], engine);
}

function compare(a: Reign, b: Reign): number {
  return a.term - b.term || (a.tab < b.tab ? -1 : a.tab > b.tab ? 1 : 0);
}

function isSame(a: Reign | null, b: Reign | null): boolean {
  return a?.term === b?.term && a?.tab === b?.tab;
}

/** As it can be copied: plain all through. */
function packed(engine: Engine): Engine {
  return { ...engine, state: { ...engine.state, conversations: { ...engine.state.conversations } } };
}

function unpacked(engine: Engine): Engine {
  return { ...engine, state: { ...engine.state, conversations: recordsOf(engine.state.conversations) } };
}

function ignoreAbort(error: unknown): void {
  if ((error as Error).name !== "AbortError") throw error;
}
