// The rules of the protocol that a client keeps, seen from outside: what it sends, and what it shows.
import { afterEach, describe, expect, test } from "vitest";
import { manualClock } from "../test/clock.ts";
import { agentAuthor, type Lane } from "../test/lane.ts";
import { startTestServer, type TestServer, until } from "../test/server.ts";
import { createApi, createSync, type DeviceStorage, memoryStorage, type Side, type Sync, thread } from "./index.ts";

const running: { stop: () => unknown }[] = [];
afterEach(async () => {
  for (const part of running.splice(0).toReversed()) await part.stop();
});

type Options = { side?: Side; storage?: DeviceStorage; random?: number };

async function setUp(options: Options = {}) {
  const server = await startTestServer(options.side ?? "contact");
  running.push(server);
  return { server, ...connect(server, options) };
}

function connect(server: TestServer, { side = "contact", storage = memoryStorage(), random }: Options) {
  const clock = manualClock(random);
  const line = { isCut: false };
  /** A line on which, once it is cut, nothing goes out any more. */
  class WebSocket extends globalThis.WebSocket {
    override send(data: string): void {
      if (!line.isCut) super.send(data);
    }
  }
  const { baseUrl } = server;
  const sync = createSync({ api: createApi({ baseUrl }), baseUrl, side, client: "test/1", storage, clock, WebSocket });
  running.push(sync);
  return { sync, clock, storage, line };
}

const name = (sync: Sync) => sync.getState().connection.name;
const says = (text: string) => ({ type: "message", by: "agent", kind: "text", text }) as const;
const mine = (text: string) => ({ kind: "text", text }) as const;

/** The thread as a person sees it; what is not confirmed is in brackets. */
const shown = (sync: Sync, lane: Lane) =>
  thread(sync.getState(), lane.id).flatMap((row) => {
    if (row.type === "message") return [row.message.text];
    return row.type === "pending" ? [`(${row.status}) ${row.item.message.text}`] : [];
  });
const stored = (lane: Lane) =>
  lane.events.flatMap((event) => (event.kind === "message.created" ? [event.data.text] : []));

async function openConversation(options: Options = {}) {
  const parts = await setUp(options);
  const lane = parts.server.addLane();
  parts.sync.open(lane.id);
  parts.sync.start();
  await until(() => parts.sync.getState().conversations[lane.id]?.synced === true);
  return { ...parts, lane };
}

/** A moment of real time, in which what is under way can arrive. */
const tick = () => new Promise((resolve) => setTimeout(resolve, 20));

/** Whatever was sent before a ping has arrived with it. */
async function settle(server: TestServer, sync: Sync): Promise<void> {
  const before = server.framesOf("ping").length;
  await tick();
  sync.wake();
  await until(() => server.framesOf("ping").length > before);
}

