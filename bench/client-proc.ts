// The load generator. It runs in a process of its own and is told what to do by messages from lib/load.ts.
import { setTimeout as sleep } from "node:timers/promises";
import { createFrameMaker, type DialectName, dialects, messageKey, type Read } from "./dialects.ts";
import { textFrame } from "./lib/client.ts";
import { type Crowd, createCrowd } from "./lib/crowd.ts";
import { createHistogram } from "./lib/hist.ts";
import type { Answer, Command, LoadResult, Pair } from "./lib/load.ts";

/** A message in flight has a number; it is finished when it has been delivered and, where that exists, confirmed. */
type Talk = Pair & {
  index: number;
  number: number;
  direction: 0 | 1;
  sentAt: number;
  isOpen: boolean;
  isDelivered: boolean;
  isConfirmed: boolean;
  confirmed: number;
  makers: [ReturnType<typeof createFrameMaker>, ReturnType<typeof createFrameMaker>];
  lastSeq: [number, number];
};

const patienceMs = 10_000;

let dialectName: DialectName = "echo";
let crowd: Crowd = createCrowd("echo", 0, hear);
let talks: Talk[] = [];
/** What a run does with frames; between runs nobody listens. */
let onRead: (read: NonNullable<Read>) => void = () => {};
let gaps = 0;
let errors: string[] = [];

function hear(index: number, read: NonNullable<Read>): void {
  if (read.type === "error") errors.push(read.text);
  if (read.type === "message") {
    const talk = talks[read.pair];
    if (!talk) return;
    const side = talk.ends[1] === index ? 1 : 0;
    if (read.seq !== null) {
      if (talk.lastSeq[side] !== 0 && read.seq !== talk.lastSeq[side] + 1) gaps++;
      talk.lastSeq[side] = read.seq;
      crowd.received(index, talk.conversationId, read.seq);
    }
    // The author's own event.
    if (talk.ends[1 - read.direction] !== index) return;
  }
  onRead(read);
}

/** Replaces the conversations; those that stay keep what is in flight and what was confirmed. */
function setPairs(pairs: Pair[]): void {
  const dialect = dialects[dialectName];
  talks = pairs.map((pair, index) => {
    const before = talks[index]?.conversationId === pair.conversationId ? talks[index] : undefined;
    const maker = (to: number) => {
      const text = dialect.message({ conversationId: pair.conversationId, to: crowd.loginOf(to) });
      return createFrameMaker(textFrame(text));
    };
    return {
      number: 0,
      direction: 0,
      sentAt: 0,
      isOpen: false,
      isDelivered: true,
      isConfirmed: true,
      confirmed: 0,
      ...before,
      ...pair,
      index,
      makers: [maker(pair.ends[1]), maker(pair.ends[0])],
      lastSeq: [0, 0],
    };
  });
}

function send(talk: Talk, direction: 0 | 1, number: number, sentAt: number): void {
  crowd.write(talk.ends[direction], talk.makers[direction](messageKey(talk.index, number), direction, sentAt));
}

let current: Window | null = null;
type Window = { from: number; until: number; cpu: NodeJS.CpuUsage; used: NodeJS.CpuUsage | null };

/** Waits for the warm-up to pass, tells when the measured time begins and ends, and counts this process's own use. */
async function watch(warmMs: number, ms: number, isOver: () => boolean): Promise<Window> {
  await sleepUnless(warmMs, isOver);
  tell({ type: "measuring" });
  const window: Window = {
    from: performance.now(),
    until: Number.POSITIVE_INFINITY,
    cpu: process.cpuUsage(),
    used: null,
  };
  current = window;
  await sleepUnless(ms, isOver);
  window.until = performance.now();
  window.used = process.cpuUsage(window.cpu);
  tell({ type: "measured" });
  return window;
}

async function sleepUnless(ms: number, isOver: () => boolean): Promise<void> {
  const until = performance.now() + ms;
  while (performance.now() < until && !isOver()) await sleep(Math.min(5, Math.max(1, until - performance.now())));
}

async function run(
  time: { warmMs: number; ms: number },
  begin: (finished: (talk: Talk, sentAt: number) => void) => {
    onRead: typeof onRead;
    stop(): void;
    unfinished(): number;
  },
): Promise<LoadResult> {
  const histogram = createHistogram();
  let messages = 0;
  if (crowd.isBroken()) throw new Error("the server has closed connections");
  gaps = 0;
  errors = [];
  current = null;
  const load = begin((_talk, sentAt) => {
    const now = performance.now();
    if (!current || now > current.until) return;
    messages++;
    // A message from before the window would make the warm-up part of the result.
    if (sentAt >= current.from) histogram.record(now - sentAt);
  });
  onRead = load.onRead;
  const window = await watch(time.warmMs, time.ms, crowd.isBroken);
  load.stop();
  await sleepUnless(patienceMs, () => crowd.isBroken() || load.unfinished() === 0);
  // The last acknowledgements go out before the next measurement begins.
  if (!crowd.isBroken()) crowd.acknowledgeAll();
  onRead = () => {};
  const seconds = (window.until - window.from) / 1000;
  return {
    messages,
    seconds,
    latency: histogram.summary(),
    clientCores: (window.used!.user + window.used!.system) / 1e6 / seconds,
    unfinished: load.unfinished(),
    gaps,
    errors: errors.slice(0, 5),
    confirmed: talks.map((talk) => talk.confirmed),
    broken: crowd.isBroken(),
  };
}

