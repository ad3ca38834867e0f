// Each figure of HTTP, the database and the machinery moves when what it counts happens; the details of health; who may see them.
import { randomUUID } from "node:crypto";
import type { FastifyInstance } from "fastify";
import pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Consumer, startConsumers } from "../kernel/consumers.ts";
import { openDatabase } from "../kernel/database.ts";
import { createTestCtx, type TestCtx } from "../kernel/testing.ts";
import { openLine } from "../kernel/testing-line.ts";
import { readMetric } from "../kernel/testing-metrics.ts";
import { startConversation } from "../modules/conversations/index.ts";
import { createApiKey, signIn } from "../modules/identity/index.ts";
import { createTestCompany, type TestCompany } from "../modules/testing.ts";
import { serveHealth } from "./health.ts";
import { createHttpServer } from "./http.ts";
import { handlers } from "./modules.ts";

let system: TestCtx;
let company: TestCompany;
let server: FastifyInstance;
let isBusy = false;

beforeAll(async () => {
  system = await createTestCtx();
  company = await createTestCompany(system);
  server = await createHttpServer(system, handlers);
  serveHealth(server, system, () => isBusy);
});
afterAll(async () => {
  await server.close();
  await system.close();
});

const read = (name: string) => readMetric(system.metrics, name);
const message = { kind: "text" as const, text: "Hello" };
const start = () => startConversation(company.customer, { deviceId: randomUUID(), clientId: randomUUID(), message });

it("refusals of what somebody may not do, by route", async () => {
  const { secret } = await createApiKey(company.admin, { name: "Narrow", permissions: ["agents.read"] });
  const name = 'presszero_authz_denied_total{route="GET /v1/conversations"}';
  const before = await read(name);
  const response = await server.inject({ url: "/v1/conversations", headers: { authorization: `Bearer ${secret}` } });
  expect(response.statusCode).toBe(403);
  expect(await read(name)).toBe(before + 1);
});

it("limits of signing in", async () => {
  const name = 'presszero_rate_limited_total{limit="signInOfEmailFromAddress"}';
  const client = { ip: "192.0.2.9", userAgent: "", origin: null };
  const attempt = () => signIn(system, { email: "guess@example.com", password: "wrong" }, client).catch(() => {});
  for (let count = 0; count < 11; count++) await attempt();
  expect(await read(name)).toBe(1);
});

it("waits for a connection to the database", async () => {
  const waited = 'presszero_pool_wait_seconds_sum{pool="app"}';
  const count = 'presszero_pool_wait_seconds_count{pool="app"}';
  const [secondsBefore, countBefore] = [await read(waited), await read(count)];
  const clients = await Promise.all(Array.from({ length: 16 }, () => system.database.app.connect()));
  const late = system.database.app.connect();
  await server.inject({ url: "/metrics" });
  expect(await read('presszero_pool_waiting{pool="app"}')).toBe(1);
  await new Promise((resolve) => setTimeout(resolve, 50));
  for (const client of clients) client.release();
  (await late).release();
  expect(await read(waited)).toBeGreaterThan(secondsBefore);
  expect(await read(count)).toBe(countBefore + 17);
});

it("outcomes that nobody knows", async () => {
  const line = await openLine(system.url);
  const database = openDatabase(line.url);
  const behind = await createHttpServer({ ...system, database }, handlers);
  const owner = new pg.Client({ connectionString: system.url });
  await owner.connect();
  const before = await read("presszero_unknown_retry_total");
  try {
    const { conversationId } = await start();
    const { secret } = await createApiKey(company.admin, { name: "Program", permissions: ["conversations.reply"] });
    // The commit waits for somebody who holds the conversation: there its line is cut.
    await owner.query("begin");
    await owner.query("select 1 from conversation where id = $1 for update", [conversationId]);
    const posted = behind.inject({
      method: "POST",
      url: `/v1/conversations/${conversationId}/messages`,
      headers: { authorization: `Bearer ${secret}`, "idempotency-key": randomUUID() },
      payload: message,
    });
    const isWaiting = `select 1 from pg_locks join pg_stat_activity using (pid)
      where not granted and datname = current_database()`;
    await expect.poll(async () => (await system.database.worker.query(isWaiting)).rowCount).toBe(1);
    line.cut();
    expect((await posted).json()).toMatchObject({ code: "UNKNOWN_RETRY" });
    expect(await read("presszero_unknown_retry_total")).toBe(before + 1);
  } finally {
    await owner.end();
    await behind.close();
    await database.close();
    line.close();
  }
});

