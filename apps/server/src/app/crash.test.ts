import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createApi, createSync, memoryStorage, thread } from "@presszero/sdk";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createTestCtx, type TestCtx } from "../kernel/testing.ts";
import { createTestCompany, type TestCompany } from "../modules/testing.ts";

let system: TestCtx;
let company: TestCompany;
let port: number;
const secretKey = randomBytes(32).toString("hex");
const children: ChildProcess[] = [];

beforeAll(async () => {
  system = await createTestCtx();
  company = await createTestCompany(system);
  port = await freePort();
});
afterAll(async () => {
  for (const child of children) child.kill("SIGKILL");
  await system.close();
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  return typeof address === "object" && address ? address.port : 0;
}

/** The real server as a process of its own, ready to serve. */
async function startProcess(crash: "after_commit" | "before_commit" | null): Promise<ChildProcess> {
  const child = spawn(process.execPath, [join(import.meta.dirname, "crash-child.ts")], {
    env: {
      PATH: process.env.PATH,
      PORT: String(port),
      DATABASE_URL: system.url,
      DATA_DIR: system.settings.dataDir,
      SECRET_KEY: secretKey,
      LOG_LEVEL: "silent",
      ...(crash && { CRASH: crash }),
    },
    stdio: ["ignore", "ignore", "inherit"],
  });
  children.push(child);
  for (;;) {
    const response = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => null);
    if (response?.ok) return child;
    if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}`);
    await sleep(50);
  }
}

async function connectGuest() {
  const baseUrl = `http://127.0.0.1:${port}`;
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
    "%s: the message is stored and shown once",
    async (point) => {
      const calm = await startProcess(null);
      const { api, sync } = await connectGuest();
      sync.send(null, { kind: "text", text: "Hello" });
      await until(() => sync.getState().started !== null);
      const id = sync.getState().started!;
      sync.open(id);
      calm.kill("SIGKILL");
      await once(calm, "exit");

      const doomed = await startProcess(point);
      await until(() => sync.getState().connection.name === "live");
      sync.send(id, { kind: "text", text: "Did you get this?" });
      await once(doomed, "exit");
      expect(doomed.signalCode).toBe("SIGKILL");
      expect(thread(sync.getState(), id).at(-1)).toMatchObject({ type: "pending", status: "sending" });

      const revived = await startProcess(null);
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
