// Rules of the protocol that no script can show, because something outside of it has to break: the database, a process,
// the line, the time. What frames alone can show is in packages/contracts/conformance.
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect as connectTo, createServer as createNetServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { type ConversationId, realtimePath, subProtocol } from "@presszero/contracts";
import { createApi, createSync, memoryStorage, thread } from "@presszero/sdk";
import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { WebSocket } from "ws";
import type { Ctx } from "../kernel/context.ts";
import { createTestCtx, type TestCtx } from "../kernel/testing.ts";
import { sendMessage, startConversation } from "../modules/conversations/index.ts";
import { startGateway } from "../modules/gateway/index.ts";
import { openTestClient, type TestClient } from "../modules/gateway/test-client.ts";
import { createTicket } from "../modules/identity/index.ts";
import { createTestCompany, type TestCompany } from "../modules/testing.ts";
import { type RunningServer, startServer } from "./server.ts";
import { createTestProcess } from "./testing-process.ts";

type Line = { url: string; isDown: boolean; cut(): void; close(): void };

/** The line between the server and its database, which a test can cut. */
async function startLine(target: URL): Promise<Line> {
  const sockets = new Set<Socket>();
  const proxy = createNetServer((near) => {
    if (self.isDown) return void near.resetAndDestroy();
    const far = connectTo(Number(target.port), target.hostname);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on("error", () => to.destroy()).on("close", () => sockets.delete(from) && to.destroy());
      from.pipe(to);
    }
  }).listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const url = Object.assign(new URL(target), { port: (proxy.address() as AddressInfo).port }).href;
  const cut = () => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  const self: Line = { url, isDown: false, cut, close: () => void proxy.close() };
  return self;
}

let system: TestCtx;
let company: TestCompany;
let server: RunningServer;
/** Sessions of ours beside those of the server: one to look, one to hold what the server needs. */
let database: pg.Client;
let holder: pg.Client;
let line: Line;

beforeAll(async () => {
  system = await createTestCtx();
  company = await createTestCompany(system);
  line = await startLine(new URL(system.url));
  server = await startServer({ ...system.settings, databaseUrl: line.url }, system.log);
  [database, holder] = [new pg.Client(system.url), new pg.Client(system.url)];
  await database.connect();
  await holder.connect();
});
afterAll(async () => {
  await server.stop();
  line.close();
  await database.end();
  await holder.end();
  await system.close();
});
afterEach(() => void vi.useRealTimers());

async function connect(ctx: Ctx, port = server.address!.port): Promise<TestClient> {
  const deviceId = randomUUID();
  const client = await openTestClient(port);
  const { ticket } = await createTicket(ctx, { deviceId });
  client.send({ type: "hello", version: 1, ticket, deviceId, client: "test/1", epoch: null, subscriptions: [] });
  await client.next("welcome");
  return client;
}

const text = (value: string) => ({ kind: "text" as const, text: value });
const input = (value: string) => ({ deviceId: randomUUID(), clientId: randomUUID(), message: text(value) });
const start = async () => (await startConversation(company.customer, input("Hello"))).conversationId;
const frame = (id: number, conversationId: ConversationId, clientId: string = randomUUID()) =>
  ({ type: "send", id, conversationId, clientId, message: text(`line ${id}`) }) as const;

async function storedTexts(id: ConversationId): Promise<string[]> {
  const { rows } = await database.query<{ text: string }>(
    "select text from message where conversation_id = $1 order by seq",
    [id],
  );
  return rows.map((row) => row.text);
}

/** Waits until the writer of messages stands before a lock. */
async function untilWriterWaits(): Promise<void> {
  const waiting = `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
    and application_name = 'presszero_writer'`;
  while ((await database.query(waiting)).rowCount === 0) await sleep(20);
}

describe("when the line to the database breaks", () => {
  it("[SR5] during the commit: the outcome is unknown, and the same client id finds the message", async () => {
    const id = await start();
    const client = await connect(company.customer);
    await holder.query("begin; lock table message in share mode");
    const clientId = randomUUID();
    client.send(frame(1, id, clientId));
    await untilWriterWaits();
    line.cut();
    const unknown = await client.next("error", (error) => error.id === 1);
    expect(unknown).toMatchObject({ code: "UNKNOWN_RETRY", retry: true });
    client.send(frame(2, id));
    expect(await client.next("error", (error) => error.id === 2)).toMatchObject({ code: "ORDER_BROKEN" });
    await holder.query("rollback");
    // The database has gone on with what nobody hears the end of.
    await expect.poll(() => storedTexts(id)).toEqual(["Hello", "line 1"]);
    client.send({ ...frame(1, id, clientId), id: 3 });
    expect(await client.next("ok", (ok) => ok.id === 3)).toMatchObject({ clientId, seq: 3, duplicate: true });
    client.close();
  });

  it("[PR10, PR1] nothing is confirmed while it is away; afterwards the same client id is stored", async () => {
    const id = await start();
    const client = await connect(company.customer);
    await sleep(500); // the sign-in of a new connection is checked once more: that it cannot be would end it
    line.isDown = true;
    line.cut();
    const clientId = randomUUID();
    client.send(frame(1, id, clientId));
    expect(await client.next("error", (error) => error.id === 1)).toMatchObject({ retry: true });
    client.send({ type: "ping", n: 1 });
    await client.next("pong");
    expect(client.frames.filter((one) => one.type === "ok")).toEqual([]);
    line.isDown = false;
    client.send({ ...frame(1, id, clientId), id: 2 });
    expect(await client.next("ok", (ok) => ok.id === 2)).toMatchObject({ clientId, seq: 3, duplicate: false });
    client.close();
  });
});

