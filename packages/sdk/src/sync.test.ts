import { afterEach, expect, test } from "vitest";
import { manualClock } from "../test/clock.ts";
import { agentAuthor, conversationIdOf, type Lane } from "../test/lane.ts";
import { startTestServer, type TestServer, until } from "../test/server.ts";
import { createApi } from "./http.ts";
import { thread, typingAuthors } from "./selectors.ts";
import { type DeviceStorage, memoryStorage } from "./storage.ts";
import { createSync, type Sync } from "./sync.ts";
import type { Side } from "./types.ts";

const running: { stop: () => unknown }[] = [];
afterEach(async () => {
  for (const part of running.splice(0).toReversed()) await part.stop();
});

async function setUp(side: Side = "contact", storage?: DeviceStorage) {
  const server = await startTestServer(side);
  running.push(server);
  return { server, ...connect(server, side, storage) };
}

function connect(server: TestServer, side: Side, storage: DeviceStorage = memoryStorage()) {
  const clock = manualClock();
  const { baseUrl } = server;
  const sync = createSync({ api: createApi({ baseUrl }), baseUrl, side, client: "test/1", storage, clock });
  running.push(sync);
  return { sync, clock, storage };
}

const hello = { kind: "text", text: "hello" } as const;
const isLive = (sync: Sync) => sync.getState().connection.name === "live";
const textsOf = (sync: Sync, lane: Lane) =>
  thread(sync.getState(), lane.id).flatMap((row) =>
    row.type === "message"
      ? [row.message.text]
      : row.type === "pending"
        ? [`(${row.status}) ${row.item.message.text}`]
        : [],
  );
const storedTexts = (lane: Lane) =>
  lane.events.flatMap((event) => (event.kind === "message.created" ? [event.data.text] : []));

const unsentIn = async (storage: DeviceStorage) => (await storage.load()).filter((item) => item.state !== "sent");

/** A ping and its way: whatever was sent before it has arrived then. */
async function roundTrip(server: TestServer, sync: Sync): Promise<void> {
  const before = server.framesOf("ping").length;
  await new Promise((resolve) => setTimeout(resolve, 0));
  sync.wake();
  await until(() => server.framesOf("ping").length > before);
}

async function goLive({ server, sync }: { server: TestServer; sync: Sync }): Promise<void> {
  const before = server.framesOf("hello").length;
  sync.start();
  await until(() => isLive(sync) && server.framesOf("hello").length > before);
}

test("lists, opens, receives live, acknowledges, reads, types", async () => {
  const { server, sync, clock } = await setUp("business");
  const lane = server.addLane();
  server.happen(lane, { type: "message", by: "contact", kind: "text", text: "first" });
  await sync.loadConversations();
  sync.open(lane.id);
  await goLive({ server, sync });
  await until(() => sync.getState().conversations[lane.id]!.synced);
  expect(textsOf(sync, lane)).toEqual(["first"]);
  server.happen(lane, { type: "message", by: "contact", kind: "text", text: "second" });
  await until(() => textsOf(sync, lane).length === 2);
  clock.advance(1_000);
  await until(() => server.framesOf("ack").at(-1)?.seq === 3);
  expect(sync.getState().conversations[lane.id]!.summary.unread).toBe(2);
  sync.markRead(lane.id);
  expect(sync.getState().conversations[lane.id]!.summary.unread).toBe(0);
  for (const on of [true, true, false, true]) sync.typing(lane.id, on);
  await until(() => server.framesOf("typing").length === 2);
  expect(server.framesOf("read")).toEqual([{ type: "read", conversationId: lane.id, seq: 3 }]);
  clock.advance(3_000);
  sync.typing(lane.id, true);
  await until(() => server.framesOf("typing").length === 3);
  expect(server.framesOf("typing").map((frame) => frame.on)).toEqual([true, false, true]);
});

test("acknowledges at once after 50 events, otherwise at most once a second", async () => {
  const { server, sync, clock } = await setUp("business");
  const lane = server.addLane();
  sync.open(lane.id);
  await goLive({ server, sync });
  await until(() => sync.getState().conversations[lane.id]?.synced === true);
  clock.advance(0);
  await until(() => server.framesOf("ack").length === 1);
  for (let n = 0; n < 60; n++) server.happen(lane, { type: "message", by: "contact", kind: "text", text: `${n}` });
  await until(() => textsOf(sync, lane).length === 60);
  await until(() => server.framesOf("ack").length === 2);
  clock.advance(999);
  await roundTrip(server, sync);
  expect(server.framesOf("ack").map((frame) => frame.seq)).toEqual([1, 51]);
  clock.advance(1);
  await until(() => server.framesOf("ack").at(-1)!.seq === 61);
});

