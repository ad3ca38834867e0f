// The example of the SDK's README, run as it stands against the real server.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createTestCtx, type TestCtx } from "../kernel/testing.ts";
import { listConversations } from "../modules/conversations/index.ts";
import { createTestCompany, type TestCompany } from "../modules/testing.ts";
import { createTestProcess, type TestProcess } from "./testing-process.ts";

const example = join(import.meta.dirname, "../../../../packages/sdk/examples/readme.ts");

let system: TestCtx;
let company: TestCompany;
let server: TestProcess;

beforeAll(async () => {
  system = await createTestCtx();
  company = await createTestCompany(system);
  server = await createTestProcess(system);
  await server.start();
});
afterAll(async () => {
  server.close();
  await system.close();
});

it("starts a conversation and prints what happens in it", async () => {
  const child = spawn(process.execPath, [example], {
    env: { PATH: process.env.PATH, PRESSZERO_URL: server.baseUrl, WIDGET_KEY: company.widgetKey },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let printed = "";
  await new Promise<void>((resolve, reject) => {
    child.stdout.on("data", (chunk: Buffer) => {
      printed += chunk.toString();
      if (printed.includes("Hello")) resolve();
    });
    child.on("exit", () => reject(new Error(`the example ended; it printed: ${printed}`)));
  });
  child.kill("SIGKILL");
  const { items } = await listConversations(company.agent, { limit: 10 });
  expect(items).toHaveLength(1);
  expect(printed).toContain(items[0]!.preview!.text);
});
