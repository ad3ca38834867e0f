import { describe, expect, it } from "vitest";
import { check } from "./check.ts";
import { usualCaps } from "./check-bounds.ts";
import type { Dump } from "./dump.ts";
import type { Entry, Happening, Row } from "./history.ts";

const c = "cnv_1";
const other = "cnv_2";

/** A small calm day: an agent and a customer, a text each and a note. Staff count 1 to 4, the customer 1 to 3. */
function calmDay() {
  const message = (mid: string, cid: string, seq: number, publicSeq: number, kind = "text") => ({
    company: "cmp_a",
    c,
    mid,
    cid,
    device: cid.startsWith("k") ? "d1" : "d2",
    author: "somebody",
    kind,
    text: `[[A|${kind}]] ${mid}`,
    seq,
    publicSeq,
  });
  const event = (seq: number, publicSeq: number, isPublic: boolean, type: string, mid: string | null) => ({
    company: "cmp_a",
    c,
    seq,
    publicSeq,
    isPublic,
    type,
    mid,
  });
  const dump: Dump = {
    conversations: [
      { company: "cmp_a", c, contact: "con_1", seq: 4, publicSeq: 3 },
      { company: "cmp_b", c: other, contact: "con_2", seq: 0, publicSeq: 0 },
    ],
    events: [
      event(1, 1, true, "conversation.started", null),
      event(2, 2, true, "message.created", "m1"),
      event(3, 2, false, "message.created", "m2"),
      event(4, 3, true, "message.created", "m3"),
    ],
    messages: [message("m1", "k1", 2, 2), message("m2", "g1", 3, 2, "note"), message("m3", "g2", 4, 3)],
    marks: [
      { c, reader: "agt_1", side: "business", read: 4 },
      { c, reader: "con_1", side: "contact", read: 0 },
    ],
    consumers: [{ name: "notifications", behind: 0 }],
    retries: [],
    stuckJobs: [],
  };
  const row = (mid: string | null, cid: string | null, seq: number): Row => {
    return { key: cid ?? mid ?? `event-${seq}`, mid, cid, seq, status: null };
  };
  const happenings: Happening[] = [
    { op: "hold", client: "customer", c },
    { op: "start", client: "customer", side: "contact", company: "A", person: "con_1", device: "d1" },
    { op: "start", client: "agent", side: "business", company: "A", person: "agt_1", device: "d2" },
    { op: "start", client: "stranger", side: "contact", company: "B", person: "con_2", device: "d3" },
    { op: "hold", client: "agent", c },
    { op: "send", client: "customer", c, cid: "k1", text: "[[A|text]] m1" },
    { op: "ok", client: "customer", c, cid: "k1", mid: "m1", seq: 2, duplicate: false },
    { op: "send", client: "agent", c, cid: "g1", text: "[[A|note]] m2" },
    { op: "ok", client: "agent", c, cid: "g1", mid: "m2", seq: 3, duplicate: false },
    { op: "send", client: "agent", c, cid: "g2", text: "[[A|text]] m3" },
    { op: "ok", client: "agent", c, cid: "g2", mid: "m3", seq: 4, duplicate: false },
    { op: "frame", client: "customer", type: "event", c, seq: 3, kind: "message.created", marks: ["A|text"] },
    { op: "frame", client: "agent", type: "event", c, seq: 3, kind: "message.created", marks: ["A|note"] },
    { op: "view", client: "customer", c, from: 0, rows: [row(null, null, 1), row("m1", "k1", 2), row("m3", null, 3)] },
    {
      op: "view",
      client: "agent",
      c,
      from: 0,
      rows: [row(null, null, 1), row("m1", null, 2), row("m2", "g1", 3), row("m3", "g2", 4)],
    },
    { op: "read", client: "agent", c, seq: 4 },
    { op: "stored_read", c, reader: "agt_1", seq: 4 },
    { op: "sample", node: "node 1", rssMiB: 200, fds: 60, databaseConnections: 20 },
    { op: "exit", node: "node 1", code: "SIGKILL", wanted: true },
  ];
  return { dump, happenings, row };
}
type Day = ReturnType<typeof calmDay>;

function invariantsBrokenBy(
  day: Pick<Day, "dump" | "happenings">,
  timings: Parameters<typeof check>[0]["timings"] = [],
) {
  const entries: Entry[] = day.happenings.map((happening, index) => ({ ts: index, ...happening }));
  return new Set(check({ entries, dump: day.dump, caps: usualCaps, timings }).map(({ invariant }) => invariant));
}

