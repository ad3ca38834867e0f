import type { ConversationEvent, ServerFrame } from "@presszero/contracts";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createLane, type Fact, type Lane } from "../test/lane.ts";
import { isMissingEvents, needsSummary } from "./record.ts";
import { listConversations, hasOlder, thread, typingAuthors, unreadTotals } from "./selectors.ts";
import { type Action, initialState, reduce } from "./state.ts";
import type { OutboxItem, Side, State } from "./types.ts";

const uuid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;
const text = (by: "contact" | "agent", words = "hello", clientId?: string): Fact => ({
  type: "message",
  by,
  kind: "text",
  text: words,
  clientId,
});

function run(state: State, ...actions: Action[]): State {
  return actions.reduce(reduce, state);
}
const frame = (content: ServerFrame): Action => ({ type: "frame", frame: content, now: 0 });
const arrive = (event: ConversationEvent): Action => frame({ type: "event", ...event });
const synced = (lane: Lane, myRead = 0): Action =>
  frame({
    type: "synced",
    id: null,
    conversationId: lane.id,
    head: lane.events.length,
    from: 1,
    to: lane.events.length,
    mine: { read: myRead },
    other: { delivered: 0, read: 0 },
  });
const page = (lane: Lane, after: number, limit = 200): Action =>
  frame({
    type: "page",
    id: 1,
    conversationId: lane.id,
    events: lane.events.slice(after, after + limit),
    head: lane.events.length,
    more: lane.events.length > after + limit,
  });
const ok = (lane: Lane, event: ConversationEvent, clientId: string): Action => {
  if (event.kind !== "message.created") throw new Error("not a message");
  return frame({
    type: "ok",
    id: 1,
    clientId,
    messageId: event.data.id,
    conversationId: lane.id,
    seq: event.seq,
    at: event.at,
    duplicate: false,
  });
};
const item = (
  n: number,
  conversationId: OutboxItem["conversationId"],
  state: OutboxItem["state"] = "queued",
): OutboxItem => ({
  clientId: uuid(n),
  conversationId,
  message: { kind: "text", text: `pending ${n}` },
  state,
  attempts: 0,
  queuedAt: n,
  reason: null,
  sent: null,
});
const opened = (side: Side, lane: Lane, head = 0, marks?: State["conversations"][string]["summary"]["marks"]) =>
  run(initialState(side), { type: "summaries", items: [lane.summary(marks, head || undefined)] });
const recordOf = (state: State, lane: Lane) => state.conversations[lane.id]!;

const anyFact: fc.Arbitrary<Fact> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant("message" as const),
      by: fc.constantFrom("contact", "agent"),
      kind: fc.constant("text" as const),
      text: fc.string({ unit: "grapheme", minLength: 1, maxLength: 200 }),
    }),
  },
  { weight: 1, arbitrary: fc.constant<Fact>({ type: "message", by: "agent", kind: "note", text: "between us" }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Fact>(
      { type: "assign", to: "agent" },
      { type: "assign", to: "nobody" },
      { type: "close" },
      { type: "reopen" },
    ),
  },
);
const publicOnly = (fact: Fact) => fact.type !== "assign" && !(fact.type === "message" && fact.kind === "note");

