// Attacks on the HTTP side that are not about one module's rules, each with the answer that has to come.
import { randomUUID } from "node:crypto";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemCtx } from "../kernel/context.ts";
import { inTx } from "../kernel/database.ts";
import { newId } from "../kernel/ids.ts";
import { createTestCtx, type TestCtx } from "../kernel/testing.ts";
import { createAgent, createCompany } from "../modules/identity/index.ts";
import { serveHealth } from "./health.ts";
import { createHttpServer } from "./http.ts";
import { handlers } from "./modules.ts";
import { serveWebApps } from "./web-apps.ts";

const password = "a long enough password";
const email = "amara@example.com";

let ctx: TestCtx;
let server: FastifyInstance;
let widgetKey: string;
let authorization: string;

beforeAll(async () => {
  ctx = await createTestCtx();
  await inTx(systemCtx(ctx, newId("company"), "test"), async (tx) => {
    ({ widgetKey } = await createCompany(tx, { name: "Kestrel & Finch" }));
    await createAgent(tx, { name: "Amara Okafor", email, password, role: "company_admin" });
  });
  server = await createHttpServer(ctx, handlers);
  serveHealth(server, ctx, () => false);
  await serveWebApps(server);
  const { body } = await signIn("203.0.113.1", { password, transport: "token" });
  authorization = `Bearer ${body.token}`;
});
afterAll(async () => {
  await server.close();
  await ctx.close();
});

async function call(method: "GET" | "POST" | "PATCH", url: string, payload?: object, headers: object = {}) {
  const response = await server.inject({ method, url, payload, headers: { authorization, ...headers } });
  return { status: response.statusCode, body: response.body === "" ? undefined : response.json() };
}

async function signIn(remoteAddress: string, body: object) {
  const response = await server.inject({
    method: "POST",
    url: "/v1/sessions",
    remoteAddress,
    payload: { email, ...body },
  });
  return { status: response.statusCode, body: response.json() };
}

describe("text that is no name", () => {
  const guests = () => `/v1/widgets/${widgetKey}/guests`;
  const guest = (fields: object) => ({ deviceId: randomUUID(), consent: { version: "v1", locale: "en" }, ...fields });
  const fields: [string, string, (text: string) => Promise<Awaited<ReturnType<typeof call>>>][] = [
    ["a guest's name", "name", (name) => call("POST", guests(), guest({ name }))],
    ["a company's name", "name", (name) => call("PATCH", "/v1/company", { name })],
    ["an API key's name", "name", (name) => call("POST", "/v1/api-keys", { name, permissions: ["agents.read"] })],
    [
      "the language of a consent",
      "consent.locale",
      (locale) => call("POST", guests(), guest({ consent: { version: "v1", locale } })),
    ],
    [
      "an invited person's name",
      "name",
      (name) => call("POST", "/v1/invitations/accept", { token: "x".repeat(20), name, password }),
    ],
    [
      "the first company's name",
      "companyName",
      (companyName) => call("POST", "/v1/setup", { token: "x".repeat(20), companyName, name: "A", email, password }),
    ],
  ];
  const texts: [string, string][] = [
    ["U+0000", "a\u0000b"],
    ["half a character", "a\ud800b"],
    ["a line break", "a\r\nBcc: all@example.com"],
    ["a terminal's escape", "\u001b[31m"],
    ["a turned direction", "a\u202egnp.exe"],
    ["nothing to see", "\u200b\u2060"],
    ["too much", "x".repeat(200)],
  ];
  const cases = fields.flatMap(([field, path, send]) =>
    texts.map(([name, text]) => ({ field, path, send, name, text })),
  );

  test.each(cases)("$field refuses $name", async ({ path, send, text }) => {
    const { status, body } = await send(text);
    expect(status).toBe(422);
    const found = (body.details.fields as { path: string }[]).map((one) => one.path);
    expect(new Set(found)).toEqual(new Set([path]));
  });

  test.each(["Zoë", "محمد", "अमृता", "李小龍", "O'Neil-Šmíd & Co. 🦊", "עִבְרִית\u200e 7"])(
    "and keeps %s",
    async (name) => {
      const { body } = await call("POST", guests(), guest({ name }));
      expect(body.me.name).toBe(name);
    },
  );
});

