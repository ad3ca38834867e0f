// I3, I5, I8 and I9: what people see.
import type { Violation } from "./invariants.ts";
import type { Dump } from "./dump.ts";
import type { Entry, Row, Side } from "./history.ts";

type Screen = {
  side: Side;
  person: string;
  isRunning: boolean;
  views: Map<string, Row[]>;
  read: Map<string, number>;
};

export function checkViews(entries: readonly Entry[], dump: Dump): Violation[] {
  const violations: Violation[] = [];
  const fail = (invariant: string, message: string, evidence: unknown) =>
    void violations.push({ invariant, message, evidence });
  const screens = new Map<string, Screen>();
  const holds = new Map<string, Set<string>>();
  const stored = new Map<string, number>();
  const told = new Set<string>();

  for (const entry of entries) {
    if (entry.op === "stored_read") {
      const key = `${entry.c} ${entry.reader}`;
      const before = stored.get(key) ?? 0;
      if (entry.seq < before) fail("I9", `the stored mark went back from ${before} to ${entry.seq}`, entry);
      stored.set(key, entry.seq);
    }
    if (!("client" in entry)) continue;
    if (entry.op === "start") {
      const { side, person } = entry;
      screens.set(entry.client, { side, person, isRunning: true, views: new Map(), read: new Map() });
    }
    // Conversations are held before a device starts, and through its restarts.
    if (entry.op === "hold") holds.set(entry.client, (holds.get(entry.client) ?? new Set()).add(entry.c));
    const screen = screens.get(entry.client);
    if (screen === undefined) continue;
    if (entry.op === "end") screen.isRunning = false;
    if (entry.op === "forget") {
      screen.views.delete(entry.c);
      screen.read.delete(entry.c);
    }
    if (entry.op === "read") {
      const before = screen.read.get(entry.c) ?? 0;
      if (entry.seq < before) fail("I9", `${entry.client}: the read mark went back from ${before}`, entry);
      screen.read.set(entry.c, entry.seq);
    }
    if (entry.op === "view") {
      const rows = [...(screen.views.get(entry.c) ?? []).slice(0, entry.from), ...entry.rows];
      screen.views.set(entry.c, rows);
      // One report for each device and conversation: the rest follows from it.
      for (const problem of wrongView(rows)) {
        const key = `${problem.invariant} ${entry.client} ${entry.c}`;
        if (!told.has(key))
          fail(problem.invariant, `${entry.client} at ${entry.ts} ms: ${problem.message}`, problem.rows);
        told.add(key);
      }
    }
  }

  for (const [client, screen] of screens) {
    if (!screen.isRunning) continue;
    for (const c of holds.get(client) ?? []) checkConvergence(client, screen, c, dump, fail);
  }
  return violations;
}

function wrongView(rows: readonly Row[]): { invariant: string; message: string; rows: Row[] }[] {
  const found: { invariant: string; message: string; rows: Row[] }[] = [];
  const seen = new Map<string, Row>();
  let last: Row | null = null;
  for (const row of rows) {
    const names = [row.mid !== null && `mid ${row.mid}`, row.cid !== null && `cid ${row.cid}`];
    for (const name of names) {
      if (name === false) continue;
      const other = seen.get(name);
      if (other) found.push({ invariant: "I3", message: `${name} is shown twice`, rows: [other, row] });
      seen.set(name, row);
    }
    if (row.seq === null) continue;
    if (last !== null && last.seq! >= row.seq) {
      found.push({ invariant: "I5", message: `${row.seq} is shown after ${last.seq}`, rows: [last, row] });
    }
    last = row;
  }
  return found;
}

type Fail = (invariant: string, message: string, evidence: unknown) => void;

/** I8 and the end of I9. Older events may have to be scrolled to; from the first that is shown nothing is missing. */
function checkConvergence(client: string, screen: Screen, c: string, dump: Dump, fail: Fail): void {
  const { side, person } = screen;
  const lane = dump.events
    .filter((event) => event.c === c && (side === "business" || event.isPublic))
    .map((event) => ({ seq: side === "business" ? event.seq : event.publicSeq, mid: midOf(event) }))
    .toSorted((a, b) => a.seq - b.seq);
  const rows = screen.views.get(c) ?? [];
  const pending = rows.filter((row) => row.seq === null && row.status !== "not_sent");
  if (pending.length > 0) fail("I8", `${client} still has unsent messages in ${c}`, pending.slice(0, 3));
  const shown = rows.filter((row) => row.seq !== null);
  const first = shown[0]?.seq ?? 1;
  const expected = lane.filter(({ seq }) => seq >= first);
  const wrong = expected.findIndex(({ seq, mid }, place) => shown[place]?.seq !== seq || shown[place].mid !== mid);
  if (wrong >= 0 || shown.length !== expected.length) {
    const place = wrong >= 0 ? wrong : expected.length;
    fail("I8", `${client} does not agree with the database on ${c}`, {
      stored: { head: lane.at(-1)?.seq ?? 0, here: expected[place] ?? null },
      shown: { head: shown.at(-1)?.seq ?? 0, here: shown[place] ?? null },
    });
  }
  const mark = dump.marks.find((candidate) => candidate.c === c && candidate.reader === person)?.read ?? 0;
  const read = screen.read.get(c) ?? 0;
  if (read !== mark) fail("I9", `${client} shows ${c} as read up to ${read}, stored is ${mark}`, { client, c });
}

const midOf = (event: Dump["events"][number]) => (event.type === "message.created" ? event.mid : null);
