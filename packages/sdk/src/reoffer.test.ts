import { describe, expect, test } from "vitest";
import { createClient, liveClient, type TestClient, uuid } from "../test/client.ts";
import { conversationIdOf, createLane } from "../test/lane.ts";
import { thread } from "./selectors.ts";
import type { Side } from "./types.ts";

const dayMs = 24 * 60 * 60 * 1000;
const [one, two, fresh] = [conversationIdOf(1), conversationIdOf(2), conversationIdOf(3)];

/** A client that has sent messages, to these conversations in turn, and has had them all confirmed and shown. */
function clientAfter(sends: (typeof one | null)[], side: Side = "contact"): TestClient {
  const client = liveClient(side);
  const lanes = new Map([one, two].map((id, index) => [id, createLane(side, index + 1)]));
  sends.forEach((conversationId, index) => {
    const lane = lanes.get(conversationId ?? one)!;
    client.write(index + 1, conversationId);
    client.store();
    lane.add({ type: "message", by: side === "contact" ? "contact" : "agent", kind: "text", text: "-" });
    client.ok(client.sent(), lane.id, lane.events.length);
    const { unread: _, marks: __, ...item } = lane.summary();
    client.receive({ type: "feed", cursor: "f", items: [item], more: false });
    client.store();
  });
  expect(client.state.outbox).toEqual([]);
  return client;
}

/** The database was restored: the client comes back, learns of the new epoch, and begins without cursors. */
function restore(client: TestClient, epoch = "e2"): void {
  client.disconnect();
  client.pass(client.engine.timers.retry! - client.engine.time.now);
  client.connect(epoch);
  client.connect(epoch);
}

const shown = (client: TestClient) =>
  [null, one, two, fresh].flatMap((id) =>
    thread(client.state, id).map((row) => [row.key, "status" in row && row.status]),
  );

