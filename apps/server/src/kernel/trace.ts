import { randomInt } from "node:crypto";
import type { Bus } from "./bus.ts";
import type { Clock } from "./clock.ts";

/** So much of what passed through a process is remembered; the oldest is forgotten first. */
const rememberedMessages = 10_000;
const rememberedMarks = 10_000;
const rememberedRepeats = 1_000;

/** A reader's device said how far it has received and read; positions in the lane of that reader. */
export type DeviceMark = {
  subjectId: string;
  readerType: string;
  readerId: string;
  deviceId: string;
  delivered: number;
  read: number;
};

/** Times are milliseconds since 1970 by the clock of the process. */
export type Recollection = {
  process: string;
  startedAt: number;
  /** From when on it remembers everything of a kind. */
  since: { messages: number; marks: number; repeats: number };
  /** It took the message in, and when its commit was known. */
  taken: { receivedAt: number; committedAt: number; overSocket: boolean } | null;
  /** To how many connections of each side it gave the message, and when the last of them had it. */
  passed: { at: number; staff: number; customers: number } | null;
  /** When this process first heard that a device has the message, and that it was read there. */
  devices: { readerId: string; deviceId: string; deliveredAt: number; readAt: number | null }[];
  repeats: { count: number; lastAt: number } | null;
};

/** The message in question: its places in the lanes, and from when on a mark can mean it. */
export type TracedMessage = { id: string; subjectId: string; seq: number; publicSeq: number; createdAt: number };

/** Of one message in one process; zero says that it did not happen here. */
type MessageSlot = {
  id: string;
  receivedAt: number;
  committedAt: number;
  overSocket: boolean;
  passedAt: number;
  staff: number;
  customers: number;
};

export type Trace = ReturnType<typeof createTrace>;

/** The clocks of a device's process and of the database may differ by this. */
const clockToleranceMs = 5_000;
/** An answer has to fit into one notification. */
const mostDevices = 30;

/**
 * What this process remembers of the messages that pass through it, and the database does not know: a few numbers for each,
 * never its content. Written on the hot path, so it allocates nothing; read when somebody asks.
 */