test("PR4: after a disconnect resumes after the last event held, and ends with the server's history", async () => {
  const { server, sync, clock } = await setUp("business");
  const lane = server.addLane();
  sync.open(lane.id);
  await goLive({ server, sync });
  server.happen(lane, { type: "message", by: "contact", kind: "text", text: "one" });
  await until(() => textsOf(sync, lane).length === 1);
  server.disconnect();
  await until(() => sync.getState().connection.name === "offline");
  server.happen(lane, { type: "message", by: "contact", kind: "text", text: "two" });
  clock.advance(1_000);
  await until(() => textsOf(sync, lane).length === 2);
  expect(server.framesOf("hello").at(-1)).toMatchObject({
    epoch: "e1",
    feed: "f1",
    subscriptions: [{ conversationId: lane.id, after: 2 }],
  });
});

test("CR3: fetches what did not arrive after 250 ms, again if need be", async () => {
  const { server, sync, clock } = await setUp("business");
  const lane = server.addLane();
  sync.open(lane.id);
  await goLive({ server, sync });
  await until(() => sync.getState().conversations[lane.id]?.synced === true);
  server.isPushing = false;
  for (const text of ["one", "two"]) server.happen(lane, { type: "message", by: "contact", kind: "text", text });
  server.isPushing = true;
  server.happen(lane, { type: "message", by: "contact", kind: "text", text: "three" });
  await until(() => sync.getState().conversations[lane.id]!.buffered.length === 1);
  clock.advance(249);
  await roundTrip(server, sync);
  expect(server.framesOf("fetch")).toEqual([]);
  clock.advance(1);
  await until(() => textsOf(sync, lane).length === 3);
  expect(server.framesOf("fetch")).toMatchObject([{ after: 1 }]);
  expect(sync.getState().conversations[lane.id]!.summary).toEqual(lane.summary());
});

test("loads older pages, and nothing before the first event", async () => {
  const { server, sync } = await setUp("business");
  const lane = server.addLane();
  for (let n = 2; n <= 25; n++) server.happen(lane, { type: "message", by: "contact", kind: "text", text: `${n}` });
  await sync.loadConversations();
  for (const held of [10, 20, 25, 25]) {
    await sync.loadOlder(lane.id);
    expect(sync.getState().conversations[lane.id]!.events).toEqual(lane.events.slice(25 - held));
  }
  expect(server.requests.filter((request) => request.endsWith("/events"))).toHaveLength(3);
});

test("a released conversation is no longer sent; two screens hold it once", async () => {
  const { server, sync } = await setUp("business");
  const lane = server.addLane();
  await goLive({ server, sync });
  const [releaseOne, releaseTwo] = [sync.open(lane.id), sync.open(lane.id)];
  await until(() => sync.getState().conversations[lane.id]?.synced === true);
  expect(server.framesOf("subscribe")).toHaveLength(1);
  releaseOne();
  releaseOne();
  await roundTrip(server, sync);
  expect(server.framesOf("unsubscribe")).toEqual([]);
  releaseTwo();
  await until(() => server.framesOf("unsubscribe").length === 1);
  expect(sync.getState().conversations[lane.id]!.synced).toBe(false);
});

test("a conversation that is not ours is gone, not loading for ever", async () => {
  const { server, sync } = await setUp("business");
  const id = conversationIdOf(99);
  sync.open(id);
  await goLive({ server, sync });
  await until(() => sync.getState().gone[id] !== undefined);
  expect(sync.getState().gone).toEqual({ [id]: "access" });
});

test("CR1, CR2: stores before the first attempt, sends one at a time and in order", async () => {
  const written: string[] = [];
  const memory = memoryStorage();
  let finishWrite = () => {};
  const storage: DeviceStorage = {
    ...memory,
    put: async (item) => {
      await new Promise<void>((resolve) => (finishWrite = resolve));
      await memory.put(item);
      written.push(item.message.text);
    },
  };
  const { server, sync } = await setUp("contact", storage);
  const lane = server.addLane();
  sync.open(lane.id);
  await goLive({ server, sync });
  await until(() => sync.getState().conversations[lane.id]?.synced === true);
  for (const text of ["one", "two"]) sync.send(lane.id, { kind: "text", text });
  expect(textsOf(sync, lane)).toEqual(["(sending) one", "(sending) two"]);
  await roundTrip(server, sync);
  expect(server.framesOf("send")).toEqual([]);
  server.onSend = "ignore";
  finishWrite();
  await until(() => server.framesOf("send").length === 1);
  expect(written).toEqual(["one"]);
  finishWrite();
  await until(() => written.length === 2);
  await roundTrip(server, sync);
  expect(server.framesOf("send").map((frame) => frame.message.text)).toEqual(["one"]);
});