describe("CR3", () => {
  test("applies the next event, ignores known ones, keeps what is ahead of a gap", () => {
    const lane = createLane("business");
    const [one, two, three, four] = [
      lane.events[0]!,
      lane.add(text("contact")),
      lane.add(text("agent")),
      lane.add(text("contact")),
    ];
    let state = run(opened("business", lane, 1), synced(lane), arrive(one), arrive(three), arrive(four), arrive(three));
    expect(recordOf(state, lane).events).toEqual([one]);
    expect(recordOf(state, lane).buffered.map((event) => event.seq)).toEqual([3, 4]);
    expect(isMissingEvents(recordOf(state, lane))).toBe(true);
    state = run(state, arrive(two), arrive(two), arrive(one));
    expect(recordOf(state, lane).events).toEqual([one, two, three, four]);
    expect(recordOf(state, lane).buffered).toEqual([]);
    expect(isMissingEvents(recordOf(state, lane))).toBe(false);
  });

  test("buffers at most 200 events and still ends complete", () => {
    const lane = createLane("business");
    for (let n = 0; n < 400; n++) lane.add(text("contact"));
    let state = run(opened("business", lane), synced(lane), ...lane.events.slice(1).map(arrive));
    expect(recordOf(state, lane).buffered).toHaveLength(200);
    while (isMissingEvents(recordOf(state, lane))) state = run(state, page(lane, recordOf(state, lane).last, 50));
    expect(recordOf(state, lane).events).toEqual(lane.events);
  });

  test("any order, repetition and loss of events ends with the server's history and its summary", () => {
    const delivery = fc.record({
      side: fc.constantFrom<Side>("business", "contact"),
      facts: fc.array(anyFact, { maxLength: 30 }),
      order: fc.array(fc.nat(40), { maxLength: 80 }),
      fetchLimit: fc.integer({ min: 1, max: 10 }),
      knownHead: fc.nat(40),
    });
    fc.assert(
      fc.property(delivery, ({ side, facts, order, fetchLimit, knownHead }) => {
        const lane = createLane(side);
        for (const fact of side === "contact" ? facts.filter(publicOnly) : facts) lane.add(fact);
        let state = opened(side, lane, Math.min(knownHead, lane.events.length));
        for (const index of order) {
          const event = lane.events[index];
          if (event) state = run(state, arrive(event));
        }
        state = run(state, synced(lane));
        let rounds = 0;
        while (isMissingEvents(recordOf(state, lane))) {
          state = run(state, page(lane, recordOf(state, lane).last, fetchLimit));
          if (++rounds > 100) throw new Error("does not end");
        }
        expect(recordOf(state, lane).events).toEqual(lane.events);
        expect(recordOf(state, lane).summary).toEqual(lane.summary());
        expect(needsSummary(recordOf(state, lane))).toBe(false);
      }),
    );
  });
});

describe("the window", () => {
  test("a gap drops it and begins at `from`; older pages go in front of it", () => {
    const lane = createLane("business");
    for (let n = 0; n < 29; n++) lane.add(text("contact"));
    const start = run(opened("business", lane, 5), ...lane.events.slice(0, 5).map(arrive));
    let state = run(
      start,
      frame({ type: "gap", conversationId: lane.id, have: 5, from: 21, head: 30 }),
      ...lane.events.slice(20).map(arrive),
      synced(lane),
    );
    expect(recordOf(state, lane).events.map((event) => event.seq)).toEqual([21, 22, 23, 24, 25, 26, 27, 28, 29, 30]);
    expect(hasOlder(state, lane.id)).toBe(true);
    expect(needsSummary(recordOf(state, lane))).toBe(true);
    state = run(state, { type: "summaries", items: [lane.summary()] }, page(lane, 10, 10), page(lane, 0, 10));
    expect(needsSummary(recordOf(state, lane))).toBe(false);
    expect(recordOf(state, lane).events).toEqual(lane.events);
    expect(hasOlder(state, lane.id)).toBe(false);
  });

  test("an older page that does not touch it is ignored", () => {
    const lane = createLane("business");
    for (let n = 0; n < 29; n++) lane.add(text("contact"));
    const state = run(opened("business", lane), page(lane, 20), page(lane, 0, 10));
    expect(recordOf(state, lane).events[0]!.seq).toBe(21);
  });
});