export function createTrace(bus: Bus, clock: Clock) {
  const number = randomInt(1, 2 ** 31 - 1);
  const process = number.toString(16).padStart(8, "0");
  const startedAt = performance.now();
  const messages = createRing(rememberedMessages, (): MessageSlot & { at: number } => ({
    at: 0,
    id: "",
    receivedAt: 0,
    committedAt: 0,
    overSocket: false,
    passedAt: 0,
    staff: 0,
    customers: 0,
  }));
  const marks = createRing(rememberedMarks, (): DeviceMark & { at: number } => ({
    at: 0,
    subjectId: "",
    readerType: "",
    readerId: "",
    deviceId: "",
    delivered: 0,
    read: 0,
  }));
  const repeats = createRing(rememberedRepeats, () => ({ at: 0, id: "" }));

  function openSlot(id: string, receivedAt: number, committedAt: number, overSocket: boolean): MessageSlot {
    const slot = messages.next();
    slot.id = id;
    slot.receivedAt = receivedAt;
    slot.committedAt = committedAt;
    slot.overSocket = overSocket;
    slot.passedAt = slot.staff = slot.customers = 0;
    return slot;
  }

  // Made before the gateway, so that its passing on finds the slot.
  bus.onEvents((events) => {
    for (const { refId, receivedAt, committedAt = 0, overSocket = false } of events) {
      if (refId !== null && receivedAt !== undefined) openSlot(refId, receivedAt, committedAt, overSocket);
    }
  });

  /** A moment of `performance.now()` by the clock as it goes now. */
  function timeOf(moment: number): number {
    return clock.now().getTime() - Math.round(performance.now() - moment);
  }

  return {
    /** Names this process among those of its database, for as long as it runs; `number` is the same as a number. */
    process,
    number,

    /** The message was given to so many connections of this process. */
    passed(id: string, staff: number, customers: number): void {
      const newest = messages.newest();
      const slot = newest?.id === id ? newest : openSlot(id, 0, 0, false);
      slot.passedAt = performance.now();
      slot.staff += staff;
      slot.customers += customers;
    },

    marked(mark: DeviceMark): void {
      const slot = marks.next();
      slot.subjectId = mark.subjectId;
      slot.readerType = mark.readerType;
      slot.readerId = mark.readerId;
      slot.deviceId = mark.deviceId;
      slot.delivered = mark.delivered;
      slot.read = mark.read;
    },

    /** The message came in again and was answered with the first. */
    repeated(id: string): void {
      repeats.next().id = id;
    },

    /** What this process knows about a message. */
    recall(message: TracedMessage): Recollection {
      const slots = messages.filter((slot) => slot.id === message.id);
      const taken = slots.find((slot) => slot.receivedAt > 0);
      const passed = slots.filter((slot) => slot.passedAt > 0);
      const repeated = repeats.filter((slot) => slot.id === message.id);
      return {
        process,
        startedAt: timeOf(startedAt),
        since: {
          messages: timeOf(messages.since() ?? startedAt),
          marks: timeOf(marks.since() ?? startedAt),
          repeats: timeOf(repeats.since() ?? startedAt),
        },
        taken: taken
          ? {
              receivedAt: timeOf(taken.receivedAt),
              committedAt: timeOf(taken.committedAt),
              overSocket: taken.overSocket,
            }
          : null,
        passed:
          passed.length > 0
            ? {
                at: timeOf(Math.max(...passed.map((slot) => slot.passedAt))),
                staff: passed.reduce((sum, slot) => sum + slot.staff, 0),
                customers: passed.reduce((sum, slot) => sum + slot.customers, 0),
              }
            : null,
        devices: recallDevices(message),
        repeats: repeated.length > 0 ? { count: repeated.length, lastAt: timeOf(repeated.at(-1)!.at) } : null,
      };
    },
  };

  function recallDevices(message: TracedMessage): Recollection["devices"] {
    const devices = new Map<string, Recollection["devices"][number]>();
    for (const mark of marks.filter((slot) => slot.subjectId === message.subjectId)) {
      const place = mark.readerType === "contact" ? message.publicSeq : message.seq;
      const at = timeOf(mark.at);
      // A client may claim a place that is not there yet.
      if (mark.delivered < place || at < message.createdAt - clockToleranceMs) continue;
      const key = `${mark.readerId} ${mark.deviceId}`;
      const known = devices.get(key);
      const readAt = mark.read >= place ? at : null;
      if (known) known.readAt ??= readAt;
      else if (devices.size < mostDevices) {
        devices.set(key, { readerId: mark.readerId, deviceId: mark.deviceId, deliveredAt: at, readAt });
      }
    }
    return [...devices.values()];
  }
}

/** The last `size` things; a new one is written over the oldest. */
function createRing<Slot extends { at: number }>(size: number, create: () => Slot) {
  const slots: Slot[] = [];
  let added = 0;

  return {
    /** The slot of a new thing that happens now; the caller fills it in. */
    next(): Slot {
      const slot = (slots[added++ % size] ??= create());
      slot.at = performance.now();
      return slot;
    },
    newest(): Slot | undefined {
      return slots[(added - 1) % size];
    },
    /** The moment from which on nothing is missing; null: from the beginning. */
    since(): number | null {
      return added > size ? slots[added % size]!.at : null;
    },
    /** Oldest first. */
    filter(matches: (slot: Slot) => boolean): Slot[] {
      const start = added > size ? added % size : 0;
      const found: Slot[] = [];
      for (let index = 0; index < slots.length; index++) {
        const slot = slots[(start + index) % slots.length]!;
        if (matches(slot)) found.push(slot);
      }
      return found;
    },
  };
}