describe("the outbox", () => {
  test("[CR1] a message is in the storage before it is on the network, and waits no longer when it is confirmed", async () => {
    const memory = memoryStorage();
    let write: (() => void) | null = null;
    const storage: DeviceStorage = {
      ...memory,
      put: async (item) => {
        // The first write takes until the test lets it through.
        if (write === null) await new Promise<void>((resolve) => (write = resolve));
        await memory.put(item);
      },
    };
    const { server, sync, lane } = await openConversation({ storage });
    sync.send(lane.id, mine("keep me"));
    expect(shown(sync, lane)).toEqual(["(sending) keep me"]);
    await settle(server, sync);
    expect(server.framesOf("send")).toEqual([]);
    write!();
    await until(() => shown(sync, lane)[0] === "keep me");
    await until(() => sync.getState().outbox.length === 0);
    const waiting = async () => (await storage.load()).filter((item) => item.state !== "sent");
    await expect.poll(waiting).toEqual([]);
  });

  test("[PR5, CR1] a message survives the end of the app and is sent by the next run under its client id", async () => {
    const storage = memoryStorage();
    const { server, sync } = await setUp({ storage });
    server.ticketStatus = 503;
    sync.start();
    const clientId = sync.send(null, mine("later"));
    expect(sync.warnOnUnload()).toBe(true);
    await until(() => name(sync) === "offline");
    sync.stop();
    server.ticketStatus = 200;
    const next = connect(server, { storage });
    next.sync.start();
    await until(() => next.sync.getState().started !== null);
    expect(server.framesOf("send")).toMatchObject([{ clientId, message: { text: "later" } }]);
  });

  test("[PR2, CR2] no answer in 10 seconds, then a lost line: sent again under the same client id, there once", async () => {
    const { server, sync, clock, lane } = await openConversation();
    server.onSend = "store_silently";
    server.isPushing = false;
    const clientId = sync.send(lane.id, mine("once"));
    await until(() => server.framesOf("send").length === 1);
    clock.advance(9_999);
    await settle(server, sync);
    expect(server.framesOf("send")).toHaveLength(1);
    clock.advance(1);
    await until(() => server.framesOf("send").length === 2);
    server.onSend = "ok";
    server.isPushing = true;
    server.disconnect();
    await until(() => name(sync) === "offline");
    clock.advance(1_000);
    await until(() => shown(sync, lane)[0] === "once");
    expect(new Set(server.framesOf("send").map((frame) => frame.clientId))).toEqual(new Set([clientId]));
    expect(shown(sync, lane)).toEqual(["once"]);
    expect(stored(lane)).toEqual(["once"]);
  });

  test("[CR2] one message of a conversation is in flight; an error that may pass keeps the order", async () => {
    const { server, sync, clock, lane } = await openConversation();
    server.onSend = { code: "RATE_LIMITED", retry: true, retryAfterMs: 2_000 };
    for (const text of ["one", "two", "three"]) sync.send(lane.id, mine(text));
    await until(() => server.framesOf("send").length === 1);
    await settle(server, sync);
    server.onSend = "ok";
    clock.advance(1_999);
    await settle(server, sync);
    expect(server.framesOf("send").map((frame) => frame.message.text)).toEqual(["one"]);
    clock.advance(1);
    await until(() => stored(lane).length === 3);
    expect(stored(lane)).toEqual(["one", "two", "three"]);
  });

  test("[CR2, PR5] an error for good, and a day in vain, are shown with the text; both can be tried again", async () => {
    const { server, sync, clock, lane } = await openConversation();
    server.onSend = { code: "VALIDATION", retry: false };
    const refused = sync.send(lane.id, mine("refused"));
    await until(() => shown(sync, lane)[0] === "(not_sent) refused");
    expect(sync.getState().outbox).toMatchObject([{ clientId: refused, reason: "VALIDATION" }]);
    server.ticketStatus = 503;
    server.disconnect();
    await until(() => name(sync) === "offline");
    sync.send(lane.id, mine("too late"));
    await tick();
    clock.advance(24 * 3_600_000 + 1_000);
    expect(sync.getState().outbox).toMatchObject([{ reason: "VALIDATION" }, { reason: "EXPIRED", state: "not_sent" }]);
    server.onSend = "ok";
    server.ticketStatus = 200;
    sync.discard(sync.getState().outbox[1]!.clientId);
    sync.retry(refused);
    await until(() => name(sync) !== "connecting");
    clock.advance(120_000);
    await until(() => shown(sync, lane)[0] === "refused");
    expect(server.framesOf("send").map((frame) => frame.clientId)).toEqual([refused, refused]);
  });

  test("[CR4] what is not confirmed stands behind everything that is, and then takes its place", async () => {
    const { server, sync, clock, lane } = await openConversation();
    server.onSend = "ignore";
    sync.send(lane.id, mine("pending"));
    await until(() => server.framesOf("send").length === 1);
    server.happen(lane, says("came meanwhile"));
    await until(() => shown(sync, lane).length === 2);
    expect(shown(sync, lane)).toEqual(["came meanwhile", "(sending) pending"]);
    server.onSend = "ok";
    clock.advance(10_000);
    await until(() => shown(sync, lane)[1] === "pending");
    expect(shown(sync, lane)).toEqual(["came meanwhile", "pending"]);
  });
});

