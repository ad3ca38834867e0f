// A customer whose network lets no WebSocket through, and an agent whose network does.
import type { ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createApi, createSync, isOtherSideOnline, memoryStorage, type Sync, thread } from "@presszero/sdk";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createTestCtx, type TestCtx } from "../kernel/testing.ts";
import { createAgent } from "../modules/identity/index.ts";
import { createTestCompany, type TestCompany } from "../modules/testing.ts";
import { createTestProcess, type TestProcess } from "./testing-process.ts";

let system: TestCtx;
let company: TestCompany;
let server: TestProcess;
let running: ChildProcess;
const syncs: Sync[] = [];

beforeAll(async () => {
  system = await createTestCtx();
  company = await createTestCompany(system);
  server = await createTestProcess(system);
  running = await server.start();
});
afterAll(async () => {
  for (const sync of syncs) sync.stop();
  server.close();
  await system.close();
});

/** Whatever the address, nobody is there. */
class BlockedWebSocket extends WebSocket {
  constructor() {
    super("ws://127.0.0.1:9");
  }
}

const patient = { timeout: 60_000 };

it("[CR8] chats over HTTP with somebody on a socket, through a restart, and comes to the same history", async () => {
  const { baseUrl } = server;
  const open = createApi({ baseUrl });
  const storage = memoryStorage();
  const guest = await open("POST /v1/widgets/:widgetKey/guests", {
    params: { widgetKey: company.widgetKey },
    body: { deviceId: storage.deviceId, consent: { version: "v1", locale: "en" } },
  });
  const login = { email: "polled@example.com", password: randomUUID() };
  await createAgent(company.admin, { name: "Lena", role: "agent", ...login });
  const { token } = await open("POST /v1/sessions", { body: { ...login, transport: "token" } });
  const customer = createSync({
    api: createApi({ baseUrl, token: guest.token }),
    baseUrl,
    side: "contact",
    client: "test/1",
    storage,
    WebSocket: BlockedWebSocket,
  });
  const agent = createSync({
    api: createApi({ baseUrl, token: token! }),
    baseUrl,
    side: "business",
    client: "test/1",
    storage: memoryStorage(),
  });
  for (const sync of [customer, agent]) {
    syncs.push(sync);
    sync.start();
    await expect.poll(() => sync.getState().connection.name, patient).toBe("live");
  }

  customer.send(null, { kind: "text", text: "Is anybody there?" });
  await expect.poll(() => customer.getState().started, patient).not.toBeNull();
  const id = customer.getState().started!;
  customer.open(id);
  agent.open(id);
  const texts = (sync: Sync) =>
    thread(sync.getState(), id).flatMap((row) => (row.type === "message" ? [row.message.text] : []));
  await expect.poll(() => texts(agent), patient).toEqual(["Is anybody there?"]);
  agent.send(id, { kind: "text", text: "Yes, here." });
  await expect.poll(() => texts(customer), patient).toEqual(["Is anybody there?", "Yes, here."]);
  await expect.poll(() => isOtherSideOnline(customer.getState(), id), patient).toBe(true);
  customer.markRead(id);
  await expect.poll(() => agent.getState().conversations[id]?.summary.marks.otherRead, patient).toBe(3);

  running.kill("SIGKILL");
  await once(running, "exit");
  customer.send(id, { kind: "text", text: "Written while nobody was there" });
  running = await server.start();
  for (const sync of [customer, agent]) {
    await expect
      .poll(() => texts(sync), patient)
      .toEqual(["Is anybody there?", "Yes, here.", "Written while nobody was there"]);
  }
  expect(customer.getState().outbox).toEqual([]);
}, 120_000);
