// The scripts of packages/contracts/conformance, played against the real server over real sockets.
import { randomUUID } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemCtx } from "../kernel/context.ts";
import { inTx } from "../kernel/database.ts";
import { newId } from "../kernel/ids.ts";
import { loadSettings } from "../kernel/settings.ts";
import { createTestCtx, type TestCtx } from "../kernel/testing.ts";
import { createAgent, createCompany } from "../modules/identity/index.ts";
import { type RunningServer, startServer } from "./server.ts";
import { play, scriptFile, type Stage } from "./testing-conformance.ts";

const folder = resolve(import.meta.dirname, "../../../../packages/contracts/conformance");
const files = readdirSync(folder)
  .filter((name) => name.endsWith(".json"))
  .map((name) => ({ name, file: scriptFile.parse(JSON.parse(readFileSync(resolve(folder, name), "utf8"))) }));

const password = "a long enough password";

describe.each(files)("$name", ({ file }) => {
  let ctx: TestCtx;
  let server: RunningServer;
  let baseUrl: string;
  let staff: Record<string, string>;
  let widgetKey: string;

  beforeAll(async () => {
    ctx = await createTestCtx();
    const { limits } = loadSettings({ ...file.settings, DATA_DIR: ctx.settings.dataDir });
    server = await startServer({ ...ctx.settings, limits }, ctx.log);
    baseUrl = `http://127.0.0.1:${server.address!.port}`;
    const home = await addCompany(["admin", "agent", "otherAgent", "leaver"]);
    const foreign = await addCompany(["foreignAgent"]);
    staff = { ...home.tokens, ...foreign.tokens };
    ({ widgetKey } = home);
  });
  afterAll(async () => {
    await server.stop();
    await ctx.close();
  });

  async function addCompany(names: string[]) {
    const system = systemCtx(ctx, newId("company"), "test");
    const address = (name: string) => `${name.toLowerCase()}@${system.companyId.slice(4)}.example`;
    const key = await inTx(system, async (tx) => {
      const company = await createCompany(tx, { name: "Kestrel & Finch" });
      for (const name of names) {
        const role = name === "admin" ? "company_admin" : "agent";
        await createAgent(tx, { name, email: address(name), password, role });
      }
      return company.widgetKey;
    });
    const tokens: Record<string, string> = {};
    for (const name of names) {
      const body = { email: address(name), password, transport: "token" };
      tokens[name] = (await post<{ token: string }>("/v1/sessions", body)).token;
    }
    return { tokens, widgetKey: key };
  }

  /** Every script has customers of its own. */
  async function stage(): Promise<Stage> {
    const guest = async () => {
      const body = { deviceId: randomUUID(), consent: { version: "v1", locale: "en" } };
      return (await post<{ token: string }>(`/v1/widgets/${widgetKey}/guests`, body)).token;
    };
    return { baseUrl, tokens: { ...staff, customer: await guest(), otherCustomer: await guest() } };
  }

  async function post<T>(path: string, body: object): Promise<T> {
    const response = await fetch(baseUrl + path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    expect(response.status).toBe(200);
    return (await response.json()) as T;
  }

  it.each(file.scripts.map((script) => [`${script.title} [${script.rules.join(", ")}]`, script] as const))(
    "%s",
    async (_, script) => expect(play(await stage(), script)).resolves.toBeUndefined(),
  );
});