it("[PR10, SR7] what another process stores without telling anybody arrives all the same", async () => {
  const id = await start();
  const client = await connect(company.agent);
  client.send({ type: "subscribe", id: 1, conversationId: id, after: 2 });
  await client.next("synced");
  // The services called here share the server's database and nothing else: no hint goes out.
  for (const value of ["one", "two"]) await sendMessage(company.customer, id, input(value));
  await client.next("event", (event) => event.seq === 4);
  expect(client.frames.flatMap((one) => (one.type === "event" ? [one.seq] : []))).toEqual([3, 4]);
  client.close();
});

it("[BP7] with 32 frames in hand a connection is not read, and others are", async () => {
  const id = await start();
  const [busy, other] = [await connect(company.customer), await connect(company.agent)];
  await holder.query("begin");
  await holder.query("select 1 from conversation where id = $1 for update", [id]);
  for (let n = 1; n <= 40; n++) busy.send(frame(n, id));
  await untilWriterWaits();
  busy.send({ type: "ping", n: 41 });
  other.send({ type: "ping", n: 1 });
  await other.next("pong");
  expect(busy.frames.filter((one) => one.type !== "welcome")).toEqual([]);
  await holder.query("commit");
  await busy.next("ok", (ok) => ok.id === 40);
  await busy.next("pong");
  const order = busy.frames.map((one) => one.type);
  expect(order.indexOf("ok")).toBeLessThan(order.indexOf("pong"));
  expect((await storedTexts(id)).slice(1)).toEqual(Array.from({ length: 40 }, (_, index) => `line ${index + 1}`));
  for (const client of [busy, other]) client.close();
});

it("[KA1] pings every 25 seconds, and ends a socket from which nothing came for 60", async () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
  const gateway = await startGateway(system, () => "");
  const http = createServer().on("upgrade", gateway.handleUpgrade).listen(0, "127.0.0.1");
  await once(http, "listening");
  const { port } = http.address() as AddressInfo;
  const alive = await connect(company.agent, port);
  const dead = new WebSocket(`ws://127.0.0.1:${port}${realtimePath}`, subProtocol, { autoPong: false });
  await once(dead, "open");
  const deviceId = randomUUID();
  const { ticket } = await createTicket(company.agent, { deviceId });
  const hello = { type: "hello", version: 1, ticket, deviceId, client: "test/1", epoch: null, subscriptions: [] };
  dead.send(JSON.stringify(hello));
  await once(dead, "message");
  const [pinged, ended] = [once(dead, "ping"), once(dead, "close")];
  vi.advanceTimersByTime(25_000);
  await pinged;
  alive.send({ type: "ping", n: 1 });
  await alive.next("pong");
  vi.advanceTimersByTime(50_000);
  expect((await ended)[0]).toBe(1006);
  alive.send({ type: "ping", n: 2 });
  await alive.next("pong");
  alive.close();
  await gateway.drain(0);
  http.close();
});

it("[KA7, PR8] a restart under load: told beforehand, nothing lost, nothing failed, all in order", async () => {
  const node = await createTestProcess(system);
  const { baseUrl } = node;
  const first = await node.start();
  const storage = memoryStorage();
  const guest = await createApi({ baseUrl })("POST /v1/widgets/:widgetKey/guests", {
    params: { widgetKey: company.widgetKey },
    body: { deviceId: storage.deviceId, consent: { version: "v1", locale: "en" } },
  });
  const api = createApi({ baseUrl, token: guest.token });
  const sync = createSync({ api, baseUrl, side: "contact", client: "test/1", storage });
  sync.start();
  sync.send(null, text("line 0"));
  await expect.poll(() => sync.getState().started).not.toBeNull();
  const id = sync.getState().started!;
  sync.open(id);
  const witness = await connect(company.agent, Number(new URL(baseUrl).port));

  let lines = 0;
  const writing = setInterval(() => void sync.send(id, text(`line ${++lines}`)), 20);
  await expect.poll(() => lines).toBeGreaterThan(10);
  first.kill("SIGTERM");
  expect((await witness.next("drain")).spreadMs).toBeGreaterThan(0);
  expect((await fetch(`${baseUrl}/readyz`)).status).toBe(503);
  expect(await witness.closed).toBe(1012);
  if (first.exitCode === null) await once(first, "exit");
  expect(first.exitCode).toBe(0);
  const second = await node.start();
  await expect.poll(() => sync.getState().connection.name, { timeout: 20_000 }).toBe("live");
  clearInterval(writing);

  const expected = Array.from({ length: lines + 1 }, (_, index) => `line ${index}`);
  const shown = () =>
    thread(sync.getState(), id).flatMap((row) => {
      if (row.type === "pending") return [row.status];
      return row.type === "message" ? [row.message.text] : [];
    });
  await expect.poll(shown, { timeout: 20_000 }).toEqual(expected);
  expect(await storedTexts(id)).toEqual(expected);
  sync.stop();
  second.kill("SIGTERM");
  await once(second, "exit");
  node.close();
});
