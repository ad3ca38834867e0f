import { afterEach, describe, expect, test } from "vitest";
import { manualClock } from "../test/clock.ts";
import { agentAuthor, type Lane } from "../test/lane.ts";
import { startTestServer, type TestServer, until } from "../test/server.ts";
import { createApi } from "./http.ts";
import { thread, typingAuthors } from "./selectors.ts";
import { memoryStorage } from "./storage.ts";
import { createSync, type Sync } from "./sync.ts";
import type { Side } from "./types.ts";

const running: { stop: () => unknown }[] = [];
afterEach(async () => {
  for (const part of running.splice(0).toReversed()) await part.stop();
});

/** A client on a network that lets no socket through. */
async function setUp(side: Side = "contact") {
  const server = await startTestServer(side);
  running.push(server);
  server.onSocket = "refuse";
  const clock = manualClock();
  const storage = memoryStorage();
  const { baseUrl } = server;
  const api = createApi({ baseUrl });
  const sync = createSync({ api, baseUrl, side, client: "test/1", storage, clock });
  running.push(sync);
  return { server, sync, clock, storage };
}

const isLive = (sync: Sync) => sync.getState().connection.name === "live";
const isOffline = (sync: Sync) => sync.getState().connection.name === "offline";
const textsOf = (sync: Sync, lane: Lane) =>
  thread(sync.getState(), lane.id).flatMap((row) => {
    if (row.type === "message") return [row.message.text];
    return row.type === "pending" ? [`(${row.status}) ${row.item.message.text}`] : [];
  });
const storedTexts = (lane: Lane) =>
  lane.events.flatMap((event) => (event.kind === "message.created" ? [event.data.text] : []));
const text = (words: string) => ({ kind: "text", text: words }) as const;
const tickets = (server: TestServer) => server.requests.filter((request) => request.endsWith("/tickets")).length;

type Parts = Awaited<ReturnType<typeof setUp>>;

/** Two sockets in vain, and then polls. */
async function goLive({ server, sync, clock }: Parts): Promise<void> {
  sync.start();
  for (let tries = 1; tries <= 2; tries++) {
    await until(() => tickets(server) === tries && isOffline(sync));
    clock.advance(2_000);
  }
  // The clock stands still otherwise: what a poll waits for between two answers passes quickly.
  const ticking = setInterval(() => clock.advance(100), 5);
  running.push({ stop: () => clearInterval(ticking) });
  await until(() => isLive(sync));
}

