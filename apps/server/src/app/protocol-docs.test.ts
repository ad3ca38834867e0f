import { frameSchemas } from "@presszero/contracts";
import { rules } from "@presszero/contracts/rules";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestCtx, type TestCtx } from "../kernel/testing.ts";
import { createHttpServer } from "./http.ts";
import { handlers } from "./modules.ts";
import { protocolPage } from "./protocol-page.ts";

let ctx: TestCtx;
let server: FastifyInstance;

beforeAll(async () => {
  ctx = await createTestCtx();
  server = await createHttpServer(ctx, handlers);
});
afterAll(async () => {
  await server.close();
  await ctx.close();
});

const get = (url: string) => server.inject({ method: "GET", url });

test("the page has an anchor for every rule and every frame, and asks nobody else for anything", async () => {
  const { statusCode, headers, body } = await get("/docs/protocol");
  expect(statusCode).toBe(200);
  expect(headers["content-type"]).toBe("text/html; charset=utf-8");
  expect(headers["content-security-policy"]).toMatch(/^default-src 'none'; style-src 'self';/);
  const anchors = [...body.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id!);
  expect(new Set(anchors).size).toBe(anchors.length);
  const { client, server: sent } = frameSchemas();
  const wanted = [...Object.keys(rules).map((id) => id.toLowerCase()), ...Object.keys({ ...client, ...sent })];
  expect(wanted.filter((id) => !anchors.includes(id))).toEqual([]);
  const targets = [...body.matchAll(/href="#([^"]+)"/g)].map(([, id]) => id!);
  expect(targets.filter((id) => !anchors.includes(id))).toEqual([]);
  expect(body).not.toMatch(/<script|<style|style="|(src|href)="(https?:|[^#/])/);
  expect(body).not.toContain("generated:");
});

test("the style sheet is ours, and the API's documentation leads to the page", async () => {
  const { statusCode, headers, body } = await get("/docs/protocol.css");
  expect(statusCode).toBe(200);
  expect(headers["content-type"]).toContain("text/css");
  expect(body).toContain("--pz-text");
  expect(body).not.toMatch(/url\(|@import/);
  expect((await get("/openapi.json")).json().info.description).toContain("(/docs/protocol)");
});

test("the document for programs holds every frame, limit, code, error and rule, and every reference leads somewhere", async () => {
  const response = await get("/docs/protocol.json");
  const document = response.json();
  expect(document).toMatchObject({ asyncapi: "3.0.0", channels: { realtime: { address: "/v1/realtime" } } });
  expect(document["x-rules"].rules).toEqual(rules);
  expect(document["x-close-codes"][4490]).toEqual({ name: "SLOW_CONSUMER", terminal: false });
  expect(document["x-errors"].ORDER_BROKEN).toMatchObject({ status: 409, retry: true });
  expect(document["x-limits"]).toContainEqual(expect.objectContaining({ rule: "LM1", limit: "64 KiB" }));
  const types = (operation: string) =>
    document.operations[operation].messages.map(({ $ref }: { $ref: string }) => $ref.split("/").at(-1));
  const { client, server: sent } = frameSchemas();
  expect(types("fromClient")).toEqual(Object.keys(client));
  expect(types("fromServer")).toEqual(Object.keys(sent));
  const references = [...response.body.matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path]) => path!);
  expect(references.length).toBeGreaterThan(50);
  for (const path of references) {
    const found = path.split("/").reduce((inner, key) => inner?.[key], document);
    expect(found, path).toBeDefined();
  }
});

test("text is escaped, rules are linked, and links to files keep their words alone", () => {
  const page = protocolPage(
    '# A <b> & "c"\n\nSee SR4, not XX9, in [the file](other.md) or [below](#sr4).\n\n```\n<script>\n```\n\n#### SR4\n',
  );
  expect(page).toContain('<h1 id="a-b--c">A &lt;b&gt; &amp; &quot;c&quot;</h1>');
  expect(page).toContain('See <a class="rule" href="#sr4">SR4</a>, not XX9, in the file or <a href="#sr4">below</a>.');
  expect(page).toContain('<pre tabindex="0"><code>&lt;script&gt;\n</code></pre>');
  expect(page).toContain('<h4 id="sr4">');
});
