import type { ConversationId } from "@presszero/contracts";
import { describe, expect, test } from "vitest";
import { createClient, liveClient, type TestClient, uuid } from "../test/client.ts";
import { conversationIdOf, createLane, type Lane } from "../test/lane.ts";
import { hasUnsafe } from "./outbox.ts";
import { thread } from "./selectors.ts";

const hourMs = 60 * 60 * 1000;
function message(lane: Lane, n: number) {
  const event = lane.add({ type: "message", by: "contact", kind: "text", text: `text ${n}`, clientId: uuid(n) });
  return { type: "event", ...event } as const;
}

const statuses = (client: TestClient, id: ConversationId | null) =>
  thread(client.state, id).flatMap((row) => (row.type === "pending" ? [row.status] : []));
const [one, two] = [conversationIdOf(1), conversationIdOf(2)];

describe("CR1: stored before the first attempt", () => {
  test("nothing goes out until the storage has it", () => {
    const client = liveClient();
    client.write(1, one);
    expect(client.framesOf("send")).toEqual([]);
    expect(hasUnsafe(client.engine, false)).toBe(true);
    client.store();
    expect(client.framesOf("send")).toMatchObject([{ clientId: uuid(1), conversationId: one }]);
    expect(hasUnsafe(client.engine, false)).toBe(false);
  });

  test("what the storage refuses goes out, and the person is warned until it is sent", () => {
    const client = liveClient();
    client.write(1, one);
    client.take({ type: "write_failed", clientId: uuid(1) });
    const sent = client.sent();
    expect(hasUnsafe(client.engine, false)).toBe(true);
    client.ok(sent, one, 2);
    expect(hasUnsafe(client.engine, false)).toBe(false);
  });

  test("a crash at any moment: the next run sends it under the same client id", () => {
    const first = liveClient();
    first.write(1, one);
    first.store();
    expect(first.framesOf("send")).toHaveLength(1);
    const second = liveClient("contact", first.storage);
    second.store();
    expect(second.engine.state.outbox).toMatchObject([{ clientId: uuid(1), state: "sending", attempts: 1 }]);
  });

  test("what follows a message that starts a conversation knows it before that one counts as confirmed", () => {
    const client = liveClient();
    client.write(1, null);
    client.write(2, null);
    client.store();
    const starter = client.sent();
    client.ok(starter, one, 2);
    const puts = client.take({ type: "wake" }); // Nothing more to store but what the answer has caused.
    expect(puts.filter((effect) => effect.type === "put")).toEqual([]);
    expect(client.framesOf("send")).toEqual([]);
    client.store();
    expect([...client.storage.values()].map((item) => [item.clientId, item.conversationId, item.state])).toEqual([
      [uuid(1), one, "sent"],
      [uuid(2), one, "queued"],
    ]);
    expect(client.framesOf("send")).toMatchObject([{ clientId: uuid(2), conversationId: one }]);
  });

  test("the event of a message that starts a conversation may come before its answer", () => {
    const lane = createLane("contact");
    const client = liveClient();
    client.write(1, null);
    client.write(2, null);
    client.store();
    client.framesOf("send");
    const event = message(lane, 1);
    client.receive({ type: "feed", cursor: "f2", items: [feedItem(lane)], more: false });
    client.receive({ type: "event", ...lane.events[0]! });
    client.receive(event);
    expect(client.state.started).toBe(lane.id);
    client.store();
    expect(client.framesOf("send")).toMatchObject([{ clientId: uuid(2), conversationId: lane.id }]);
    expect(client.storage.get(uuid(1))).toMatchObject({ state: "sent", sent: { seq: 2 } });
  });
});

function feedItem(lane: Lane) {
  const { unread: _, marks: __, ...item } = lane.summary();
  return item;
}