describe("CR8: where no WebSocket gets through", () => {
  test.each(["refuse", "cut"] as const)("sockets that the network does %s: polls after two of them", async (how) => {
    const parts = await setUp();
    parts.server.onSocket = how;
    await goLive(parts);
    expect(parts.server.polls[0]!.get("deviceId")).toBe(parts.storage.deviceId);
    expect(parts.server.framesOf("hello")).toEqual([]);
  });

  test("the same as over a socket: opens, receives live, sends, acknowledges, reads, fetches, lets go", async () => {
    const parts = await setUp("business");
    const { server, sync } = parts;
    const lane = server.addLane();
    server.happen(lane, { type: "message", by: "contact", kind: "text", text: "first" });
    sync.open(lane.id);
    await goLive(parts);
    await until(() => textsOf(sync, lane).join() === "first");
    server.happen(lane, { type: "message", by: "contact", kind: "text", text: "live" });
    await until(() => textsOf(sync, lane).join() === "first,live");
    const clientId = sync.send(lane.id, text("answer"));
    await until(() => textsOf(sync, lane).join() === "first,live,answer");
    expect(server.framesOf("send")).toMatchObject([{ clientId, conversationId: lane.id }]);
    await until(() => sync.getState().outbox.length === 0);
    sync.markRead(lane.id);
    await until(() => server.framesOf("read").at(-1)?.seq === 4 && server.framesOf("ack").at(-1)?.seq === 4);
    server.broadcast({
      type: "ephemeral",
      kind: "typing",
      conversationId: lane.id,
      data: { by: agentAuthor, on: true },
    });
    await until(() => typingAuthors(sync.getState(), lane.id).length === 1);
    server.isPushing = false;
    server.happen(lane, { type: "message", by: "contact", kind: "text", text: "missed" });
    server.isPushing = true;
    server.happen(lane, { type: "message", by: "contact", kind: "text", text: "seen" });
    await until(() => textsOf(sync, lane).length === 5);
    expect(textsOf(sync, lane)).toEqual(storedTexts(lane));
    expect(sync.getState().conversations[lane.id]!.summary).toEqual(
      lane.summary(sync.getState().conversations[lane.id]!.summary.marks),
    );
  });

  test("a conversation that is opened or let go is asked for, or not, at once", async () => {
    const parts = await setUp();
    const { server, sync } = parts;
    const [one, two] = [server.addLane(), server.addLane()];
    await goLive(parts);
    const release = sync.open(one.id);
    sync.open(two.id);
    await until(() => [one, two].every((lane) => sync.getState().conversations[lane.id]?.synced));
    release();
    server.happen(two, { type: "message", by: "agent", kind: "text", text: "news" });
    await until(() => textsOf(sync, two).length === 1);
    await until(() => server.polls.at(-1)!.get("conversations")?.startsWith(`${two.id}:2:`) === true);
    expect(server.polls.at(-1)!.get("conversations")).not.toContain(one.id);
  });

  test("a customer starts a conversation, and the device is the scope of the client id", async () => {
    const parts = await setUp();
    const { server, sync } = parts;
    await goLive(parts);
    server.onSend = "store_silently";
    const clientId = sync.send(null, text("hello"));
    await until(() => server.framesOf("send").length === 1);
    // No answer: after 10 s it goes out again, this time over a socket.
    server.onSend = "ok";
    server.onSocket = "admit";
    await until(() => sync.getState().started !== null);
    expect(new Set(server.framesOf("send").map((frame) => frame.clientId))).toEqual(new Set([clientId]));
    expect(server.lanes.size).toBe(1);
  });

  test("refusals: for now, and for good", async () => {
    const parts = await setUp();
    const { server, sync } = parts;
    const lane = server.addLane();
    sync.open(lane.id);
    await goLive(parts);
    server.onSend = { code: "RATE_LIMITED", retry: true, retryAfterMs: 1_500 };
    sync.send(lane.id, text("patient"));
    await until(() => server.framesOf("send").length === 1);
    server.onSend = "ok";
    await until(() => textsOf(sync, lane).join() === "patient");
    server.onSend = { code: "VALIDATION", retry: false };
    sync.send(lane.id, text("wrong"));
    await until(() => textsOf(sync, lane).at(-1) === "(not_sent) wrong");
    expect(storedTexts(lane)).toEqual(["patient"]);
  });

  test("a conversation that is not ours is gone", async () => {
    const parts = await setUp();
    const { server, sync } = parts;
    const lane = server.addLane();
    sync.open(lane.id);
    await goLive(parts);
    await until(() => sync.getState().conversations[lane.id]?.synced === true);
    server.lanes.delete(lane.id);
    server.broadcast({ type: "gone", conversationId: lane.id, why: "access" });
    await until(() => sync.getState().gone[lane.id] !== undefined);
    expect(sync.getState().gone).toEqual({ [lane.id]: "access" });
  });

  test("PR4, CR7: over restarts and another epoch it ends with the server's history", async () => {
    const parts = await setUp();
    const { server, sync } = parts;
    const lane = server.addLane();
    sync.open(lane.id);
    await goLive(parts);
    for (const words of ["kept", "lost"]) {
      sync.send(lane.id, text(words));
      await until(() => textsOf(sync, lane).at(-1) === words);
    }
    server.disconnect();
    server.happen(lane, { type: "message", by: "agent", kind: "text", text: "meanwhile" });
    await until(() => textsOf(sync, lane).at(-1) === "meanwhile");
    server.restore("e2", (_, seq) => seq < 3);
    await until(() => sync.getState().epoch === "e2" && textsOf(sync, lane).join() === "kept,lost");
    expect(storedTexts(lane)).toEqual(["kept", "lost"]);
  });

  test("the end of the sign-in stops it", async () => {
    const parts = await setUp();
    const { server, sync } = parts;
    await goLive(parts);
    server.pollStatus = server.ticketStatus = 401;
    server.disconnect();
    await until(() => sync.getState().connection.name === "stopped");
    expect(sync.getState().connection).toEqual({ name: "stopped", reason: "UNAUTHENTICATED" });
  });

  test("comes back with a socket once one gets through", async () => {
    const parts = await setUp();
    const { server, sync, clock } = parts;
    const lane = server.addLane();
    sync.open(lane.id);
    await goLive(parts);
    await until(() => sync.getState().conversations[lane.id]?.synced === true);
    server.onSocket = "admit";
    for (let passed = 0; passed < 5 * 60_000; passed += 20_000) {
      clock.advance(20_000);
      await new Promise((resolve) => setTimeout(resolve, 20)); // A poll keeps the connection alive.
    }
    await until(() => server.framesOf("hello").length === 1 && isLive(sync));
    const { length } = server.polls;
    server.happen(lane, { type: "message", by: "agent", kind: "text", text: "over the socket" });
    await until(() => textsOf(sync, lane).join() === "over the socket");
    expect(server.polls).toHaveLength(length);
  });
});