function runClosed(time: { warmMs: number; ms: number }): Promise<LoadResult> {
  const { confirms } = dialects[dialectName];
  return run(time, (finished) => {
    let isStopped = false;
    const next = (talk: Talk) => {
      talk.direction = talk.ends[0] === talk.ends[1] ? 0 : talk.direction === 0 ? 1 : 0;
      talk.number++;
      talk.sentAt = performance.now();
      talk.isOpen = true;
      talk.isDelivered = false;
      talk.isConfirmed = !confirms;
      send(talk, talk.direction, talk.number, talk.sentAt);
    };
    const check = (talk: Talk) => {
      if (!talk.isOpen || !talk.isDelivered || !talk.isConfirmed) return;
      talk.isOpen = false;
      finished(talk, talk.sentAt);
      if (!isStopped) next(talk);
    };
    for (const talk of talks) {
      if (!talk.isOpen) {
        next(talk);
        continue;
      }
      // Cut off by the end of the last connection: whether it was stored, only the same client id can tell. Its event may
      // have gone to the old connection.
      talk.isDelivered = true;
      send(talk, talk.direction, talk.number, talk.sentAt);
    }
    return {
      onRead(read) {
        if (read.type === "error") return;
        const talk = talks[read.pair]!;
        if (read.number !== talk.number) return;
        if (read.type === "message") talk.isDelivered = true;
        else if (!talk.isConfirmed) {
          talk.isConfirmed = true;
          talk.confirmed++;
        }
        check(talk);
      },
      stop: () => (isStopped = true),
      unfinished: () => talks.reduce((count, talk) => count + (talk.isOpen ? 1 : 0), 0),
    };
  });
}

function runOpen(rate: number, time: { warmMs: number; ms: number }): Promise<LoadResult> {
  const { confirms } = dialects[dialectName];
  return run(time, (finished) => {
    const start = performance.now();
    /** Messages under way, by key: what is still missing of each. */
    const missing = new Map<string, { delivered: boolean; confirmed: boolean }>();
    let sent = 0;
    let timer: NodeJS.Timeout;
    const tick = () => {
      const due = Math.floor(((performance.now() - start) / 1000) * rate);
      while (sent < due) {
        // A stride that is prime spreads the senders without a random number.
        const talk = talks[(sent * 7919) % talks.length]!;
        talk.number++;
        talk.direction = talk.ends[0] === talk.ends[1] ? 0 : talk.direction === 0 ? 1 : 0;
        missing.set(messageKey(talk.index, talk.number), { delivered: false, confirmed: !confirms });
        send(talk, talk.direction, talk.number, start + (sent / rate) * 1000);
        sent++;
      }
      timer = setTimeout(tick, 1);
    };
    tick();
    return {
      onRead(read) {
        if (read.type === "error") return;
        const key = messageKey(read.pair, read.number);
        const message = missing.get(key);
        if (!message) return;
        const talk = talks[read.pair]!;
        if (read.type === "message") {
          if (!message.delivered) finished(talk, read.sentAt);
          message.delivered = true;
        } else if (!message.confirmed) {
          message.confirmed = true;
          talk.confirmed++;
        }
        if (message.delivered && message.confirmed) missing.delete(key);
      },
      stop: () => clearTimeout(timer),
      unfinished: () => missing.size,
    };
  });
}

function tell(answer: Answer): void {
  process.send!(answer);
}

async function obey(command: Command): Promise<LoadResult | undefined> {
  switch (command.type) {
    case "target":
      dialectName = command.dialect;
      crowd = createCrowd(command.dialect, command.port, hear);
      return;
    case "connect":
      await crowd.connect(command.people, command.atOnce);
      return;
    case "pairs":
      setPairs(command.pairs);
      return;
    case "closed":
      return runClosed(command);
    case "open":
      return runOpen(command.rate, command);
    case "disconnect":
      crowd.hangUp();
      return;
  }
}

process.on("message", (command: Command) => {
  obey(command).then(
    (result) => tell({ type: "done", result }),
    (error: unknown) => tell({ type: "failed", reason: error instanceof Error ? error.message : String(error) }),
  );
});
process.on("disconnect", () => process.exit(0));
