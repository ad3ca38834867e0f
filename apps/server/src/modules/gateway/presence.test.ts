// Who is online and who is looking, over two gateways on one database that tell each other by the relay.
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { ConversationId, ServerFrame } from "@presszero/contracts";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createBus } from "../../kernel/bus.ts";
import type { Ctx } from "../../kernel/context.ts";
import { startRelay } from "../../kernel/relay.ts";
import { createTestCtx, type TestCtx } from "../../kernel/testing.ts";
import { startConversation } from "../conversations/index.ts";
import { createTicket } from "../identity/index.ts";
import { createTestCompany, type TestCompany } from "../testing.ts";
import { startGateway } from "./index.ts";
import { openTestClient, type TestClient } from "./test-client.ts";

type Process = { port: number; stop(): Promise<void> };

let system: TestCtx;
let one: Process;
let other: Process;

beforeAll(async () => {
  system = await createTestCtx();
  one = await startProcess();
  other = await startProcess();
});
afterAll(async () => {
  await one.stop();
  await other.stop();
  await system.close();
});

/** A gateway with a bus of its own. */
async function startProcess(): Promise<Process> {
  const mine = { ...system, bus: createBus((error) => system.log.error(error)) };
  const relay = await startRelay(mine);
  const gateway = await startGateway(mine, () => "192.0.2.1");
  const server = createServer();
  server.on("upgrade", gateway.handleUpgrade);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    async stop() {
      await gateway.drain(0);
      server.close();
      await relay.stop();
    },
  };
}

async function connect(process: Process, ctx: Ctx): Promise<TestClient> {
  const client = await openTestClient(process.port);
  const deviceId = randomUUID();
  const { ticket } = await createTicket(ctx, { deviceId });
  client.send({ type: "hello", version: 1, ticket, deviceId, client: "test/1", epoch: null, subscriptions: [] });
  await client.next("welcome");
  return client;
}

async function follow(client: TestClient, conversationId: ConversationId): Promise<void> {
  client.send({ type: "subscribe", id: 1, conversationId, after: 0 });
  await client.next("synced");
}

async function start(company: TestCompany): Promise<ConversationId> {
  const input = { deviceId: randomUUID(), clientId: randomUUID(), message: { kind: "text" as const, text: "Hello" } };
  return (await startConversation(company.customer, input)).conversationId;
}

type Ephemeral = Extract<ServerFrame, { type: "ephemeral" }>;
const isOnline = (online: boolean) => (frame: Ephemeral) => frame.kind === "presence" && frame.data.online === online;
const isViewing = (name: string, on: boolean) => (frame: Ephemeral) =>
  frame.kind === "viewing" && frame.data.by.name === name && frame.data.on === on;
const isTyping = (on: boolean) => (frame: Ephemeral) => frame.kind === "typing" && frame.data.on === on;
const presences = (client: TestClient) =>
  client.frames.flatMap((frame) =>
    frame.type === "ephemeral" && frame.kind === "presence" ? [frame.data.online] : [],
  );

it("staff see whether the customer is online, from the first moment on, and no flicker when a page is loaded again", async () => {
  const company = await createTestCompany(system);
  const id = await start(company);
  const agent = await connect(one, company.agent);
  await follow(agent, id);
  await agent.next("ephemeral", isOnline(false));
  const page = await connect(other, company.customer);
  await agent.next("ephemeral", isOnline(true));
  const colleague = await connect(other, company.admin);
  await follow(colleague, id);
  await colleague.next("ephemeral", isOnline(true));
  page.close();
  await page.closed;
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  const again = await connect(one, company.customer);
  await new Promise((resolve) => setTimeout(resolve, 8_000));
  expect(presences(agent)).toEqual([false, true]);
  expect(presences(colleague)).toEqual([true]);
  again.close();
  await agent.next("ephemeral", isOnline(false));
  await colleague.next("ephemeral", isOnline(false));
  for (const client of [agent, colleague]) client.close();
}, 60_000);

it("a customer sees whether anybody is there, and never who", async () => {
  const company = await createTestCompany(system);
  const id = await start(company);
  const customer = await connect(one, company.customer);
  await follow(customer, id);
  await customer.next("ephemeral", isOnline(false));
  const [agent, admin] = [await connect(other, company.agent), await connect(one, company.admin)];
  await customer.next("ephemeral", isOnline(true));
  await follow(agent, id);
  agent.send({ type: "viewing", conversationId: id, on: true });
  await follow(admin, id);
  await admin.next("ephemeral", isViewing("Jonas Weber", true));
  agent.send({ type: "typing", conversationId: id, on: true, note: true });
  expect(await admin.next("ephemeral", isTyping(true))).toMatchObject({ data: { note: true } });
  agent.send({ type: "typing", conversationId: id, on: false });
  await customer.next("ephemeral", isTyping(false));
  agent.close();
  await agent.closed;
  // One of two has left: for the customer nothing has changed.
  await new Promise((resolve) => setTimeout(resolve, 8_000));
  admin.close();
  await customer.next("ephemeral", isOnline(false));
  const ephemeral = customer.frames.filter((frame) => frame.type === "ephemeral");
  expect(ephemeral.map(({ kind }) => kind)).toEqual(["presence", "presence", "typing", "presence"]);
  customer.send({ type: "viewing", conversationId: id, on: true });
  expect(await customer.next("error")).toMatchObject({ code: "FORBIDDEN" });
  customer.close();
}, 60_000);

it("staff see who else looks at a conversation: at once when they come, until that one leaves or is gone", async () => {
  const company = await createTestCompany(system);
  const [id, elsewhere] = [await start(company), await start(company)];
  const [jonas, tab] = [await connect(one, company.agent), await connect(one, company.agent)];
  for (const client of [jonas, tab]) await follow(client, id);
  jonas.send({ type: "viewing", conversationId: elsewhere, on: true });
  expect(await jonas.next("error")).toMatchObject({ code: "NOT_FOUND" });
  for (const client of [jonas, tab]) client.send({ type: "viewing", conversationId: id, on: true });
  const [amara, early] = [await connect(other, company.admin), await connect(one, company.admin)];
  await new Promise((resolve) => setTimeout(resolve, 500));
  for (const client of [amara, early]) {
    await follow(client, id);
    await client.next("ephemeral", isViewing("Jonas Weber", true));
  }
  jonas.send({ type: "viewing", conversationId: id, on: false });
  amara.send({ type: "viewing", conversationId: id, on: true });
  await tab.next("ephemeral", isViewing("Amara Okafor", true));
  // The other tab still looks, until its connection ends.
  const seen = (client: TestClient) =>
    client.frames.filter((frame) => frame.type === "ephemeral" && frame.kind === "viewing");
  expect(seen(amara)).toHaveLength(1);
  tab.close();
  await amara.next("ephemeral", isViewing("Jonas Weber", false));
  await early.next("ephemeral", isViewing("Jonas Weber", false));
  amara.send({ type: "unsubscribe", conversationId: id });
  await jonas.next("ephemeral", isViewing("Amara Okafor", false));
  // Nobody is told of themselves.
  expect(JSON.stringify(seen(amara))).not.toContain("Amara");
  for (const client of [jonas, amara, early]) client.close();
});