describe("unread and marks", () => {
  test("stay right however events, snapshots, feeds and receipts are mixed, and never go back", () => {
    const stepArbitrary = fc.oneof(
      fc.record({ type: fc.constant("fact" as const), fact: anyFact, isDelivered: fc.boolean() }),
      fc.record({ type: fc.constant("read" as const), part: fc.double({ min: 0, max: 1, noNaN: true }) }),
      fc.record({
        type: fc.constant("other_device" as const),
        part: fc.double({ min: 0, max: 1, noNaN: true }),
        isLost: fc.boolean(),
      }),
      fc.record({ type: fc.constant("snapshot" as const) }),
      fc.record({ type: fc.constant("feed" as const) }),
      fc.record({ type: fc.constant("fetch" as const) }),
    );
    fc.assert(
      fc.property(fc.array(stepArbitrary, { maxLength: 60 }), (steps) => {
        const lane = createLane("business");
        const marks = { myRead: 0, otherDelivered: 0, otherRead: 0 };
        let state = run(opened("business", lane), page(lane, 0), synced(lane));
        let readBefore = 0;
        for (const step of steps) {
          const record = recordOf(state, lane);
          switch (step.type) {
            case "fact": {
              const event = lane.add(step.fact);
              if (step.isDelivered) state = run(state, arrive(event));
              break;
            }
            case "read": {
              const seq = Math.floor(step.part * record.last);
              marks.myRead = Math.max(marks.myRead, seq);
              state = run(state, { type: "read", conversationId: lane.id, seq });
              break;
            }
            case "other_device": {
              marks.myRead = Math.max(marks.myRead, Math.floor(step.part * lane.events.length));
              const { unread, messages } = lane.summary(marks);
              const receipt: Action = frame({
                type: "receipt",
                conversationId: lane.id,
                side: "mine",
                delivered: 0,
                read: marks.myRead,
                seen: messages.contact - unread,
              });
              if (!step.isLost) state = run(state, receipt);
              break;
            }
            case "snapshot":
              state = run(state, { type: "summaries", items: [lane.summary(marks)] });
              break;
            case "feed": {
              const { unread: _, marks: __, ...changed } = lane.summary();
              state = run(state, frame({ type: "feed", cursor: "c", items: [changed], more: false }));
              break;
            }
            case "fetch":
              state = run(state, page(lane, recordOf(state, lane).last));
          }
          const { summary } = recordOf(state, lane);
          expect(summary.marks.myRead).toBeGreaterThanOrEqual(readBefore);
          readBefore = summary.marks.myRead;
        }
        state = run(state, page(lane, recordOf(state, lane).last), synced(lane, marks.myRead));
        expect(recordOf(state, lane).summary).toEqual(lane.summary(marks));
      }),
    );
  });

  test("a mark over a part of the history that is not held is counted by the server", () => {
    const lane = createLane("business");
    for (let n = 0; n < 20; n++) lane.add(text("contact"));
    let state = opened("business", lane);
    expect(recordOf(state, lane).summary.unread).toBe(20);
    state = run(
      state,
      frame({ type: "receipt", conversationId: lane.id, side: "mine", delivered: 0, read: 6, seen: 5 }),
    );
    expect(recordOf(state, lane).summary.unread).toBe(15);
    state = run(state, arrive(lane.add(text("contact"))));
    const { unread: _, marks: __, ...changed } = lane.summary();
    state = run(state, frame({ type: "feed", cursor: "c", items: [changed], more: false }));
    expect(recordOf(state, lane).summary.unread).toBe(16);
    expect(unreadTotals(state)).toEqual({ conversations: 1, messages: 16 });
    expect(unreadTotals(state, { status: "closed" })).toEqual({ conversations: 0, messages: 0 });
  });

  test("receipts of the other side turn into ticks, in any order", () => {
    fc.assert(
      fc.property(fc.array(fc.record({ delivered: fc.nat(6), read: fc.nat(6) }), { maxLength: 12 }), (receipts) => {
        const lane = createLane("contact");
        for (let n = 0; n < 5; n++) lane.add(text("contact"));
        const seen = receipts.map(({ delivered, read }): Action =>
          frame({
            type: "receipt",
            conversationId: lane.id,
            side: "other",
            delivered: Math.max(delivered, read),
            read,
          }),
        );
        const state = run(opened("contact", lane), page(lane, 0), ...seen);
        const read = Math.max(0, ...receipts.map((receipt) => receipt.read));
        const delivered = Math.max(read, ...receipts.map((receipt) => receipt.delivered));
        const statuses = thread(state, lane.id).flatMap((row) =>
          row.type === "message" ? [[row.message.seq, row.status]] : [],
        );
        expect(statuses).toEqual(
          [2, 3, 4, 5, 6].map((seq) => [seq, seq <= read ? "read" : seq <= delivered ? "delivered" : "sent"]),
        );
      }),
    );
  });
});

