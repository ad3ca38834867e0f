import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { createApi, createSync, memoryStorage, thread } from "@presszero/sdk";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createTestCtx, type TestCtx } from "../kernel/testing.ts";
import { createTestCompany, type TestCompany } from "../modules/testing.ts";
import { createTestProcess, type TestProcess } from "./testing-process.ts";

let system: TestCtx;
let company: TestCompany;
let server: TestProcess;

beforeAll(async () => {
  system = await createTestCtx();
  company = await createTestCompany(system);
  server = await createTestProcess(system);
});
afterAll(async () => {
  server.close();
  await system.close();
});

async function connectGuest() {
  const { baseUrl } = server;
  const storage = memoryStorage();
  const open = createApi({ baseUrl });
  const { token } = await open("POST /v1/widgets/:widgetKey/guests", {
    params: { widgetKey: company.widgetKey },
    body: { deviceId: storage.deviceId, consent: { version: "v1", locale: "en" } },
  });
  const api = createApi({ baseUrl, token });
  const sync = createSync({ api, baseUrl, side: "contact", client: "test/1", storage });
  sync.start();
  return { api, sync };
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await sleep(20);
}

describe("a server that is killed with SIGKILL", () => {
  it.each(["after_commit", "before_commit"] as const)(
    "[PR1, PR2] %s: the message is stored and shown once",
    async (point) => {
      const calm = await server.start();
      const { api, sync } = await connectGuest();
      sync.send(null, { kind: "text", text: "Hello" });
      await until(() => sync.getState().started !== null);
      const id = sync.getState().started!;
      sync.open(id);
      calm.kill("SIGKILL");
      await once(calm, "exit");

      const doomed = await server.start(point);
      await until(() => sync.getState().connection.name === "live");
      sync.send(id, { kind: "text", text: "Did you get this?" });
      await once(doomed, "exit");
      expect(doomed.signalCode).toBe("SIGKILL");
      expect(thread(sync.getState(), id).at(-1)).toMatchObject({ type: "pending", status: "sending" });

      const revived = await server.start();
      sync.send(id, { kind: "text", text: "And this?" });
      const texts = () =>
        thread(sync.getState(), id).flatMap((item) => (item.type === "message" ? [item.message.text] : []));
      await until(() => texts().length >= 3);
      expect(texts()).toEqual(["Hello", "Did you get this?", "And this?"]);
      const { events } = await api("GET /v1/my/conversations/:conversationId/events", {
        params: { conversationId: id },
      });
      expect(events.map((event) => event.seq)).toEqual([1, 2, 3, 4]);
      expect(events.flatMap((event) => (event.kind === "message.created" ? [event.data.text] : []))).toEqual(texts());
      sync.stop();
      revived.kill("SIGTERM");
      await once(revived, "exit");
      expect(revived.exitCode).toBe(0);
    },
    60_000,
  );
});