describe("events", () => {
  test("[CR3] are applied in order, ignored when known, fetched after 250 ms when missing", async () => {
    const { server, sync, clock, lane } = await openConversation();
    server.happen(lane, says("one"));
    await until(() => shown(sync, lane).length === 1);
    server.broadcast({ type: "event", ...lane.events.at(-1)! });
    server.isPushing = false;
    for (const text of ["two", "three"]) server.happen(lane, says(text));
    server.isPushing = true;
    server.happen(lane, says("four"));
    await settle(server, sync);
    expect(shown(sync, lane)).toEqual(["one"]);
    clock.advance(249);
    await settle(server, sync);
    expect(server.framesOf("fetch")).toEqual([]);
    clock.advance(1);
    await until(() => shown(sync, lane).length === 4);
    expect(shown(sync, lane)).toEqual(["one", "two", "three", "four"]);
    expect(server.framesOf("fetch")).toHaveLength(1);
  });

  test("[CR5] are acknowledged within a second or at 50, and never ahead of what is held", async () => {
    const { server, sync, clock, lane } = await openConversation();
    clock.advance(1_000);
    await until(() => server.framesOf("ack").length === 1);
    for (let n = 1; n <= 49; n++) server.happen(lane, says(`${n}`));
    await until(() => shown(sync, lane).length === 49);
    await settle(server, sync);
    expect(server.framesOf("ack").map((frame) => frame.seq)).toEqual([1]);
    server.happen(lane, says("50"));
    await until(() => server.framesOf("ack").length === 2);
    server.isPushing = false;
    server.happen(lane, says("missing"));
    server.isPushing = true;
    server.happen(lane, says("ahead"));
    await settle(server, sync);
    clock.advance(249);
    await settle(server, sync);
    expect(server.framesOf("ack").map((frame) => frame.seq)).toEqual([1, 51]);
    clock.advance(1);
    await until(() => shown(sync, lane).length === 52);
    clock.advance(1_000);
    await until(() => server.framesOf("ack").at(-1)?.seq === 53);
  });

  test("[PR4] a client that was away ends with the history of the server", async () => {
    const { server, sync, clock, lane } = await openConversation();
    server.happen(lane, says("before"));
    await until(() => shown(sync, lane).length === 1);
    server.disconnect();
    await until(() => name(sync) === "offline");
    for (const text of ["while", "away"]) server.happen(lane, says(text));
    clock.advance(1_000);
    await until(() => shown(sync, lane).length === 3);
    expect(shown(sync, lane)).toEqual(stored(lane));
    expect(server.framesOf("hello").at(-1)!.subscriptions).toEqual([{ conversationId: lane.id, after: 2 }]);
  });

  test("[CR7] another epoch: everything that was read is dropped and loaded again", async () => {
    const { server, sync, clock, lane } = await openConversation();
    for (const text of ["kept", "lost in the restore"]) server.happen(lane, says(text));
    await until(() => shown(sync, lane).length === 2);
    lane.events.pop();
    server.epoch = "e2";
    server.disconnect();
    await until(() => name(sync) === "offline");
    clock.advance(1_000);
    await until(() => name(sync) === "live" && shown(sync, lane).length === 1);
    expect(shown(sync, lane)).toEqual(["kept"]);
    expect(server.framesOf("hello").at(-1)).toMatchObject({ epoch: "e2", feed: null });
  });

  test("[RS4] typing ends by itself after 6 seconds, and is told at most every 3", async () => {
    const { server, sync, clock, lane } = await openConversation();
    const typing = () => Object.keys(sync.getState().conversations[lane.id]!.typing);
    server.broadcast({
      type: "ephemeral",
      kind: "typing",
      conversationId: lane.id,
      data: { by: agentAuthor, on: true },
    });
    await until(() => typing().length === 1);
    clock.advance(5_999);
    expect(typing()).toEqual([agentAuthor.id]);
    clock.advance(1);
    expect(typing()).toEqual([]);
    for (let key = 0; key < 5; key++) sync.typing(lane.id, true);
    clock.advance(2_999);
    sync.typing(lane.id, true);
    await settle(server, sync);
    expect(server.framesOf("typing")).toHaveLength(1);
    clock.advance(1);
    sync.typing(lane.id, true);
    await until(() => server.framesOf("typing").length === 2);
  });
});