describe("the feed", () => {
  test("brings conversations that were not known, to be looked at again for their read mark", () => {
    const lane = createLane("business", 2);
    lane.add(text("contact"));
    const { unread: _, marks: __, ...changed } = lane.summary();
    let state = run(initialState("business"), frame({ type: "feed", cursor: "c1", items: [changed], more: false }));
    expect(state.feed).toBe("c1");
    expect(recordOf(state, lane).summary.unread).toBe(1);
    expect(needsSummary(recordOf(state, lane))).toBe(true);
    state = run(state, { type: "summaries", items: [lane.summary({ myRead: 2, otherDelivered: 0, otherRead: 0 })] });
    expect(recordOf(state, lane).summary.unread).toBe(0);
    expect(needsSummary(recordOf(state, lane))).toBe(false);
  });

  test("an older item or snapshot changes nothing", () => {
    const lane = createLane("business");
    const early = lane.summary();
    lane.add(text("contact"));
    lane.add({ type: "close" });
    const { unread: _, marks: __, ...item } = early;
    const state = run(
      opened("business", lane),
      { type: "summaries", items: [early] },
      frame({ type: "feed", cursor: "c", items: [item], more: false }),
    );
    expect(recordOf(state, lane).summary).toEqual(lane.summary());
  });

  test("lists are sorted by activity and filtered", () => {
    const [old, recent, closed] = [createLane("business", 1), createLane("business", 2), createLane("business", 3)];
    recent.add(text("contact"));
    recent.add({ type: "assign", to: "agent" });
    for (const fact of [text("contact"), text("contact"), { type: "close" } as const]) closed.add(fact);
    const state = run(initialState("business"), {
      type: "summaries",
      items: [old.summary(), closed.summary(), recent.summary()],
    });
    const ids = (list: { id: string }[]) => list.map((summary) => summary.id);
    expect(ids(listConversations(state))).toEqual([closed.id, recent.id, old.id]);
    expect(ids(listConversations(state, { status: "open" }))).toEqual([recent.id, old.id]);
    expect(ids(listConversations(state, { status: "open", assigneeId: null }))).toEqual([old.id]);
    expect(ids(listConversations(state, { assigneeId: recent.summary().assignee!.id }))).toEqual([recent.id]);
  });

  test("after a reset only what is open stays", () => {
    const [kept, dropped] = [createLane("business", 1), createLane("business", 2)];
    const state = run(
      initialState("business"),
      { type: "summaries", items: [kept.summary(), dropped.summary()] },
      { type: "feed_reset", keep: new Set([kept.id]) },
    );
    expect(Object.keys(state.conversations)).toEqual([kept.id]);
  });
});

describe("CR4: pending messages", () => {
  test("come after all confirmed ones and take their place once, whatever arrives first", () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(["ok1", "ok2", "event1", "event2", "other"], { minLength: 5 }), (order) => {
        const lane = createLane("contact");
        const first = lane.add(text("contact", "pending 1", uuid(1)));
        const other = lane.add(text("agent"));
        const second = lane.add(text("contact", "pending 2", uuid(2)));
        const actions: Record<string, Action> = {
          ok1: ok(lane, first, uuid(1)),
          ok2: ok(lane, second, uuid(2)),
          event1: arrive(first),
          event2: arrive(second),
          other: arrive(other),
        };
        let state = run(
          opened("contact", lane, 1),
          page(lane, 0, 1),
          { type: "queued", item: item(1, lane.id) },
          { type: "queued", item: item(2, lane.id) },
        );
        for (const name of order) {
          state = run(state, actions[name]!);
          const rows = thread(state, lane.id);
          const keys = rows.filter((row) => row.type !== "event").map((row) => row.key);
          expect(keys.filter((key) => key === uuid(1))).toHaveLength(1);
          expect(keys.filter((key) => key === uuid(2))).toHaveLength(1);
          const firstPending = rows.findIndex((row) => row.type === "pending");
          if (firstPending >= 0) expect(rows.slice(firstPending).every((row) => row.type === "pending")).toBe(true);
        }
        expect(state.outbox).toEqual([]);
        expect(recordOf(state, lane).events).toEqual(lane.events);
      }),
    );
  });

  test("an event without a client id (another device's view) is matched by its place", () => {
    const lane = createLane("contact");
    const event = lane.add(text("contact", "pending 1"));
    const state = run(
      opened("contact", lane, 1),
      page(lane, 0, 1),
      { type: "queued", item: item(1, lane.id) },
      ok(lane, event, uuid(1)),
    );
    expect(thread(state, lane.id).at(-1)).toMatchObject({ type: "pending", status: "sent" });
    expect(run(state, arrive(event)).outbox).toEqual([]);
  });

  test("messages that start a conversation wait for its id and follow it", () => {
    const lane = createLane("contact");
    const event = lane.add(text("contact", "pending 1", uuid(1)));
    let state = run(
      initialState("contact"),
      { type: "queued", item: item(1, null) },
      { type: "queued", item: item(2, null) },
    );
    expect(thread(state, null).map((row) => row.key)).toEqual([uuid(1), uuid(2)]);
    state = run(state, { type: "attempted", clientId: uuid(1) }, ok(lane, event, uuid(1)));
    expect(state.started).toBe(lane.id);
    expect(thread(state, null)).toEqual([]);
    expect(thread(state, lane.id).map((row) => row.type === "pending" && row.status)).toEqual(["sent", "sending"]);
  });

  test("a message in a conversation that is not open leaves when the summary shows it", () => {
    const lane = createLane("business");
    const event = lane.add(text("agent", "pending 1", uuid(1)));
    let state = run(opened("business", lane, 1), { type: "queued", item: item(1, lane.id) }, ok(lane, event, uuid(1)));
    expect(state.outbox).toHaveLength(1);
    state = run(state, { type: "summaries", items: [lane.summary()] });
    expect(state.outbox).toEqual([]);
  });

  test("not sent: keeps the text and the reason; another try goes to the end of the queue", () => {
    const lane = createLane("contact");
    let state = run(
      opened("contact", lane),
      { type: "queued", item: item(1, lane.id) },
      { type: "queued", item: item(2, lane.id) },
      { type: "attempted", clientId: uuid(1) },
      { type: "refused", clientId: uuid(1), reason: "VALIDATION" },
    );
    expect(thread(state, lane.id).map((row) => row.type === "pending" && [row.status, row.item.reason])).toEqual([
      ["not_sent", "VALIDATION"],
      ["sending", null],
    ]);
    state = run(state, { type: "retried", clientId: uuid(1), now: 9 });
    expect(state.outbox.map((pending) => [pending.clientId, pending.state, pending.reason, pending.queuedAt])).toEqual([
      [uuid(2), "queued", null, 2],
      [uuid(1), "queued", null, 9],
    ]);
    expect(run(state, { type: "discarded", clientId: uuid(1) }).outbox).toHaveLength(1);
  });

  test("PR5: what was to be sent to a conversation that is gone is shown as not sent", () => {
    const lane = createLane("contact");
    const state = run(
      opened("contact", lane),
      { type: "queued", item: item(1, lane.id) },
      frame({ type: "gone", conversationId: lane.id, why: "deleted" }),
    );
    expect(state.conversations).toEqual({});
    expect(state.gone).toEqual({ [lane.id]: "deleted" });
    expect(state.outbox[0]).toMatchObject({ state: "not_sent", reason: "NOT_FOUND" });
  });
});