it("consumers: lag, dead letters, and the age of the horizon", async () => {
  const failing: Consumer = {
    name: "test.fails",
    types: ["message.created"],
    maxAttempts: 1,
    handle: async () => {
      throw new Error("on purpose");
    },
  };
  const owner = new pg.Client({ connectionString: system.url });
  await owner.connect();
  const running = startConsumers(system, [failing]);
  try {
    await start();
    const parked = 'presszero_dead_letters{consumer="test.fails"}';
    await expect.poll(() => read(parked), { timeout: 15_000 }).toBeGreaterThan(0);
    await owner.query("begin");
    await owner.query("select pg_current_xact_id()");
    await start();
    await expect.poll(() => read("presszero_xid_horizon_age_seconds"), { timeout: 15_000 }).toBeGreaterThan(0);
    expect((await details()).json()).toMatchObject({
      database: { consumers: [{ name: "test.fails", parked: await read(parked) }] },
    });
    expect((await details()).json().database.horizonAgeSeconds).toBeGreaterThan(0);
    expect((await details()).json().database.consumers[0].lagSeconds).toBeGreaterThan(0);
    await owner.query("commit");
    await expect.poll(() => read("presszero_xid_horizon_age_seconds"), { timeout: 15_000 }).toBe(0);
  } finally {
    await running.stop();
    await owner.end();
  }
});

it("the lag of the event loop", async () => {
  const before = await read("presszero_eventloop_lag_seconds_sum");
  await new Promise((resolve) => setTimeout(resolve, 150));
  const until = performance.now() + 250;
  while (performance.now() < until);
  await new Promise((resolve) => setTimeout(resolve, 150));
  expect(await read("presszero_eventloop_lag_seconds_sum")).toBeGreaterThan(before + 0.1);
  expect((await details()).json().eventLoopLagSeconds).toBeGreaterThan(0.1);
});

const details = (headers: Record<string, string> = {}, remoteAddress = "127.0.0.1") =>
  server.inject({ url: "/healthz/details", headers, remoteAddress });

it("readiness, as a figure too", async () => {
  expect((await server.inject({ url: "/readyz" })).statusCode).toBe(200);
  expect(await read("presszero_ready")).toBe(1);
  isBusy = true;
  expect((await server.inject({ url: "/metrics" })).body).toContain("presszero_ready 0");
  expect((await details()).json()).toMatchObject({ status: "not ready", isBusy: true });
  isBusy = false;
});

it("tells the details of this process to this machine alone, or to who has the token", async () => {
  const answer = await details();
  expect(answer.json()).toMatchObject({
    status: "ready",
    process: system.trace.process,
    version: expect.stringMatching(/^\d+\.\d+\.\d+/),
    node: process.versions.node,
    isBusy: false,
    sockets: 0,
    pools: { app: { waiting: 0 }, writer: {}, worker: {} },
    database: {
      postgres: expect.stringMatching(/^\d+/),
      epoch: expect.stringMatching(/^[0-9a-f]{16}$/),
      migration: expect.stringMatching(/^\d{4}_\w+\.sql$/),
      processes: [system.trace.process],
      horizonAgeSeconds: 0,
    },
  });
  expect(answer.body).not.toContain(system.settings.secretKey);
  expect((await details({}, "203.0.113.7")).statusCode).toBe(404);
  expect((await details({ "x-forwarded-for": "127.0.0.1" })).statusCode).toBe(404);
  const locked = await createHttpServer(system, {});
  serveHealth(locked, { ...system, settings: { ...system.settings, metricsToken: "correct horse" } }, () => false);
  const ask = (authorization?: string) =>
    locked.inject({ url: "/healthz/details", headers: { ...(authorization && { authorization }) } });
  expect((await ask()).statusCode).toBe(404);
  expect((await ask("Bearer wrong")).statusCode).toBe(404);
  expect((await ask("Bearer correct horse")).statusCode).toBe(200);
  await locked.close();
});

it("says so when the database cannot be reached, instead of failing", async () => {
  const database = openDatabase("postgres://nobody@127.0.0.1:1/none");
  const alone = await createHttpServer({ ...system, database }, {});
  serveHealth(alone, { ...system, database }, () => false);
  const answer = await alone.inject({ url: "/healthz/details" });
  expect(answer.statusCode).toBe(200);
  expect(answer.json()).toMatchObject({ status: "not ready", database: { unreachable: expect.any(String) } });
  await alone.close();
  await database.close();
});

it("no label takes a value that a caller chooses", async () => {
  for (const url of ["/v1/made-up-path", "/v1/conversations/made-up-id", "/made-up", "/v1/agents/../made-up"]) {
    await server.inject({ url });
    await server.inject({ method: "POST", url, payload: { made: "up" } });
  }
  expect(await system.metrics.registry.metrics()).not.toContain("made-up");
});
