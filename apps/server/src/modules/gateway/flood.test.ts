// Limits against a running gateway: small ones, so that a test reaches them.
import { randomUUID } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { ClientFrame } from "@presszero/contracts";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Ctx } from "../../kernel/context.ts";
import type { Limits } from "../../kernel/settings-limits.ts";
import { createTestCtx, type TestCtx } from "../../kernel/testing.ts";
import { startConversation } from "../conversations/index.ts";
import { createTicket, revokeSession } from "../identity/index.ts";
import { createTestCompany, type TestCompany } from "../testing.ts";
import { type Gateway, startGateway } from "./index.ts";
import { openTestClient, type TestClient } from "./test-client.ts";

const limits: Limits = {
  frames: { perSecond: 10, burst: 20 },
  agentSends: { perSecond: 100, burst: 100 },
  customerSends: { perSecond: 1, burst: 3 },
  companySends: null,
  addressSends: null,
  hellos: { perSecond: 1, burst: 12 },
  hellosInFlight: 4,
  connectionsOfUser: 2,
  connectionsOfDevice: 1,
  connectionsFromAddress: 3,
  overload: { memoryBytes: Infinity, lagMs: Infinity, poolWaitMs: Infinity },
};

let system: TestCtx;
let company: TestCompany;
let gateway: Gateway;
let server: Server;
let port: number;

beforeAll(async () => {
  system = await createTestCtx({ limits });
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

async function connect(ctx: Ctx, deviceId: string = randomUUID()): Promise<TestClient> {
  const { ticket } = await createTicket(ctx, { deviceId });
  const client = await openTestClient(port);
  client.send({ type: "hello", version: 1, ticket, deviceId, client: "test/1", epoch: null, subscriptions: [] });
  return client;
}

const text = (value: string) => ({ kind: "text" as const, text: value });
const send = (id: number, conversationId: string | null, value: string): ClientFrame => ({
  type: "send",
  id,
  conversationId,
  clientId: randomUUID(),
  message: text(value),
});

it("asks a customer who writes too fast to wait, and keeps the order", async () => {
  const input = { deviceId: randomUUID(), clientId: randomUUID(), message: text("Hello") };
  const { conversationId } = await startConversation(company.customer, input);
  const customer = await connect(company.customer);
  for (let id = 1; id <= 5; id++) customer.send(send(id, conversationId, `line ${id}`));
  for (let id = 1; id <= 3; id++) await customer.next("ok", (frame) => frame.id === id);
  const refused = await customer.next("error", (frame) => frame.id === 4);
  expect(refused).toMatchObject({ code: "RATE_LIMITED", retry: true });
  expect(refused.retryAfterMs).toBeGreaterThan(0);
  // What came behind the refused one must not overtake it (SR4).
  expect(await customer.next("error", (frame) => frame.id === 5)).toMatchObject({ code: "ORDER_BROKEN" });
  customer.close();
  await customer.closed;
});

it("answers frames beyond the rate, and ends a flood with 4429", async () => {
  const agent = await connect(company.agent);
  await agent.next("welcome");
  for (let n = 0; n < 60; n++) agent.send({ type: "ping", n });
  await agent.next("error", (frame) => frame.code === "RATE_LIMITED");
  const bystander = await connect(company.admin);
  await bystander.next("welcome");
  const flood = setInterval(() => {
    for (let n = 0; n < 200; n++) agent.sendRaw(JSON.stringify({ type: "ping", n }));
  }, 100);
  expect(await agent.closed).toBe(4429);
  clearInterval(flood);
  bystander.send({ type: "ping", n: 1 });
  await bystander.next("pong");
  bystander.close();
  await bystander.closed;
});

it("limits the connections of a person, a device and an address, and gives places back", async () => {
  const first = [await connect(company.agent), await connect(company.agent)];
  for (const client of first) await client.next("welcome");
  const third = await connect(company.agent);
  expect(await third.next("error")).toMatchObject({ code: "RATE_LIMITED", details: { limit: "connectionsOfUser" } });
  expect(await third.closed).toBe(4429);
  first[0]!.close();
  await first[0]!.closed;
  await expect.poll(async () => (await connect(company.agent)).next("welcome").then(() => true)).toBe(true);
  first[1]!.close();

  const deviceId = randomUUID();
  const customer = await connect(company.customer, deviceId);
  await customer.next("welcome");
  const again = await connect(company.customer, deviceId);
  expect(await again.next("error")).toMatchObject({ details: { limit: "connectionsOfDevice" } });
  customer.close();
});

it("does not listen to a client that ignores its end", async () => {
  const other = await createTestCompany(system, "Gone");
  const { conversationId } = await startConversation(other.customer, {
    deviceId: randomUUID(),
    clientId: randomUUID(),
    message: text("Hello"),
  });
  await new Promise((resolve) => setTimeout(resolve, 3_000)); // the rate of hellos refills
  const agent = await connect(other.agent);
  await agent.next("welcome");
  agent.deafen();
  if (other.agent.actor.type !== "agent") throw new Error("not an agent");
  await revokeSession(other.agent, other.agent.actor.sessionId);
  await new Promise((resolve) => setTimeout(resolve, 300));
  agent.send(send(1, conversationId, "still here"));
  await new Promise((resolve) => setTimeout(resolve, 300));
  const client = await system.database.worker.connect();
  const { rows } = await client.query("select 1 from event where subject_id = $1 and type = 'message.created'", [
    conversationId,
  ]);
  client.release();
  expect(rows).toHaveLength(1);
});

it("refuses upgrades beyond the rate of hellos, with the time to come back", async () => {
  const { request } = await import("node:http");
  const headers = {
    Connection: "Upgrade",
    Upgrade: "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": `${"x".repeat(22)}==`,
    "Sec-WebSocket-Protocol": "presszero.v1",
  };
  const attempt = () =>
    new Promise<{ status?: number; retryAfter?: string }>((resolve, reject) => {
      request({ port, path: "/v1/realtime", headers })
        .on("response", (response) =>
          resolve({ status: response.statusCode, retryAfter: response.headers["retry-after"] }),
        )
        .on("upgrade", (_response, socket) => {
          socket.destroy();
          resolve({ status: 101 });
        })
        .on("error", reject)
        .end();
    });
  const answers = await Promise.all(Array.from({ length: 20 }, attempt));
  const refused = answers.filter((answer) => answer.status === 503);
  expect(refused.length).toBeGreaterThan(0);
  for (const { retryAfter } of refused) expect(Number(retryAfter)).toBeGreaterThanOrEqual(5);
});