/** Each plants one violation; the checker has to name its invariant. */
const planted: Record<string, [invariant: string, plant: (day: Day) => void]> = {
  "a lost ack": [
    "I1",
    ({ happenings }) =>
      happenings.push({ op: "ok", client: "agent", c, cid: "g9", mid: "m9", seq: 5, duplicate: false }),
  ],
  "one client id, two messages": [
    "I1",
    ({ happenings }) =>
      happenings.push({ op: "ok", client: "agent", c, cid: "g2", mid: "m1", seq: 2, duplicate: true }),
  ],
  "a stored message that nobody sent": ["I2", ({ dump }) => (dump.messages[1]!.cid = "unknown")],
  "a changed text": ["I2", ({ dump }) => (dump.messages[1]!.text += "!")],
  "a shown message that nobody sent": [
    "I2",
    ({ happenings, row }) => happenings.push({ op: "view", client: "agent", c, from: 4, rows: [row("m9", null, 5)] }),
  ],
  "a message shown twice": [
    "I3",
    ({ happenings, row }) => happenings.push({ op: "view", client: "agent", c, from: 4, rows: [row("m3", "g2", 5)] }),
  ],
  "a pending copy beside the message": [
    "I3",
    ({ happenings }) =>
      happenings.push({
        op: "view",
        client: "agent",
        c,
        from: 4,
        rows: [{ key: "g2", mid: null, cid: "g2", seq: null, status: "sending" }],
      }),
  ],
  "a hole in the staff lane": ["I4", ({ dump }) => dump.events.splice(2, 1)],
  "a double number in the customer lane": ["I4", ({ dump }) => (dump.events[3]!.publicSeq = 2)],
  "a head beyond the lane": ["I4", ({ dump }) => (dump.conversations[0]!.seq = 5)],
  "a message without an event": ["I4", ({ dump }) => (dump.events[3]!.mid = "m9")],
  "a wrong order on screen": [
    "I5",
    ({ happenings, row }) =>
      happenings.push({ op: "view", client: "agent", c, from: 2, rows: [row("m3", "g2", 4), row("m2", "g1", 3)] }),
  ],
  "messages of a device that changed places": [
    "I6",
    ({ dump }) => {
      [dump.messages[1]!.seq, dump.messages[2]!.seq] = [dump.messages[2]!.seq, dump.messages[1]!.seq];
    },
  ],
  "a later message before an acknowledged one": [
    "I7",
    ({ dump }) => {
      [dump.messages[0]!.seq, dump.messages[2]!.seq] = [4, 2];
    },
  ],
  "a device that lacks the last message": [
    "I8",
    ({ happenings }) => happenings.push({ op: "view", client: "agent", c, from: 3, rows: [] }),
  ],
  "a device that shows nothing of what it held before it started": [
    "I8",
    ({ happenings }) => happenings.push({ op: "forget", client: "customer", c }),
  ],
  "a device that shows nothing": ["I8", ({ happenings }) => happenings.push({ op: "forget", client: "agent", c })],
  "a message that is never sent": [
    "I8",
    ({ happenings }) =>
      happenings.push(
        { op: "send", client: "agent", c, cid: "g3", text: "[[A|text]] waiting" },
        {
          op: "view",
          client: "agent",
          c,
          from: 4,
          rows: [{ key: "g3", mid: null, cid: "g3", seq: null, status: "sending" }],
        },
      ),
  ],
  "a read mark that goes back on a device": [
    "I9",
    ({ happenings }) =>
      happenings.push({ op: "read", client: "agent", c, seq: 2 }, { op: "read", client: "agent", c, seq: 4 }),
  ],
  "a stored read mark that goes back": [
    "I9",
    ({ happenings }) => happenings.push({ op: "stored_read", c, reader: "agt_1", seq: 3 }),
  ],
  "read marks that differ at the end": ["I9", ({ dump }) => (dump.marks[0]!.read = 3)],
  "a text of another company": [
    "I10",
    ({ happenings }) =>
      happenings.push({ op: "frame", client: "agent", type: "ephemeral", c, seq: null, kind: null, marks: ["B|text"] }),
  ],
  "a note to a customer": [
    "I10",
    ({ happenings }) =>
      happenings.push({ op: "frame", client: "customer", type: "feed", c, seq: 3, kind: null, marks: ["A|note"] }),
  ],
  "a conversation of another company": [
    "I10",
    ({ happenings }) =>
      happenings.push({ op: "frame", client: "agent", type: "receipt", c: other, seq: null, kind: null, marks: [] }),
  ],
  "somebody else's conversation": [
    "I10",
    ({ happenings }) =>
      happenings.push({ op: "frame", client: "stranger", type: "receipt", c, seq: null, kind: null, marks: [] }),
  ],
  "an assignment to a customer": [
    "I10",
    ({ happenings }) =>
      happenings.push({
        op: "frame",
        client: "customer",
        type: "event",
        c,
        seq: 3,
        kind: "conversation.assigned",
        marks: [],
      }),
  ],
  "an event of the staff lane to a customer": [
    "I10",
    ({ happenings }) =>
      happenings.push({
        op: "frame",
        client: "customer",
        type: "event",
        c,
        seq: 4,
        kind: "message.created",
        marks: [],
      }),
  ],
  "too much memory": [
    "I11",
    ({ happenings }) =>
      happenings.push({ op: "sample", node: "node 1", rssMiB: 6000, fds: 60, databaseConnections: 20 }),
  ],
  "too many files": [
    "I11",
    ({ happenings }) =>
      happenings.push({ op: "sample", node: "node 1", rssMiB: 200, fds: 9000, databaseConnections: 20 }),
  ],
  "a consumer that stands still": ["I12", ({ dump }) => (dump.consumers[0]!.behind = 2)],
  "an event that waits for ever": [
    "I12",
    ({ dump }) => dump.retries.push({ consumer: "notifications", event: "7", isParked: false, reason: "no" }),
  ],
  "a stuck job": ["I12", ({ dump }) => dump.stuckJobs.push({ name: "purge", id: "1", seconds: 900 })],
  "an ack without a database": ["I14", ({ happenings }) => happenings.splice(7, 0, { op: "database", up: false })],
  "a server that ends by itself": [
    "I15",
    ({ happenings }) => happenings.push({ op: "exit", node: "node 1", code: "1", wanted: false }),
  ],
  "a message that vanished": [
    "PR5",
    ({ happenings }) => happenings.push({ op: "send", client: "agent", c, cid: "g3", text: "[[A|text]] gone" }),
  ],
};