test("CR7: another epoch drops every cursor and window, and offers again what was not seen yet", () => {
  const lane = createLane("contact");
  const event = lane.add(text("contact", "pending 1"));
  const welcome = (epoch: string): Action =>
    frame({
      type: "welcome",
      session: "s",
      epoch,
      now: 0,
      heartbeatMs: 25_000,
      feed: `feed of ${epoch}`,
      limits: { frameBytes: 1, textLength: 1, subscriptions: 1 },
      resume: "ok",
    });
  const state = run(
    opened("contact", lane, 1),
    welcome("e1"),
    page(lane, 0, 1),
    { type: "queued", item: item(1, lane.id) },
    ok(lane, event, uuid(1)),
  );
  expect(run(state, welcome("e1"))).toMatchObject({
    epoch: "e1",
    feed: "feed of e1",
    conversations: state.conversations,
  });
  const next = run(state, welcome("e2"));
  expect(next).toMatchObject({ epoch: "e2", feed: null, conversations: {} });
  expect(next.outbox[0]).toMatchObject({ state: "queued", sent: null });
});

test("typing ends by time, by a notice, by a message and by a disconnect", () => {
  const lane = createLane("business");
  const by = { type: "contact", id: lane.events[0]!.by.id, name: null } as const;
  const typing = (on: boolean): Action =>
    frame({ type: "ephemeral", kind: "typing", conversationId: lane.id, data: { by, on } });
  const state = run(opened("business", lane), page(lane, 0), typing(true));
  expect(typingAuthors(state, lane.id)).toEqual([by]);
  expect(typingAuthors(run(state, { type: "typing_expired", conversationId: lane.id, now: 5_999 }), lane.id)).toEqual([
    by,
  ]);
  expect(typingAuthors(run(state, { type: "typing_expired", conversationId: lane.id, now: 6_000 }), lane.id)).toEqual(
    [],
  );
  expect(typingAuthors(run(state, typing(false)), lane.id)).toEqual([]);
  expect(typingAuthors(run(state, arrive(lane.add(text("contact")))), lane.id)).toEqual([]);
  expect(typingAuthors(run(state, { type: "disconnected" }), lane.id)).toEqual([]);
});
