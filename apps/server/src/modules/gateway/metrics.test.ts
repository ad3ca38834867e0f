// Each figure of the wire moves when what it counts happens.
import { randomUUID } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { ClientFrame, ConversationId } from "@presszero/contracts";
import pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createBus } from "../../kernel/bus.ts";
import type { Ctx } from "../../kernel/context.ts";
import { createTestCtx, type TestCtx } from "../../kernel/testing.ts";
import { readMetric } from "../../kernel/testing-metrics.ts";
import { sendMessage, startConversation } from "../conversations/index.ts";
import { createTicket } from "../identity/index.ts";
import { createTestCompany, type TestCompany } from "../testing.ts";
import { type Gateway, startGateway } from "./index.ts";
import { openTestClient, type TestClient } from "./test-client.ts";

let system: TestCtx;
let company: TestCompany;
let gateway: Gateway;
let server: Server;
let port: number;

beforeAll(async () => {
  system = await createTestCtx({
    limits: {
      frames: { perSecond: 1, burst: 210 },
      agentSends: { perSecond: 1, burst: 2 },
      customerSends: { perSecond: 1, burst: 2 },
      companySends: { perSecond: 1000, burst: 1000 },
      addressSends: { perSecond: 1, burst: 3 },
      hellos: null,
      hellosInFlight: 4,
      connectionsOfUser: 2,
      connectionsOfDevice: 1,
      connectionsFromAddress: 3,
      overload: { memoryBytes: Infinity, lagMs: Infinity, poolWaitMs: Infinity },
    },
  });
  company = await createTestCompany(system);
  gateway = await startGateway(system, () => "192.0.2.1");
  server = createServer();
  server.on("upgrade", gateway.handleUpgrade);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  ({ port } = server.address() as AddressInfo);
});
afterAll(async () => {
  await gateway.drain(0);
  server.close();
  await system.close();
});

type Hello = Extract<ClientFrame, { type: "hello" }>;

async function connect(ctx: Ctx, hello: Partial<Hello> = {}, deviceId: string = randomUUID()): Promise<TestClient> {
  const client = await openTestClient(port);
  const { ticket } = await createTicket(ctx, { deviceId });
  client.send({
    type: "hello",
    version: 1,
    ticket,
    deviceId,
    client: "test/1",
    epoch: null,
    subscriptions: [],
    ...hello,
  });
  return client;
}

async function leave(client: TestClient): Promise<void> {
  client.close();
  await client.closed;
}

const message = { kind: "text" as const, text: "Hello" };
const input = () => ({ deviceId: randomUUID(), clientId: randomUUID(), message });
const start = async (ctx = company.customer) => (await startConversation(ctx, input())).conversationId;
/** A message of another process, of which our bus hears nothing. */
const postElsewhere = (id: ConversationId) => sendMessage({ ...company.agent, bus: createBus(() => {}) }, id, input());
const subscribe = async (client: TestClient, conversationId: ConversationId, after = 0) => {
  client.send({ type: "subscribe", id: 1, conversationId, after });
  await client.next("synced");
};

/** Reads the figures now, and answers by how much each has grown when it is called again. */
async function watch<const Name extends string>(...names: Name[]) {
  const read = async () =>
    Object.fromEntries(
      await Promise.all(names.map(async (name) => [name, await readMetric(system.metrics, name)] as const)),
    ) as Record<Name, number>;
  const before = await read();
  return async (): Promise<Record<string, number>> => {
    const now = await read();
    return Object.fromEntries(names.map((name) => [name, now[name] - before[name]]));
  };
}

it("connections, hellos, and closes by a code that we know", async () => {
  const known = 'presszero_ws_close_total{code="1000"}';
  const madeUp = 'presszero_ws_close_total{code="other"}';
  const grown = await watch("presszero_ws_connections", "presszero_ws_hello_total", known, madeUp);
  const client = await connect(company.admin);
  await client.next("welcome");
  expect(await grown()).toEqual({
    presszero_ws_connections: 1,
    presszero_ws_hello_total: 1,
    [known]: 0,
    [madeUp]: 0,
  });
  await leave(client);
  await expect.poll(async () => (await grown())[known]).toBe(1);
  await expect.poll(async () => (await grown()).presszero_ws_connections).toBe(0);
  const odd = await connect(company.admin);
  await odd.next("welcome");
  odd.close(3999);
  await odd.closed;
  await expect.poll(async () => (await grown())[madeUp]).toBe(1);
});

it("what came of a resume, and gaps", async () => {
  const result = (name: string) => `presszero_resume_total{result="${name}"}`;
  const names = [result("ok"), result("partial"), result("reset"), "presszero_gap_total"] as const;
  const grown = await watch(...names);
  const id = await start();
  const first = await connect(company.admin);
  const { epoch } = await first.next("welcome");
  await leave(first);
  expect(Object.values(await grown())).toEqual([0, 0, 0, 0]);

  const back = await connect(company.admin, { epoch, subscriptions: [{ conversationId: id, after: 1 }] });
  await back.next("synced");
  await leave(back);
  await expect.poll(async () => Object.values(await grown())).toEqual([1, 0, 0, 0]);
  const ahead = await connect(company.admin, { epoch, subscriptions: [{ conversationId: id, after: 999 }] });
  await ahead.next("gap");
  await leave(ahead);
  await expect.poll(async () => Object.values(await grown())).toEqual([1, 1, 0, 1]);
  const restored = await connect(company.admin, { epoch: "another" });
  await restored.next("welcome");
  await leave(restored);
  await expect.poll(async () => Object.values(await grown())).toEqual([1, 1, 1, 1]);
});