test("no answer in 10 s: sends again under the same client id, and the message exists once", async () => {
  const { server, sync, clock, storage } = await setUp();
  const lane = server.addLane();
  sync.open(lane.id);
  await goLive({ server, sync });
  await until(() => sync.getState().conversations[lane.id]?.synced === true);
  server.onSend = "store_silently";
  server.isPushing = false;
  const clientId = sync.send(lane.id, hello);
  await until(() => server.framesOf("send").length === 1);
  server.onSend = "ok";
  server.isPushing = true;
  clock.advance(9_999);
  await roundTrip(server, sync);
  expect(server.framesOf("send")).toHaveLength(1);
  clock.advance(1);
  await until(() => server.framesOf("send").length === 2);
  expect(server.framesOf("send").map((frame) => frame.clientId)).toEqual([clientId, clientId]);
  await until(() => textsOf(sync, lane)[0] === "(sent) hello");
  clock.advance(250);
  await until(() => textsOf(sync, lane)[0] === "hello");
  expect(storedTexts(lane)).toEqual(["hello"]);
  expect(sync.getState().outbox).toEqual([]);
  expect(await unsentIn(storage)).toEqual([]);
});

test("PR2: a disconnect in the middle of a message", async () => {
  const { server, sync, clock } = await setUp();
  const lane = server.addLane();
  sync.open(lane.id);
  await goLive({ server, sync });
  server.onSend = "store_silently";
  server.isPushing = false;
  sync.send(lane.id, hello);
  await until(() => storedTexts(lane).length === 1);
  server.disconnect();
  await until(() => sync.getState().connection.name === "offline");
  expect(textsOf(sync, lane)).toEqual(["(sending) hello"]);
  server.onSend = "ok";
  server.isPushing = true;
  clock.advance(1_000);
  await until(() => textsOf(sync, lane)[0] === "hello");
  expect(storedTexts(lane)).toEqual(["hello"]);
  expect(sync.getState().outbox).toEqual([]);
});

test("a refusal that allows another try is honoured to the millisecond; later messages wait their turn", async () => {
  const { server, sync, clock } = await setUp();
  const lane = server.addLane();
  sync.open(lane.id);
  await goLive({ server, sync });
  await until(() => sync.getState().conversations[lane.id]?.synced === true);
  server.onSend = { code: "RATE_LIMITED", retry: true, retryAfterMs: 1_500 };
  for (const text of ["one", "two"]) sync.send(lane.id, { kind: "text", text });
  await until(() => sync.getState().outbox.some((item) => item.attempts === 1 && item.state === "queued"));
  server.onSend = "ok";
  clock.advance(1_499);
  await roundTrip(server, sync);
  expect(server.framesOf("send")).toHaveLength(1);
  clock.advance(1);
  await until(() => storedTexts(lane).length === 2);
  expect(storedTexts(lane)).toEqual(["one", "two"]);
});

test("a refusal for good: not sent, with the reason; the next one goes; try again and delete", async () => {
  const { server, sync, storage } = await setUp();
  const lane = server.addLane();
  sync.open(lane.id);
  await goLive({ server, sync });
  await until(() => sync.getState().conversations[lane.id]?.synced === true);
  server.onSend = { code: "VALIDATION", retry: false };
  const clientId = sync.send(lane.id, { kind: "text", text: "one" });
  await until(() => sync.getState().outbox[0]?.reason === "VALIDATION");
  server.onSend = "ok";
  sync.send(lane.id, { kind: "text", text: "two" });
  await until(() => textsOf(sync, lane)[0] === "two");
  expect(textsOf(sync, lane)).toEqual(["two", "(not_sent) one"]);
  expect(await unsentIn(storage)).toMatchObject([{ clientId, state: "not_sent", reason: "VALIDATION" }]);
  sync.retry(clientId);
  await until(() => textsOf(sync, lane)[1] === "one");
  server.onSend = { code: "VALIDATION", retry: false };
  const other = sync.send(lane.id, { kind: "text", text: "three" });
  await until(() => sync.getState().outbox[0]?.reason === "VALIDATION");
  sync.discard(other);
  expect(sync.getState().outbox).toEqual([]);
  await until(() => server.framesOf("send").length === 4);
});

