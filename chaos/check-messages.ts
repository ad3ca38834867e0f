// I1, I2, I4, I6, I7 and PR5: what was sent, acknowledged and stored.
import type { Violation } from "./invariants.ts";
import type { Dump } from "./dump.ts";
import type { Entry } from "./history.ts";

type Sent = Extract<Entry, { op: "send" }>;

export function checkMessages(entries: readonly Entry[], dump: Dump): Violation[] {
  const violations: Violation[] = [];
  const fail = (invariant: string, message: string, evidence: unknown) =>
    void violations.push({ invariant, message, evidence });
  const byMid = new Map(dump.messages.map((message) => [message.mid, message]));
  const byCid = new Map(dump.messages.map((message) => [message.cid, message]));
  const sends = entries.filter((entry): entry is Sent => entry.op === "send");
  const sent = new Map(sends.map((entry) => [entry.cid, entry]));

  // I1, and one client id has one message for ever (PR2).
  const answered = new Map<string, Extract<Entry, { op: "ok" }>>();
  for (const entry of entries) {
    if (entry.op !== "ok") continue;
    const stored = byMid.get(entry.mid);
    if (stored === undefined) fail("I1", `${entry.mid} was acknowledged and is not stored`, entry);
    else if (stored.cid !== entry.cid)
      fail("I1", `${entry.mid} was acknowledged for another client id`, { entry, stored });
    const before = answered.get(entry.cid);
    if (before !== undefined && (before.mid !== entry.mid || before.seq !== entry.seq)) {
      fail("I1", `${entry.cid} was acknowledged as two messages`, { before, entry });
    }
    answered.set(entry.cid, entry);
  }

  // I2
  for (const message of dump.messages) {
    const source = sent.get(message.cid);
    if (source === undefined) fail("I2", `${message.mid} is stored and nobody sent it`, message);
    else if (source.text !== message.text) fail("I2", `${message.mid} has another text`, { source, message });
  }
  for (const entry of entries) {
    if (entry.op !== "view") continue;
    for (const row of entry.rows) {
      const isKnown = row.mid === null ? row.cid === null || sent.has(row.cid) : byMid.has(row.mid);
      if (!isKnown) fail("I2", `${entry.client} shows a message that nobody sent`, { client: entry.client, row });
    }
  }

  checkLanes(dump, fail);

  // I6
  const devices = new Map<string, string>();
  const last = new Map<string, { seq: number; send: Sent }>();
  // I7
  const acknowledged = new Map<string, { seq: number; ok: Entry }>();
  for (const entry of entries) {
    if (entry.op === "start") devices.set(entry.client, entry.device);
    if (entry.op === "ok") {
      const stored = byMid.get(entry.mid);
      const highest = acknowledged.get(entry.c);
      if (stored && (highest === undefined || stored.seq > highest.seq)) {
        acknowledged.set(entry.c, { seq: stored.seq, ok: entry });
      }
    }
    if (entry.op !== "send") continue;
    const stored = byCid.get(entry.cid);
    if (stored === undefined) continue;
    const lane = `${devices.get(entry.client) ?? entry.client} ${stored.c}`;
    const previous = last.get(lane);
    if (previous !== undefined && previous.seq >= stored.seq) {
      fail("I6", `${entry.client}'s messages changed places in ${stored.c}`, {
        first: { cid: previous.send.cid, seq: previous.seq },
        second: { cid: entry.cid, seq: stored.seq },
      });
    }
    last.set(lane, { seq: stored.seq, send: entry });
    const before = acknowledged.get(stored.c);
    if (before !== undefined && before.seq >= stored.seq) {
      fail("I7", `${entry.cid} was sent after seq ${before.seq} was acknowledged, and got ${stored.seq}`, {
        ok: before.ok,
        send: entry,
      });
    }
  }

  checkNothingDropped(entries, sends, byCid, fail);
  return violations;
}

type Fail = (invariant: string, message: string, evidence: unknown) => void;

/** I4 */
function checkLanes(dump: Dump, fail: Fail): void {
  const lanes = new Map<string, Dump["events"]>();
  for (const event of dump.events) {
    const lane = lanes.get(event.c);
    if (lane) lane.push(event);
    else lanes.set(event.c, [event]);
  }
  for (const { c, seq, publicSeq } of dump.conversations) {
    const events = (lanes.get(c) ?? []).toSorted((a, b) => a.seq - b.seq);
    const staff = events.map((event) => event.seq);
    const customer = events.filter((event) => event.isPublic).map((event) => event.publicSeq);
    for (const [lane, numbers, head] of [
      ["staff", staff, seq],
      ["customer", customer, publicSeq],
    ] as const) {
      const wrong = numbers.findIndex((number, index) => number !== index + 1);
      if (wrong >= 0) fail("I4", `${c}: the ${lane} lane has ${numbers[wrong]} in place ${wrong + 1}`, { c, lane });
      else if (numbers.length !== head)
        fail("I4", `${c}: the ${lane} lane ends at ${numbers.length}, its head is ${head}`, { c, lane });
    }
  }
  for (const message of dump.messages) {
    const event = lanes.get(message.c)?.find((candidate) => candidate.seq === message.seq);
    if (event?.mid !== message.mid) fail("I4", `${message.mid} has no event at its seq`, { message, event });
  }
}

/** PR5: what is not stored is still shown on the device that sent it, or waits in its storage if that one is dead. */
function checkNothingDropped(
  entries: readonly Entry[],
  sends: readonly Sent[],
  byCid: ReadonlyMap<string, Dump["messages"][number]>,
  fail: Fail,
): void {
  const missing = sends.filter(({ cid }) => !byCid.has(cid));
  if (missing.length === 0) return;
  const ended = new Map<string, string>();
  const shown = new Map<string, Set<string>>();
  const views = new Map<string, (string | null)[]>();
  for (const entry of entries) {
    if (entry.op === "start") ended.delete(entry.client);
    if (entry.op === "start") for (const key of views.keys()) if (key.startsWith(`${entry.client} `)) views.delete(key);
    if (entry.op === "end") ended.set(entry.client, entry.why);
    if (entry.op !== "view") continue;
    const key = `${entry.client} ${entry.c}`;
    const rows = entry.rows.map((row) => row.cid);
    views.set(key, [...(views.get(key) ?? []).slice(0, entry.from), ...rows]);
  }
  for (const [key, rows] of views) {
    const client = key.slice(0, key.lastIndexOf(" "));
    const cids = shown.get(client) ?? new Set();
    for (const cid of rows) if (cid !== null) cids.add(cid);
    shown.set(client, cids);
  }
  for (const send of missing) {
    if (ended.has(send.client) || shown.get(send.client)?.has(send.cid)) continue;
    fail("PR5", `${send.client} sent ${send.cid}, which is neither stored nor shown`, send);
  }
}