describe("metrics", () => {
  const metrics = async (target: FastifyInstance, headers: object = {}, remoteAddress = "127.0.0.1") =>
    (await target.inject({ method: "GET", url: "/metrics", headers: { ...headers }, remoteAddress })).statusCode;

  test("are for callers on this machine, and not for those whom a proxy on it lets in", async () => {
    expect(await metrics(server)).toBe(200);
    expect(await metrics(server, {}, "203.0.113.7")).toBe(404);
    for (const name of ["x-forwarded-for", "forwarded", "x-real-ip", "via"]) {
      expect(await metrics(server, { [name]: "127.0.0.1" }), name).toBe(404);
    }
    const behind = await createHttpServer(
      { ...ctx, settings: { ...ctx.settings, trustProxy: ["10.0.0.1"] } },
      handlers,
    );
    serveHealth(behind, ctx, () => false);
    expect(await metrics(behind, { "x-forwarded-for": "127.0.0.1" }, "10.0.0.1")).toBe(404);
    await behind.close();
  });

  test("with a token they are for those who have it", async () => {
    const locked = await createHttpServer(ctx, handlers);
    serveHealth(locked, { ...ctx, settings: { ...ctx.settings, metricsToken: "correct horse" } }, () => false);
    expect(await metrics(locked)).toBe(404);
    expect(await metrics(locked, { authorization: "Bearer wrong" })).toBe(404);
    expect(await metrics(locked, { authorization: "Bearer correct horse" }, "203.0.113.7")).toBe(200);
    await locked.close();
  });
});

test("what a build leaves beside its pages is not served", async () => {
  const folder = resolve(import.meta.dirname, "../../../widget/dist");
  const names = [`.${randomUUID()}`, `${randomUUID()}.txt`];
  await mkdir(folder, { recursive: true });
  const files = names.map((name) => resolve(folder, name));
  for (const file of files) await writeFile(file, "left behind");
  const statuses = [];
  for (const name of names) statuses.push((await server.inject({ url: `/widget/${name}` })).statusCode);
  await Promise.all(files.map((file) => rm(file, { force: true })));
  expect(statuses).toEqual([404, 200]);
});

test.each([
  "/widget/..%2f..%2fpackage.json",
  "/widget/%2e%2e/%2e%2e/package.json",
  "/widget/..%5c..%5cpackage.json",
  "/assets/..%2f..%2fpackage.json",
  "/widget/frame.html%00",
  "/docs/static/..%2f..%2fpackage.json",
  "/v1/..%2f..%2fpackage.json",
])("%s leads nowhere", async (url) => {
  const response = await server.inject({ url });
  expect([400, 404]).toContain(response.statusCode);
  expect(response.body).not.toContain("@presszero");
});

test("who guesses a password from one address shuts nobody else out of the login", async () => {
  const guesses = [];
  for (let count = 0; count < 12; count++)
    guesses.push((await signIn("2001:db8:0:1::7", { password: "wrong" })).status);
  expect(guesses).toEqual([...Array<number>(10).fill(401), 429, 429]);
  // The same network, and other spellings of the same login.
  expect((await signIn("2001:db8:0:1:ffff::8", { password })).status).toBe(429);
  expect((await signIn("2001:db8:0:1::7", { email: ` ${email.toUpperCase()}`, password })).status).toBe(429);
  expect((await signIn("203.0.113.9", { password })).status).toBe(200);
});

test("guesses from many addresses end all the same", async () => {
  const body = { email: "guessed@example.com", password: "wrong" };
  const statuses = [];
  for (let count = 0; count < 51; count++) statuses.push((await signIn(`2001:db8:1:${count}::1`, body)).status);
  expect(statuses.at(49)).toBe(401);
  expect(statuses.at(50)).toBe(429);
});

test("an address gets five invitations in an hour at most", async () => {
  const statuses = [];
  for (let count = 0; count < 6; count++) {
    const { status, body } = await call("POST", "/v1/invitations", { email: "flooded@example.com", role: "agent" });
    statuses.push(status);
    if (status !== 200) break;
    const url = `/v1/invitations/${body.invitation.id}`;
    await server.inject({ method: "DELETE", url, headers: { authorization } });
  }
  expect(statuses).toEqual([200, 200, 200, 200, 200, 429]);
});