test("gives up after a day without a connection, and says so", async () => {
  const { server, sync, clock } = await setUp();
  server.ticketStatus = 503;
  sync.start();
  const clientId = sync.send(null, hello);
  await until(() => sync.getState().connection.name === "offline");
  clock.advance(24 * 60 * 60 * 1000 - 1);
  expect(sync.getState().outbox).toMatchObject([{ clientId, state: "queued" }]);
  clock.advance(1);
  expect(sync.getState().outbox).toMatchObject([{ clientId, state: "not_sent", reason: "EXPIRED", message: hello }]);
});

test("starts a conversation; what is written meanwhile follows into it", async () => {
  const { server, sync, clock } = await setUp();
  await goLive({ server, sync });
  server.onSend = "ignore";
  for (const text of ["one", "two"]) sync.send(null, { kind: "text", text });
  await until(() => server.framesOf("send").length === 1);
  expect(thread(sync.getState(), null)).toHaveLength(2);
  server.onSend = "ok";
  clock.advance(10_000);
  await until(() => sync.getState().started !== null);
  const lane = server.lanes.get(sync.getState().started!)!;
  sync.open(lane.id);
  await until(() => textsOf(sync, lane).join() === "one,two");
  expect(storedTexts(lane)).toEqual(["one", "two"]);
  expect(server.framesOf("send").map((frame) => frame.conversationId)).toEqual([null, null, lane.id]);
  expect(server.lanes.size).toBe(1);
});

test("unsent messages survive the end of the app, and are sent under the same ids by the next run", async () => {
  const storage = memoryStorage();
  const { server, sync } = await setUp("contact", storage);
  server.ticketStatus = 503;
  sync.start();
  const clientId = sync.send(null, hello);
  expect(sync.warnOnUnload()).toBe(true);
  await until(() => sync.getState().connection.name === "offline");
  sync.stop();
  expect(await storage.load()).toMatchObject([{ clientId, state: "queued" }]);
  server.ticketStatus = 200;
  const next = connect(server, "contact", storage);
  await goLive({ server, sync: next.sync });
  await until(() => next.sync.getState().started !== null);
  expect(server.framesOf("send")).toMatchObject([{ clientId, conversationId: null }]);
  expect(server.framesOf("hello").at(-1)!.deviceId).toBe(storage.deviceId);
});

test("CR7: another epoch: comes back without cursors and loads everything again", async () => {
  const { server, sync, clock } = await setUp("business");
  const lane = server.addLane();
  server.happen(lane, { type: "message", by: "contact", kind: "text", text: "kept" });
  server.happen(lane, { type: "message", by: "contact", kind: "text", text: "lost in the restore" });
  await sync.loadConversations();
  sync.open(lane.id);
  await goLive({ server, sync });
  await until(() => textsOf(sync, lane).length === 2);
  lane.events.pop();
  server.epoch = "e2";
  server.disconnect();
  await until(() => sync.getState().connection.name === "offline");
  clock.advance(1_000);
  await until(() => isLive(sync) && textsOf(sync, lane).length === 1);
  expect(server.framesOf("hello").at(-1)).toMatchObject({ epoch: "e2", feed: null, subscriptions: [] });
  expect(sync.getState().conversations[lane.id]!.summary).toEqual(lane.summary());
});

test("CR7: what a restore has lost comes back, what it has kept stays one message, and nobody notices", async () => {
  const { server, sync, clock, storage } = await setUp();
  const lane = server.addLane();
  sync.open(lane.id);
  await goLive({ server, sync });
  for (const text of ["kept", "lost"]) {
    sync.send(lane.id, { kind: "text", text });
    await until(() => textsOf(sync, lane).at(-1) === text);
  }
  server.restore("e2", (_, seq) => seq < 3);
  const shown = new Set<string>();
  sync.subscribe(() => textsOf(sync, lane).forEach((text) => shown.add(text)));
  await until(() => sync.getState().connection.name === "offline");
  clock.advance(1_000);
  await until(() => isLive(sync) && textsOf(sync, lane).join() === "kept,lost");
  expect(storedTexts(lane)).toEqual(["kept", "lost"]);
  expect([...shown]).toEqual(["kept", "lost"]);
  await until(() => sync.getState().outbox.length === 0);
  await until(async () => (await storage.load()).every((item) => item.sent?.epoch === "e2"));
});

test("CR7: a client that was closed during the restore offers its messages again when it is back", async () => {
  const storage = memoryStorage();
  const { server, sync } = await setUp("contact", storage);
  await goLive({ server, sync });
  sync.send(null, hello);
  await until(() => sync.getState().started !== null);
  const lane = server.lanes.get(sync.getState().started!)!;
  await until(async () => (await storage.load())[0]?.state === "sent");
  sync.stop();
  server.restore("e2", () => false);
  server.lanes.delete(lane.id);
  const next = connect(server, "contact", storage);
  await goLive({ server, sync: next.sync });
  await until(() => server.lanes.size === 1);
  expect(storedTexts([...server.lanes.values()][0]!)).toEqual(["hello"]);
  expect(next.sync.getState().started).toBe(null);
});