describe("the connection", () => {
  const helloes = (server: TestServer) => server.framesOf("hello").length;

  test("[KA3] first ping after a random part of the heartbeat, then one in each; a silent minute ends it", async () => {
    const { server, sync, clock, line } = await openConversation({ random: 0.2 });
    const pings = () => server.framesOf("ping").length;
    clock.advance(4_999);
    await tick();
    expect(pings()).toBe(0);
    clock.advance(1);
    await until(() => pings() === 1);
    clock.advance(25_000);
    await until(() => pings() === 2);
    await tick(); // the pong has come
    line.isCut = true;
    clock.advance(59_999);
    expect(name(sync)).toBe("live");
    clock.advance(1);
    expect(name(sync)).toBe("offline");
    line.isCut = false;
    const before = helloes(server);
    clock.advance(1_000);
    await until(() => helloes(server) > before && name(sync) === "live");
  });

  test("[KA4] waits a random part of a span that doubles up to its cap, and begins anew after a stable minute", async () => {
    const { server, sync, clock } = await setUp({ side: "business", random: 0.5 });
    server.ticketStatus = 503;
    sync.start();
    const waits: number[] = [];
    for (let round = 0; round < 8; round++) {
      await until(() => name(sync) === "offline");
      const { connection } = sync.getState();
      const wait = connection.name === "offline" ? connection.retryAt! - clock.now() : 0;
      waits.push(wait);
      if (round === 7) server.ticketStatus = 200;
      clock.advance(wait);
    }
    expect(waits).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    await until(() => name(sync) === "live");
    for (let part = 0; part < 3; part++) {
      clock.advance(20_000);
      await tick();
    }
    server.disconnect();
    await until(() => name(sync) === "offline");
    expect(sync.getState().connection).toEqual({ name: "offline", retryAt: clock.now() + 500 });
  });

  test("[KA4] after a drain it comes back within the span that the server named", async () => {
    const { server, sync, clock } = await openConversation({ random: 0.25 });
    server.broadcast({ type: "drain", spreadMs: 20_000 });
    await settle(server, sync);
    server.disconnect(1012);
    await until(() => name(sync) === "offline");
    expect(sync.getState().connection).toEqual({ name: "offline", retryAt: clock.now() + 5_000 });
    // The network is back: one early try, within half a second, and not again for ten.
    sync.wake();
    expect(sync.getState().connection).toEqual({ name: "offline", retryAt: clock.now() + 125 });
    server.ticketStatus = 503;
    clock.advance(125);
    await until(() => name(sync) === "offline");
    const before = sync.getState().connection;
    sync.wake();
    expect(sync.getState().connection).toEqual(before);
  });

  test.each([
    [4491, "SESSION_REVOKED"],
    [4403, "FORBIDDEN"],
    [4426, "CLIENT_TOO_OLD"],
    [4400, "BAD_FRAME"],
  ] as const)("[KA5] after %i it stays away and says why", async (code, reason) => {
    const { server, sync, clock } = await openConversation();
    const before = helloes(server);
    server.disconnect(code);
    await until(() => name(sync) === "stopped");
    expect(sync.getState().connection).toEqual({ name: "stopped", reason });
    clock.advance(600_000);
    await tick();
    expect(helloes(server)).toBe(before);
  });

  test("[KA5] after 4401 it gets one new ticket, and then gives up", async () => {
    const { server, sync } = await openConversation();
    server.disconnect(4401);
    await until(() => helloes(server) === 2 && name(sync) === "live");
    server.disconnect(4401);
    await until(() => name(sync) === "stopped");
    expect(sync.getState().connection).toEqual({ name: "stopped", reason: "UNAUTHENTICATED" });
  });

  test("[PR10] while no connection comes up it says so, keeps what is written, and sends it afterwards", async () => {
    const { server, sync, clock, lane } = await openConversation();
    server.ticketStatus = 503;
    server.disconnect();
    await until(() => name(sync) === "offline");
    for (const text of ["one", "two"]) sync.send(lane.id, mine(text));
    clock.advance(30_000);
    expect(shown(sync, lane)).toEqual(["(sending) one", "(sending) two"]);
    expect(name(sync)).not.toBe("live");
    server.ticketStatus = 200;
    await until(() => {
      clock.advance(1_000);
      return name(sync) === "live";
    });
    await until(() => stored(lane).length === 2);
    expect(stored(lane)).toEqual(["one", "two"]);
  });
});
