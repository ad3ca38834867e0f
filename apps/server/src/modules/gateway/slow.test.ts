// Back-pressure on real sockets (delivery contract §7): clients that read too slowly, and a process with too much to do.
import { randomUUID } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { ClientFrame, ConversationId } from "@presszero/contracts";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Ctx } from "../../kernel/context.ts";
import { createTestCtx, type TestCtx } from "../../kernel/testing.ts";
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
let isOverloaded = false;

beforeAll(async () => {
  system = await createTestCtx();
  company = await createTestCompany(system);
  gateway = await startGateway(
    system,
    () => "192.0.2.1",
    () => isOverloaded,
  );
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

async function helloOf(ctx: Ctx): Promise<ClientFrame> {
  const deviceId = randomUUID();
  const { ticket } = await createTicket(ctx, { deviceId });
  return { type: "hello", version: 1, ticket, deviceId, client: "test/1", epoch: null, subscriptions: [] };
}

async function connect(ctx: Ctx): Promise<TestClient> {
  const client = await openTestClient(port);
  client.send(await helloOf(ctx));
  await client.next("welcome");
  return client;
}

async function follow(client: TestClient, conversationId: ConversationId): Promise<void> {
  client.send({ type: "subscribe", id: 1, conversationId, after: 2 });
  await client.next("synced");
}

const message = (text: string) => ({
  deviceId: randomUUID(),
  clientId: randomUUID(),
  message: { kind: "text" as const, text },
});
const seqs = (client: TestClient) => client.frames.flatMap((frame) => (frame.type === "event" ? [frame.seq] : []));

it("[SR7, BP2, BP3] spares a client that reads slowly, which gets everything; ends one that does not read at all with 4490", async () => {
  const { conversationId } = await startConversation(company.customer, message("Hello"));
  const [slow, dead, healthy] = [
    await connect(company.agent),
    await connect(company.agent),
    await connect(company.agent),
  ];
  for (const client of [slow, dead, healthy]) await follow(client, conversationId);
  slow.deafen();
  dead.deafen();
  // More than the buffers of the kernel take, so that the rest has to wait in the process.
  const large = "x".repeat(16_000);
  const count = 800;
  for (let index = 0; index < count; index++) await sendMessage(company.customer, conversationId, message(large));
  await healthy.next("event", (frame) => frame.seq === count + 2);
  healthy.send({ type: "ping", n: 1 });
  await healthy.next("pong");
  slow.listen();
  const synced = await slow.next("synced", (frame) => frame.id === null);
  expect(synced.to).toBe(count + 2);
  // What was too much to be made up for is a gap, as the client is told.
  const gap = slow.frames.find((frame) => frame.type === "gap");
  const held = seqs(slow);
  expect(held.at(-1)).toBe(count + 2);
  for (const [index, seq] of held.entries()) {
    const before = index === 0 ? 2 : held[index - 1]!;
    if (seq !== before + 1) expect({ have: before, from: seq }).toEqual({ have: gap?.have, from: gap?.from });
  }
  await sendMessage(company.customer, conversationId, message("live again"));
  await slow.next("event", (frame) => frame.seq === count + 3);
  await healthy.next("event", (frame) => frame.seq === count + 3);
  expect(seqs(healthy)).toEqual(Array.from({ length: count + 1 }, (_, index) => index + 3));
  const slowCloses = async () =>
    (await system.metrics.wsCloses.get()).values.find(({ labels }) => labels.code === "4490")?.value;
  await expect.poll(slowCloses, { timeout: 30_000 }).toBe(1);
  expect((await system.metrics.slowConsumers.get()).values[0]!.value).toBe(1);
  dead.listen();
  await dead.closed;
  for (const client of [slow, healthy]) client.close();
}, 60_000);

it("[BP4] an overloaded process takes nobody new, passes nothing ephemeral on, and stores what is sent", async () => {
  const { conversationId } = await startConversation(company.customer, message("Hello"));
  const [agent, customer] = [await connect(company.agent), await connect(company.customer)];
  await follow(agent, conversationId);
  await follow(customer, conversationId);
  const waiting = await openTestClient(port);
  const hello = await helloOf(company.agent);
  isOverloaded = true;
  try {
    await expect(openTestClient(port)).rejects.toThrow("HTTP 503");
    waiting.send(hello);
    expect(await waiting.closed).toBe(1013);
    agent.send({ type: "typing", conversationId, on: true });
    agent.send({
      type: "send",
      id: 2,
      conversationId,
      clientId: randomUUID(),
      message: { kind: "text", text: "still here" },
    });
    await agent.next("ok");
    await customer.next("event", (frame) => frame.seq === 3);
    customer.send({ type: "read", conversationId, seq: 3 });
    await agent.next("receipt");
  } finally {
    isOverloaded = false;
  }
  const isTyping = (frame: { type: string; kind?: string }) => frame.type === "ephemeral" && frame.kind === "typing";
  expect(customer.frames.filter(isTyping)).toEqual([]);
  agent.send({ type: "typing", conversationId, on: true });
  await customer.next("ephemeral", isTyping);
  for (const client of [agent, customer]) client.close();
});