test("typing of the other side ends after 6 s", async () => {
  const { server, sync, clock } = await setUp();
  const lane = server.addLane();
  sync.open(lane.id);
  await goLive({ server, sync });
  await until(() => sync.getState().conversations[lane.id]?.synced === true);
  server.broadcast({ type: "ephemeral", kind: "typing", conversationId: lane.id, data: { by: agentAuthor, on: true } });
  await until(() => typingAuthors(sync.getState(), lane.id).length === 1);
  clock.advance(5_999);
  expect(typingAuthors(sync.getState(), lane.id)).toEqual([agentAuthor]);
  clock.advance(1);
  expect(typingAuthors(sync.getState(), lane.id)).toEqual([]);
});

test("a revoked session stops and says why", async () => {
  const { server, sync } = await setUp();
  await goLive({ server, sync });
  server.disconnect(4491);
  await until(() => sync.getState().connection.name === "stopped");
  expect(sync.getState().connection).toEqual({ name: "stopped", reason: "SESSION_REVOKED" });
});

test("pings in time, and a read mark made while away is told after the reconnect", async () => {
  const { server, sync, clock } = await setUp("business");
  const lane = server.addLane();
  server.happen(lane, { type: "message", by: "contact", kind: "text", text: "one" });
  sync.open(lane.id);
  await goLive({ server, sync });
  await until(() => textsOf(sync, lane).length === 1);
  clock.advance(12_500);
  await until(() => server.framesOf("ping").length === 1);
  server.disconnect();
  await until(() => sync.getState().connection.name === "offline");
  sync.markRead(lane.id);
  expect(server.framesOf("read")).toEqual([]);
  clock.advance(1_000);
  await until(() => server.framesOf("read").length === 1);
});

test("a message queued before the start is there once, and sent once", async () => {
  const { server, sync, clock } = await setUp();
  const lane = server.addLane();
  sync.send(lane.id, hello);
  await new Promise((resolve) => setTimeout(resolve, 0)); // by now it is in the storage
  sync.start();
  await until(() => sync.getState().connection.name === "connecting");
  await new Promise((resolve) => setTimeout(resolve, 0));
  expect(sync.getState().outbox).toHaveLength(1);
  sync.open(lane.id);
  await goLive({ server, sync });
  await until(() => storedTexts(lane).length === 1);
  await until(() => sync.getState().outbox.length === 0);
  clock.advance(60_000);
  expect(server.framesOf("send")).toHaveLength(1);
});

test("a screen that throws keeps neither other screens nor the state from going on", async () => {
  const { server, sync } = await setUp("business");
  const lane = server.addLane();
  sync.open(lane.id);
  await goLive({ server, sync });
  await until(() => sync.getState().conversations[lane.id]?.synced === true);
  const others = process.listeners("uncaughtException");
  process.removeAllListeners("uncaughtException");
  const reported: Error[] = [];
  process.on("uncaughtException", (error) => reported.push(error));
  try {
    const end = sync.subscribe(() => {
      throw new Error("broken screen");
    });
    let told = 0;
    sync.subscribe(() => told++);
    sync.send(lane.id, hello);
    await until(() => storedTexts(lane).length === 1 && sync.getState().outbox.length === 0);
    end();
    await until(() => reported.length > 0);
    expect(told).toBeGreaterThan(0);
    expect(reported[0]!.message).toBe("broken screen");
  } finally {
    process.removeAllListeners("uncaughtException");
    for (const listener of others) process.on("uncaughtException", listener);
  }
});

test("what is let go during the hello is let go after the welcome", async () => {
  const server = await startTestServer("business");
  running.push(server);
  const lane = server.addLane();
  let release = () => {};
  class WebSocket extends globalThis.WebSocket {
    override send(data: string): void {
      super.send(data);
      release();
    }
  }
  const { baseUrl } = server;
  const options = { api: createApi({ baseUrl }), baseUrl, side: "business", client: "test/1", WebSocket } as const;
  const sync = createSync({ ...options, storage: memoryStorage(), clock: manualClock() });
  running.push(sync);
  await sync.loadConversations();
  release = sync.open(lane.id);
  await goLive({ server, sync });
  expect(server.framesOf("hello")[0]!.subscriptions).toHaveLength(1);
  await until(() => server.framesOf("unsubscribe").length === 1);
});