describe("CR2: one in flight per conversation", () => {
  test("conversations side by side, in each of them one after the other, in the order they were written", () => {
    const client = liveClient("business");
    for (const [n, id] of [
      [1, one],
      [2, two],
      [3, one],
      [4, two],
    ] as const)
      client.write(n, id);
    client.store();
    const [a, b] = client.framesOf("send");
    expect([a!.clientId, b!.clientId]).toEqual([uuid(1), uuid(2)]);
    client.ok(b!, two, 2);
    expect(client.framesOf("send").map((frame) => frame.clientId)).toEqual([uuid(4)]);
    client.ok(a!, one, 2);
    expect(client.framesOf("send").map((frame) => frame.clientId)).toEqual([uuid(3)]);
  });

  test("no answer in 10 s: again; a late answer to the first try counts", () => {
    const client = liveClient();
    client.write(1, one);
    client.store();
    const first = client.sent();
    client.pass(9_999);
    expect(client.framesOf("send")).toEqual([]);
    client.pass(1);
    expect(client.framesOf("send").map((frame) => frame.clientId)).toEqual([uuid(1)]);
    client.ok(first, one, 2);
    expect(client.state.outbox[0]).toMatchObject({ state: "sent" });
    client.pass(60_000);
    expect(client.framesOf("send")).toEqual([]);
  });

  test.each(["UNKNOWN_RETRY", "UNAVAILABLE", "TIMEOUT", "RATE_LIMITED"] as const)(
    "%s: the same client id again after a pause, and nothing overtakes it",
    (code) => {
      const client = liveClient();
      client.write(1, one);
      client.write(2, one);
      client.store();
      client.refuse(client.sent(), code);
      expect(client.framesOf("send")).toEqual([]);
      client.pass(1_000); // half of 2 s
      const again = client.sent();
      expect(again).toMatchObject({ clientId: uuid(1), conversationId: one });
      client.ok(again, one, 2);
      expect(client.framesOf("send").map((frame) => frame.clientId)).toEqual([uuid(2)]);
    },
  );

  test("I14: as long as the database cannot be reached nothing is shown as sent", () => {
    const client = liveClient();
    client.write(1, one);
    client.store();
    for (let tries = 0; tries < 20; tries++) {
      for (const sent of client.framesOf("send")) client.refuse(sent, "UNAVAILABLE");
      expect(statuses(client, one)).toEqual(["sending"]);
      client.pass(30_000);
    }
    expect(client.state.outbox[0]!.attempts).toBeGreaterThan(10);
  });

  test("pauses grow, full jitter, up to 30 s", () => {
    const client = liveClient();
    client.random = 0.999_999;
    client.write(1, one);
    client.store();
    const pauses: number[] = [];
    for (let tries = 0; tries < 8; tries++) {
      const before = client.now;
      client.refuse(client.sent(), "UNAVAILABLE");
      pauses.push(Math.round((client.engine.timers.pump! - before) / 1000));
      client.pass(client.engine.timers.pump! - client.now);
    }
    expect(pauses).toEqual([2, 4, 8, 16, 30, 30, 30, 30]);
  });

  test("SR4: ORDER_BROKEN because of a message that was shown already: begins a new connection and sends again", () => {
    const lane = createLane("contact");
    const client = liveClient();
    client.receive({ type: "feed", cursor: "f2", items: [feedItem(lane)], more: false });
    client.receive({ type: "event", ...lane.events[0]! });
    client.write(1, lane.id);
    client.write(2, lane.id);
    client.store();
    client.refuse(client.sent(), "UNKNOWN_RETRY");
    client.receive(message(lane, 1)); // It was committed after all.
    client.store();
    client.pass(1_000);
    const second = client.sent();
    expect(second.clientId).toBe(uuid(2));
    client.refuse(second, "ORDER_BROKEN");
    expect(client.state.connection.name).toBe("offline");
    client.pass(500);
    client.connect();
    client.pass(1_000);
    expect(client.framesOf("send").map((frame) => frame.clientId)).toEqual([uuid(2)]);
  });

  test("gives up after 24 h, one by one; a new attempt keeps the client id and has another day", () => {
    const client = createClient("contact");
    client.start();
    client.write(1, one);
    client.pass(hourMs);
    client.write(2, one);
    client.store();
    client.pass(23 * hourMs - 1);
    expect(statuses(client, one)).toEqual(["sending", "sending"]);
    client.pass(1);
    expect(statuses(client, one)).toEqual(["not_sent", "sending"]);
    client.pass(hourMs);
    expect(client.state.outbox.map((item) => item.reason)).toEqual(["EXPIRED", "EXPIRED"]);
    client.take({ type: "retry", clientId: uuid(1) });
    client.store();
    client.pass(23 * hourMs);
    expect(statuses(client, one)).toEqual(["not_sent", "sending"]);
    client.connect();
    client.pass(60_000);
    client.connect();
    expect(client.framesOf("send").map((frame) => frame.clientId)).toContain(uuid(1));
  });

  test("PR5: refused for good keeps the text and the reason, over a crash too", () => {
    const client = liveClient();
    client.write(1, one);
    client.store();
    client.refuse(client.sent(), "VALIDATION");
    client.store();
    const next = liveClient("contact", client.storage);
    expect(thread(next.state, one)).toMatchObject([
      { type: "pending", status: "not_sent", item: { reason: "VALIDATION", message: { text: "text 1" } } },
    ]);
    expect(next.framesOf("send")).toEqual([]);
    next.take({ type: "discard", clientId: uuid(1) });
    next.store();
    expect(next.storage.size).toBe(0);
  });
});
