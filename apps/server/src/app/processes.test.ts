// Two processes on one database: what one stores, clients of the other see.
import { randomUUID } from "node:crypto";
import { createApi, createSync, memoryStorage, type Sync, thread, typingAuthors } from "@presszero/sdk";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createTestCtx, type TestCtx } from "../kernel/testing.ts";
import { createAgent } from "../modules/identity/index.ts";
import { createTestCompany, type TestCompany } from "../modules/testing.ts";
import { createTestProcess, type TestProcess } from "./testing-process.ts";

let system: TestCtx;
let company: TestCompany;
let one: TestProcess;
let other: TestProcess;
const syncs: Sync[] = [];

beforeAll(async () => {
  system = await createTestCtx();
  company = await createTestCompany(system);
  one = await createTestProcess(system);
  other = await createTestProcess(system);
  await one.start();
  await other.start();
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