describe("the checker", () => {
  it("has nothing to say about a calm day", () => {
    expect(invariantsBrokenBy(calmDay())).toEqual(new Set());
  });

  it.each(Object.entries(planted))("sees %s", (_, [invariant, plant]) => {
    const day = calmDay();
    plant(day);
    expect(invariantsBrokenBy(day)).toContain(invariant);
  });

  it("sees a recovery that took too long, or never came", () => {
    const timing = { what: "recovery", bound: 5 };
    expect(invariantsBrokenBy(calmDay(), [{ ...timing, seconds: 5 }])).toEqual(new Set());
    expect(invariantsBrokenBy(calmDay(), [{ ...timing, seconds: 6 }])).toEqual(new Set(["I15"]));
    expect(invariantsBrokenBy(calmDay(), [{ ...timing, seconds: Number.NaN }])).toEqual(new Set(["I15"]));
  });

  it("forgives what the contract allows", () => {
    const day = calmDay();
    const { happenings, row, dump } = day;
    happenings.push(
      // Refused for good, and shown so.
      { op: "send", client: "agent", c, cid: "g3", text: "[[A|text]] refused" },
      {
        op: "view",
        client: "agent",
        c,
        from: 4,
        rows: [{ key: "g3", mid: null, cid: "g3", seq: null, status: "not_sent" }],
      },
      // A killed device with a message in its storage, which has not started again.
      { op: "send", client: "customer", c, cid: "k2", text: "[[A|text]] stored on the device" },
      { op: "end", client: "customer", why: "killed" },
      // The database was down while nobody sent.
      { op: "database", up: false },
      { op: "database", up: true },
      // A second tab whose window begins later, as after a gap.
      { op: "start", client: "tab", side: "business", company: "A", person: "agt_1", device: "d4" },
      { op: "hold", client: "tab", c },
      { op: "view", client: "tab", c, from: 0, rows: [row("m2", null, 3), row("m3", null, 4)] },
      { op: "read", client: "tab", c, seq: 4 },
    );
    dump.retries.push({ consumer: "notifications", event: "7", isParked: true, reason: "no such address" });
    expect(invariantsBrokenBy(day)).toEqual(new Set());
  });
});