it("acknowledgements, deliveries from here and from the log, repeats, hints that were missing", async () => {
  const own = 'presszero_deliver_seconds_count{source="own"}';
  const log = 'presszero_deliver_seconds_count{source="log"}';
  const id = await start();
  const [customer, agent] = [await connect(company.customer), await connect(company.agent)];
  await subscribe(agent, id);
  const grown = await watch(
    "presszero_send_ack_seconds_count",
    "presszero_duplicates_total",
    "presszero_hint_gap_total",
    "presszero_lane_hole_total",
    own,
    log,
  );
  const send = { type: "send", conversationId: id, clientId: randomUUID(), message } as const;
  customer.send({ ...send, id: 2 });
  await customer.next("ok", (frame) => frame.id === 2);
  await agent.next("event", (frame) => frame.seq === 3);
  customer.send({ ...send, id: 3 });
  expect(await customer.next("ok", (frame) => frame.id === 3)).toMatchObject({ duplicate: true });
  expect(await grown()).toMatchObject({
    presszero_send_ack_seconds_count: 2,
    presszero_duplicates_total: 1,
    presszero_hint_gap_total: 0,
    [own]: 1,
    [log]: 0,
  });
  await postElsewhere(id);
  await agent.next("event", (frame) => frame.seq === 4);
  expect(await grown()).toMatchObject({ presszero_hint_gap_total: 1, [own]: 1, [log]: 1 });
  await expect.poll(() => readMetric(system.metrics, "presszero_sweeper_lag_seconds")).toBeGreaterThan(0);

  // Only somebody with the owner's hands can make a hole.
  const owner = new pg.Client({ connectionString: system.url });
  await owner.connect();
  await postElsewhere(id);
  await owner.query("alter table event no force row level security");
  expect((await owner.query("delete from event where subject_id = $1 and seq = 5", [id])).rowCount).toBe(1);
  await owner.query("alter table event force row level security");
  await owner.end();
  await postElsewhere(id);
  await agent.next("event", (frame) => frame.seq === 6);
  expect(await grown()).toMatchObject({ presszero_lane_hole_total: 1 });
  await leave(agent);
  await leave(customer);
});

it("refusals: by limit, by error, and of what somebody may not do", async () => {
  const limit = (name: string) => `presszero_rate_limited_total{limit="${name}"}`;
  const byLimit = [
    "frames",
    "agentSends",
    "customerSends",
    "addressSends",
    "hellos",
    "connectionsOfUser",
    "connectionsOfDevice",
    "connectionsFromAddress",
  ].map(limit);
  const error = (code: string) => `presszero_ws_errors_total{code="${code}"}`;
  const denied = 'presszero_authz_denied_total{route="socket"}';
  const grown = await watch(...byLimit, error("RATE_LIMITED"), error("FORBIDDEN"), error("UNKNOWN_TYPE"), denied);
  const fresh = await createTestCompany(system, "Limited");
  const id = await start(fresh.customer);

  const device = randomUUID();
  const customer = await connect({ ...fresh.customer, address: "192.0.2.1" }, {}, device);
  await customer.next("welcome");
  expect(await (await connect(fresh.customer, {}, device)).closed).toBe(4429);
  const others = [await connect(fresh.otherCustomer), await connect(fresh.otherCustomer)];
  for (const other of others) await other.next("welcome");
  expect(await (await connect(fresh.otherCustomer)).closed).toBe(4429);
  const agents = [await connect(fresh.agent), await connect(fresh.agent)];
  for (const agent of agents) await agent.next("welcome");
  expect(await (await connect(fresh.agent)).closed).toBe(4429);

  const say = (client: TestClient, count: number) => {
    for (let at = 0; at < count; at++) {
      client.send({ type: "send", id: 100 + at, conversationId: id, clientId: randomUUID(), message });
    }
  };
  const note = { kind: "note" as const, text: "for whom?" };
  others[1]!.send({ type: "send", id: 1, conversationId: id, clientId: randomUUID(), message: note });
  await others[1]!.next("error", (frame) => frame.code === "FORBIDDEN");
  say(agents[0]!, 4);
  await agents[0]!.next("error", (frame) => frame.code === "RATE_LIMITED");
  say(customer, 4);
  await customer.next("error", (frame) => frame.code === "RATE_LIMITED");
  others[0]!.send({ type: "send", id: 2, conversationId: null, clientId: randomUUID(), message });
  await others[0]!.next("error", (frame) => frame.code === "RATE_LIMITED");

  agents[1]!.sendRaw('{"type":"whatever"}');
  await agents[1]!.next("error", (frame) => frame.code === "UNKNOWN_TYPE");
  for (let count = 0; count < 220; count++) agents[1]!.send({ type: "ping", n: count });
  await agents[1]!.next("error", (frame) => frame.code === "RATE_LIMITED");

  const waiting = await Promise.all(Array.from({ length: 4 }, () => openTestClient(port)));
  await expect(openTestClient(port)).rejects.toThrow("503");
  for (const client of [...waiting, customer, ...others, ...agents]) await leave(client);

  const counts = await grown();
  expect(byLimit.filter((name) => !(counts[name]! > 0))).toEqual([]);
  expect(counts[error("RATE_LIMITED")]).toBeGreaterThan(0);
  expect(counts[error("UNKNOWN_TYPE")]).toBe(1);
  expect(counts[error("FORBIDDEN")]).toBe(1);
  expect(counts[denied]).toBe(1);
});