describe("CR7: after a restore of the database", () => {
  test("own messages are offered again: old client ids, old order, one at a time, before anything new, without a word", () => {
    const client = clientAfter([one, one]);
    restore(client);
    client.write(3, one);
    client.store();
    for (const [n, duplicate] of [
      [1, true],
      [2, false],
    ] as const) {
      const sent = client.sent();
      expect(sent).toMatchObject({ clientId: uuid(n), conversationId: one, message: { text: `text ${n}` } });
      expect(shown(client)).toEqual([[uuid(3), "sending"]]);
      client.ok(sent, one, n + 1, duplicate);
      client.store();
    }
    expect(client.sent().clientId).toBe(uuid(3));
    expect(client.state.outbox.map((item) => item.clientId)).toEqual([uuid(3)]);
    expect(client.engine.confirmed.map((item) => [item.clientId, item.sent!.epoch])).toEqual([
      [uuid(1), "e2"],
      [uuid(2), "e2"],
    ]);
    restore(client, "e3");
    expect(client.framesOf("send").map((frame) => frame.clientId)).toEqual([uuid(1)]);
  });

  test("also what the list showed before its answer came", () => {
    const client = liveClient();
    const lane = createLane("contact");
    client.write(1, one);
    client.store();
    lane.add({ type: "message", by: "contact", kind: "text", text: "-" });
    const { unread: _, marks: __, ...item } = lane.summary();
    client.receive({ type: "feed", cursor: "f", items: [item], more: false });
    client.ok(client.sent(), one, 2);
    client.store();
    restore(client);
    expect(client.sent()).toMatchObject({ clientId: uuid(1), conversationId: one });
  });

  test("also of a conversation that was not found before the client was told of the restore", () => {
    const client = clientAfter([one]);
    client.disconnect();
    const problem = { code: "NOT_FOUND" as const, retry: false, retryAfterMs: null, title: "", details: {} };
    client.take({ type: "failed", key: "summary", problem });
    expect(client.state.gone).toEqual({ [one]: "access" });
    restore(client);
    expect(client.sent()).toMatchObject({ clientId: uuid(1), conversationId: one });
  });

  test("in the order in which they were sent, although the device's clock was set back in between", () => {
    const client = createClient("contact", clientAfter([one]).storage);
    client.now -= 3_600_000;
    client.start();
    client.connect();
    client.write(2, one);
    client.store();
    client.ok(client.sent(), one, 3);
    const lane = createLane("contact");
    for (let n = 0; n < 2; n++) lane.add({ type: "message", by: "contact", kind: "text", text: "-" });
    const { unread: _, marks: __, ...item } = lane.summary();
    client.receive({ type: "feed", cursor: "f", items: [item], more: false });
    client.store();
    restore(client);
    expect(client.sent().clientId).toBe(uuid(1));
  });

  test("by a client that was closed meanwhile as well", () => {
    const { storage } = clientAfter([one]);
    expect(liveClient("contact", storage).engine.lastRequest).toBe(0); // The same epoch: nothing is missing.
    expect(liveClient("contact", storage, "e2").state.outbox).toMatchObject([{ clientId: uuid(1), state: "sending" }]);
  });

  test("a crash in the middle loses nothing", () => {
    const client = clientAfter([one, one]);
    restore(client);
    client.ok(client.sent(), one, 2);
    client.store();
    const next = liveClient("contact", client.storage, "e2");
    expect(next.state.outbox).toMatchObject([{ clientId: uuid(2), state: "sending" }]);
  });

  test("a conflict means that it is there: not a word", () => {
    const client = clientAfter([one, one]);
    restore(client);
    client.refuse(client.sent(), "CLIENT_ID_CONFLICT");
    expect(client.sent().clientId).toBe(uuid(2));
    expect(shown(client)).toEqual([]);
    client.store();
    expect([...client.storage.keys()]).toEqual([uuid(2)]);
  });

  test("errors that may pass are tried again, without a word", () => {
    const client = clientAfter([one]);
    restore(client);
    client.refuse(client.sent(), "UNAVAILABLE");
    client.pass(1_000);
    expect(client.sent().clientId).toBe(uuid(1));
    expect(shown(client)).toEqual([]);
  });

  test("a customer's conversation that is lost begins again with its messages, one by one", () => {
    const client = clientAfter([null, one, two, one]);
    restore(client);
    const [first, other] = client.framesOf("send");
    expect([first!.clientId, other!.clientId]).toEqual([uuid(1), uuid(3)]);
    client.refuse(first!, "NOT_FOUND");
    const starter = client.sent();
    expect(starter).toMatchObject({ clientId: uuid(1), conversationId: null });
    client.refuse(other!, "NOT_FOUND"); // Lost as well: waits until the first has begun, so that they do not mix.
    expect(client.framesOf("send")).toEqual([]);
    client.ok(starter, fresh, 2);
    client.store();
    expect(client.sent()).toMatchObject({ clientId: uuid(2), conversationId: fresh });
    client.pass(1_000);
    client.refuse(client.sent(), "NOT_FOUND");
    expect(client.sent()).toMatchObject({ clientId: uuid(3), conversationId: null });
    expect(shown(client)).toEqual([]);
  });

  test("what is lost and cannot come back is shown as not sent, with its text", () => {
    const client = clientAfter([one], "business");
    restore(client);
    client.refuse(client.sent(), "NOT_FOUND");
    client.store();
    expect(thread(client.state, one)).toMatchObject([
      { type: "pending", status: "not_sent", item: { reason: "NOT_FOUND", message: { text: "text 1" } } },
    ]);
    expect(client.storage.get(uuid(1))).toMatchObject({ state: "not_sent" });
    expect(client.engine.confirmed).toEqual([]);
  });

  test("a conversation that was taken away before is left alone", () => {
    const client = clientAfter([one, two]);
    client.receive({ type: "gone", conversationId: one, why: "access" });
    client.store();
    expect([...client.storage.keys()]).toEqual([uuid(2)]);
    restore(client);
    expect(client.framesOf("send").map((frame) => frame.clientId)).toEqual([uuid(2)]);
  });

  test("confirmed messages are kept for a day, and at most 500", () => {
    const client = clientAfter(Array.from({ length: 510 }, () => one));
    expect(client.storage.size).toBe(500);
    client.now += dayMs;
    restore(client);
    client.store();
    expect(client.framesOf("send")).toEqual([]);
    expect(client.storage.size).toBe(0);
  });
});
