// The trace of a message over two processes, one of which is then frozen and killed.
import type { ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import type { ConversationId, MessageId } from "@presszero/contracts";
import { createApi } from "@presszero/sdk";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createTestCtx, type TestCtx } from "../kernel/testing.ts";
import { openTestClient, type TestClient } from "../modules/gateway/test-client.ts";
import { createAgent } from "../modules/identity/index.ts";
import { createTestCompany, type TestCompany } from "../modules/testing.ts";
import { createTestProcess, type TestProcess } from "./testing-process.ts";

let system: TestCtx;
let company: TestCompany;
let one: TestProcess;
let other: TestProcess;
let first: ChildProcess;

beforeAll(async () => {
  system = await createTestCtx();
  company = await createTestCompany(system);
  one = await createTestProcess(system);
  other = await createTestProcess(system);
  first = await one.start();
  await other.start();
});
afterAll(async () => {
  one.close();
  other.close();
  await system.close();
});

const nameOf = async ({ baseUrl }: TestProcess) =>
  ((await (await fetch(`${baseUrl}/healthz/details`)).json()) as { process: string }).process;

/** A socket of one device at one process, welcomed. */
async function connect(at: TestProcess, token: string, deviceId: string): Promise<TestClient> {
  const { ticket } = await createApi({ baseUrl: at.baseUrl, token })("POST /v1/realtime/tickets", {
    body: { deviceId },
  });
  const client = await openTestClient(Number(new URL(at.baseUrl).port));
  client.send({ type: "hello", version: 1, ticket, deviceId, client: "test/1", epoch: null, subscriptions: [] });
  await client.next("welcome");
  return client;
}

it("gathers what both processes know, and says what went with the one that is gone", async () => {
  const password = randomUUID();
  const email = "lead@example.com";
  await createAgent(company.admin, { name: "Lena", email, role: "supervisor", password });
  const signedIn = await createApi({ baseUrl: other.baseUrl })("POST /v1/sessions", {
    body: { email, password, transport: "token" },
  });
  const api = createApi({ baseUrl: other.baseUrl, token: signedIn.token! });
  const [customerDevice, agentDevice] = [randomUUID(), randomUUID()];
  const guest = await createApi({ baseUrl: one.baseUrl })("POST /v1/widgets/:widgetKey/guests", {
    params: { widgetKey: company.widgetKey },
    body: { deviceId: customerDevice, name: "Noor", consent: { version: "v1", locale: "en" } },
  });
  const customer = await connect(one, guest.token, customerDevice);
  const agent = await connect(other, signedIn.token!, agentDevice);
  const say = (conversationId: ConversationId | null, clientId: string, id: number) => {
    customer.send({
      type: "send",
      id,
      conversationId,
      clientId,
      message: { kind: "text", text: "Where is my parcel?" },
    });
    return customer.next("ok", (frame) => frame.id === id);
  };
  const { conversationId } = await say(null, randomUUID(), 1);
  for (const client of [customer, agent]) {
    client.send({ type: "subscribe", id: 2, conversationId, after: 0 });
    await client.next("synced");
  }
  const clientId = randomUUID();
  const { messageId } = await say(conversationId, clientId, 3);
  await agent.next("event", (frame) => frame.seq === 3);
  expect(await say(conversationId, clientId, 4)).toMatchObject({ messageId, duplicate: true });
  customer.send({ type: "ack", conversationId, seq: 3 });
  agent.send({ type: "read", conversationId, seq: 3 });
  await customer.next("receipt", (frame) => frame.read === 3);

  const trace = (id: MessageId) =>
    api("GET /v1/conversations/:conversationId/messages/:messageId/trace", {
      params: { conversationId, messageId: id },
    });
  const names = { one: await nameOf(one), other: await nameOf(other) };
  const readers = (times: unknown) => [
    { reader: { type: "contact", name: "Noor" }, delivered: true, deliveredAt: times },
    {
      reader: { type: "agent", name: "Lena" },
      read: true,
      readAt: expect.any(String),
      devices: [{ device: agentDevice.slice(-4), via: "device" }],
    },
  ];
  const whole = await trace(messageId);
  expect(whole).toMatchObject({
    received: { via: "device", device: customerDevice.slice(-4), by: { process: names.one, over: "socket" } },
    repeats: { count: 1 },
    readers: readers(expect.any(String)),
  });
  const byName = Object.fromEntries(whole.processes.map(({ process, ...rest }) => [process, rest]));
  expect(byName).toMatchObject({
    [names.one]: { state: "knows", passed: { staff: 0, customers: 1 } },
    [names.other]: { state: "knows", passed: { staff: 1, customers: 0 } },
  });
  expect(Object.keys(byName)).toHaveLength(2);

  first.kill("SIGSTOP");
  const silent = await trace(messageId);
  expect(silent.processes).toContainEqual({ process: names.one, state: "silent", passed: null });
  expect(silent.received.by).toBeNull();

  first.kill("SIGKILL");
  await once(first, "exit");
  await expect
    .poll(async () => (await trace(messageId)).processes.map(({ process }) => process))
    .toEqual([names.other]);
  expect(await trace(messageId)).toMatchObject({
    received: { via: "device", device: customerDevice.slice(-4), by: null },
    processes: [{ process: names.other, state: "knows", passed: { staff: 1, customers: 0 } }],
    readers: readers(null),
    repeats: { count: 0 },
  });

  // A process that was not there yet when the message came says so.
  await one.start();
  const later = await trace(messageId);
  expect(later.processes.find(({ process }) => process !== names.other)).toMatchObject({
    state: "knows_in_part",
    passed: null,
  });
});
