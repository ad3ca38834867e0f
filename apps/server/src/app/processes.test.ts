// Two processes on one database: what one stores, clients of the other see.
import type { ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { createApi, createSync, memoryStorage, type Sync, thread, typingAuthors } from "@presszero/sdk";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createTestCtx, type TestCtx } from "../kernel/testing.ts";
import type { Ctx } from "../kernel/context.ts";
import { startConversation } from "../modules/conversations/index.ts";
import { openTestClient } from "../modules/gateway/test-client.ts";
import { createAgent, createTicket } from "../modules/identity/index.ts";
import { createTestCompany, type TestCompany } from "../modules/testing.ts";
import { createTestProcess, type TestProcess } from "./testing-process.ts";

let system: TestCtx;
let company: TestCompany;
let one: TestProcess;
let other: TestProcess;
let doomed: ChildProcess;
const syncs: Sync[] = [];

beforeAll(async () => {
  system = await createTestCtx();
  company = await createTestCompany(system);
  one = await createTestProcess(system);
  other = await createTestProcess(system);
  await one.start();
  doomed = await other.start();
});
afterAll(async () => {
  for (const sync of syncs) sync.stop();
  one.close();
  other.close();
  await system.close();
});

function connect(baseUrl: string, token: string, side: "business" | "contact", storage = memoryStorage()): Sync {
  const sync = createSync({ api: createApi({ baseUrl, token }), baseUrl, side, client: "test/1", storage });
  sync.start();
  syncs.push(sync);
  return sync;
}

it("joins a customer on one with an agent on the other: messages, receipts, typing, the list", async () => {
  const password = randomUUID();
  const email = "other@example.com";
  await createAgent(company.admin, { name: "Lena", email, role: "agent", password });
  const signedIn = await createApi({ baseUrl: other.baseUrl })("POST /v1/sessions", {
    body: { email, password, transport: "token" },
  });
  const storage = memoryStorage();
  const guest = await createApi({ baseUrl: one.baseUrl })("POST /v1/widgets/:widgetKey/guests", {
    params: { widgetKey: company.widgetKey },
    body: { deviceId: storage.deviceId, consent: { version: "v1", locale: "en" } },
  });
  const agent = connect(other.baseUrl, signedIn.token!, "business");
  const customer = connect(one.baseUrl, guest.token, "contact", storage);
  await expect.poll(() => agent.getState().connection.name).toBe("live");

  customer.send(null, { kind: "text", text: "Hello over there" });
  await expect.poll(() => customer.getState().started).not.toBeNull();
  const id = customer.getState().started!;
  await expect.poll(() => agent.getState().conversations[id]?.summary.preview?.text).toBe("Hello over there");
  customer.open(id);
  agent.open(id);
  const texts = (sync: Sync) =>
    thread(sync.getState(), id).flatMap((item) => (item.type === "message" ? [item.message.text] : []));
  await expect.poll(() => texts(agent)).toEqual(["Hello over there"]);
  agent.send(id, { kind: "text", text: "Hello back" });
  await expect.poll(() => texts(customer)).toEqual(["Hello over there", "Hello back"]);
  agent.typing(id, true);
  await expect.poll(() => typingAuthors(customer.getState(), id).map((author) => author.name)).toEqual(["Lena"]);
  customer.markRead(id);
  await expect.poll(() => agent.getState().conversations[id]?.summary.marks.otherRead).toBe(3);
});

it("forgets in time who was connected to a process that was killed", async () => {
  const open = async ({ baseUrl }: TestProcess, ctx: Ctx) => {
    const client = await openTestClient(Number(new URL(baseUrl).port));
    const deviceId = randomUUID();
    const { ticket } = await createTicket(ctx, { deviceId });
    client.send({ type: "hello", version: 1, ticket, deviceId, client: "test/1", epoch: null, subscriptions: [] });
    await client.next("welcome");
    return client;
  };
  const input = { deviceId: randomUUID(), clientId: randomUUID(), message: { kind: "text" as const, text: "Hello" } };
  const { conversationId } = await startConversation(company.customer, input);
  const agent = await open(one, company.agent);
  agent.send({ type: "subscribe", id: 1, conversationId, after: 0 });
  const isOnline = (online: boolean) =>
    agent.next("ephemeral", (frame) => frame.kind === "presence" && frame.data.online === online);
  await isOnline(false);
  const customer = await open(other, company.customer);
  await isOnline(true);
  doomed.kill("SIGKILL");
  await customer.closed;
  await expect.poll(() => isOnline(false).then(() => true), { timeout: 60_000 }).toBe(true);
  agent.close();
}, 90_000);
