// What happened, as the clients and the machinery saw it: one line of JSON for each thing, in order of time.
import { createWriteStream } from "node:fs";

/** A row of a thread as a person sees it. Pending messages have no `mid` and no `seq` of their own yet. */
export type Row = { key: string; mid: string | null; cid: string | null; seq: number | null; status: string | null };

export type Side = "business" | "contact";

/** `client` names a device; `c` is a conversation's id, "" for one that is about to be started. */
export type Happening =
  /** A run of a device begins, its memory empty. `company` is the letter in the texts of its company. */
  | { op: "start"; client: string; side: Side; company: string; person: string; device: string }
  /** The run is over: the device was killed, or its session revoked. */
  | { op: "end"; client: string; why: "killed" | "revoked" | "stopped" }
  /** The person presses send. */
  | { op: "send"; client: string; c: string; cid: string; text: string }
  | { op: "ok"; client: string; c: string; cid: string; mid: string; seq: number; duplicate: boolean }
  | { op: "err"; client: string; code: string; retry: boolean }
  | { op: "open"; client: string }
  | { op: "close"; client: string; code: number }
  | { op: "status"; client: string; name: string }
  /** `marks`: which markers of texts are in the frame, such as "A|note". */
  | { op: "frame"; client: string; type: string; c: string; seq: number | null; kind: string | null; marks: string[] }
  /** What is shown of a conversation changed: from this row on it is now `rows`. */
  | { op: "view"; client: string; c: string; from: number; rows: Row[] }
  /** The device dropped its copy of a conversation. */
  | { op: "forget"; client: string; c: string }
  /** The conversation is on screen from here on: it has to be kept in agreement. */
  | { op: "hold"; client: string; c: string }
  /** The person's own read mark, as the device shows it. */
  | { op: "read"; client: string; c: string; seq: number }
  /** `reader`'s mark as the database holds it. */
  | { op: "stored_read"; c: string; reader: string; seq: number }
  | { op: "fault"; name: string; phase: "begin" | "end" }
  /** The database cannot be reached from here on (`up: false`), or can again. */
  | { op: "database"; up: boolean }
  /** A server process ended; `wanted`: by us. */
  | { op: "exit"; node: string; code: string; wanted: boolean }
  | { op: "sample"; node: string; rssMiB: number; fds: number; databaseConnections: number };

/** `ts`: ms since the history began, of a clock that never jumps. */
export type Entry = Happening & { ts: number };

export type History = {
  entries: readonly Entry[];
  record(happening: Happening): void;
  now(): number;
  close(): Promise<void>;
};

/** Keeps the entries in memory, and in `file` if there is one. */
export function createHistory(file: string | null): History {
  const started = performance.now();
  const entries: Entry[] = [];
  const output = file === null ? null : createWriteStream(file);
  const now = () => Math.round((performance.now() - started) * 1000) / 1000;
  return {
    entries,
    now,
    record(happening) {
      const entry = { ts: now(), ...happening };
      entries.push(entry);
      output?.write(`${JSON.stringify(entry)}\n`);
    },
    close: () => new Promise((resolve) => (output === null ? resolve() : output.end(resolve))),
  };
}

const marker = /\[\[(\w+\|\w+)\]\]/g;

/** Every text says whose it is and for whom, so that a leak shows in any frame. */
export const markText = (company: string, kind: "text" | "note", text: string) => `[[${company}|${kind}]] ${text}`;

export function marksIn(raw: string): string[] {
  return [...new Set([...raw.matchAll(marker)].map((match) => match[1]!))];
}
