import { randomUUID } from "node:crypto";
import { errorCodes, type Problem, type Route, routes } from "@presszero/contracts";
import type { FastifyInstance, InjectOptions } from "fastify";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemCtx } from "../kernel/context.ts";
import { inTx } from "../kernel/database.ts";
import { newId } from "../kernel/ids.ts";
import { createTestCtx, type TestCtx } from "../kernel/testing.ts";
import { type Gateway, startGateway } from "../modules/gateway/index.ts";
import { changeCompany, createAgent, createCompany } from "../modules/identity/index.ts";
import { createHttpServer } from "./http.ts";
import { openApiPath } from "./http-docs.ts";
import { handlers } from "./modules.ts";

const own = "http://localhost:4000";
const password = "a long enough password";

let ctx: TestCtx;
let server: FastifyInstance;
let gateway: Gateway;
let widgetKey: string;
const system = () => systemCtx(ctx, companyId, "test");
const companyId = newId("company");

beforeAll(async () => {
  ctx = await createTestCtx({ publicUrl: own });
  await inTx(system(), async (tx) => {
    ({ widgetKey } = await createCompany(tx, { name: "Kestrel & Finch" }));
    await createAgent(tx, { name: "Amara Okafor", email: "amara@example.com", password, role: "company_admin" });
    await createAgent(tx, { name: "Jonas Weber", email: "jonas@example.com", password, role: "agent" });
  });
  gateway = await startGateway(ctx, () => "");
  server = await createHttpServer(ctx, { ...handlers, ...gateway.handlers });
});
afterAll(async () => {
  await gateway.drain(0);
  await server.close();
  await ctx.close();
});

async function call(request: InjectOptions) {
  const response = await server.inject(request);
  return { response, status: response.statusCode, body: response.body === "" ? undefined : response.json() };
}

function expectProblem({ response, body }: Awaited<ReturnType<typeof call>>, code: Problem["code"]): Problem {
  expect(body).toMatchObject({ code, status: errorCodes[code].status, requestId: expect.any(String) });
  expect(response.statusCode).toBe(errorCodes[code].status);
  expect(response.headers["content-type"]).toBe("application/problem+json");
  return body as Problem;
}

const signIn = (body: object) => call({ method: "POST", url: "/v1/sessions", payload: body });
const bearer = async (email: string) => {
  const { body } = await signIn({ email, password, transport: "token" });
  return { authorization: `Bearer ${body.token}` };
};
const newGuest = async (extra: InjectOptions = {}) =>
  call({
    method: "POST",
    url: `/v1/widgets/${widgetKey}/guests`,
    payload: { deviceId: randomUUID(), consent: { version: "v1", locale: "en" } },
    ...extra,
  });

describe("the contract", () => {
  const closed = (routes as readonly Route[]).filter((route) => route.access !== "public");

  test("every route has a handler, and every handler a route", () => {
    expect(Object.keys({ ...handlers, ...gateway.handlers }).sort()).toEqual(
      routes.map((route) => `${route.method} ${route.path}`).sort(),
    );
  });

  test("OpenAPI holds every route and every error code", async () => {
    const { body } = await call({ method: "GET", url: "/openapi.json" });
    expect(body.openapi).toBe("3.1.0");
    const documented = Object.entries<object>(body.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(documented.sort()).toEqual(routes.map((route) => `${route.method} ${openApiPath(route)}`).sort());
    for (const code of Object.keys(errorCodes)) expect(body.info.description).toContain(`\`${code}\``);
    const send = body.paths["/v1/my/conversations"].post;
    expect(send.parameters).toContainEqual(expect.objectContaining({ in: "header", name: "Idempotency-Key" }));
    expect(Object.keys(body.paths["/v1/sessions/current"].delete.responses)).toEqual(["204", "default"]);
    for (const match of JSON.stringify(body).matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
      expect(body.components.schemas).toHaveProperty(match[1]!);
    }
  });

  test("the documentation is served from here", async () => {
    const response = await server.inject({ method: "GET", url: "/docs/" });
    expect(response.statusCode).toBe(200);
    expect(response.headers["content-security-policy"]).toContain("script-src 'self';");
    expect(response.body).not.toMatch(/(src|href)="https?:/);
  });

  test.each(closed.map((route) => [route] as const))(
    "$method $path refuses a caller who is not signed in",
    async ({ method, path }) => {
      const url = path.replace(/:\w+/g, "x");
      expectProblem(await call({ method, url, payload: method === "GET" ? undefined : {} }), "UNAUTHENTICATED");
      const headers = { authorization: `Bearer pzs.${companyId}.${"x".repeat(43)}` };
      expectProblem(await call({ method, url, headers }), "UNAUTHENTICATED");
    },
  );

  test.each(closed.filter((route) => route.access !== "signed_in").map((route) => [route] as const))(
    "$method $path refuses the other kind of people",
    async ({ method, path, access }) => {
      const guest = { authorization: `Bearer ${(await newGuest()).body.token}` };
      const headers = access === "contact" ? await bearer("amara@example.com") : guest;
      expectProblem(await call({ method, url: path.replace(/:\w+/g, "x"), headers }), "FORBIDDEN");
    },
  );
});

describe("bad input", () => {
  test("names the wrong fields", async () => {
    const problem = expectProblem(await signIn({ email: "nobody", password: "" }), "VALIDATION");
    const paths = (problem.details!.fields as { path: string }[]).map((field) => field.path);
    expect(paths.sort()).toEqual(["email", "password"]);
  });

  test("refuses fields that do not belong there, and changes nothing", async () => {
    const headers = await bearer("amara@example.com");
    const company = (await call({ method: "GET", url: "/v1/me", headers })).body.company;
    for (const extra of [
      { status: "suspended" },
      { id: newId("company") },
      { widgetKey: "0000000000" },
      { createdAt: 0 },
    ]) {
      const answer = await call({ method: "PATCH", url: "/v1/company", headers, payload: { name: "Other", ...extra } });
      const problem = expectProblem(answer, "VALIDATION");
      expect(problem.details!.fields).toEqual([{ path: Object.keys(extra)[0], message: "is not a field here" }]);
    }
    expect((await call({ method: "GET", url: "/v1/me", headers })).body.company).toEqual(company);
  });

  test.each([
    ["an object for a text", { email: { $ne: null }, password }],
    ["an array for a text", { email: ["amara@example.com"], password }],
    ["a list for the body", []],
    ["null for the body", "null"],
    ["a prototype", '{"__proto__":{"role":"company_admin"},"email":"amara@example.com","password":"x"}'],
    ["JSON cut off", '{"email":'],
    ["nothing", ""],
    ["depth", "[".repeat(4000)],
  ])("refuses %s", async (_name, payload) => {
    const { status, body } = await call({
      method: "POST",
      url: "/v1/sessions",
      headers: { "content-type": "application/json" },
      payload,
    });
    expect([400, 422]).toContain(status);
    expect(["BAD_FRAME", "VALIDATION"]).toContain(body.code);
    expect({}).not.toHaveProperty("role");
  });

  test("refuses bytes that are no UTF-8, and text that cannot be stored", async () => {
    const headers = { "content-type": "application/json" };
    const broken = Buffer.concat([
      Buffer.from('{"email":"'),
      Buffer.from([0xff, 0xfe]),
      Buffer.from('","password":"x"}'),
    ]);
    expectProblem(await call({ method: "POST", url: "/v1/sessions", headers, payload: broken }), "BAD_FRAME");
    const auth = await bearer("amara@example.com");
    const nul = await call({ method: "PATCH", url: "/v1/company", headers: auth, payload: { name: "a\u0000b" } });
    expectProblem(nul, "VALIDATION");
  });

  test.each([
    ["text/plain", JSON.stringify({ email: "amara@example.com", password })],
    ["application/x-www-form-urlencoded", "email=amara%40example.com"],
    ["multipart/form-data; boundary=x", "--x--"],
  ])("refuses a body of type %s", async (type, payload) => {
    const answer = await call({ method: "POST", url: "/v1/sessions", headers: { "content-type": type }, payload });
    expectProblem(answer, "UNSUPPORTED_MEDIA_TYPE");
  });

  test("[LM8] limits the size of bodies, those of sign-in to 8 KiB", async () => {
    const login = { email: "amara@example.com", password };
    expectProblem(await signIn({ ...login, filler: "x".repeat(8 * 1024) }), "TOO_LARGE");
    const headers = await bearer("amara@example.com");
    const patch = (name: string) => call({ method: "PATCH", url: "/v1/company", headers, payload: { name } });
    expectProblem(await patch("x".repeat(9 * 1024)), "VALIDATION");
    expectProblem(await patch("x".repeat(1024 * 1024)), "TOO_LARGE");
  });

  test("limits the nesting of bodies, the length of addresses and the number of header fields", async () => {
    const headers = { ...(await bearer("amara@example.com")), "content-type": "application/json" };
    const patch = (depth: number) =>
      call({
        method: "PATCH",
        url: "/v1/company",
        headers,
        payload: `{"name":${"[".repeat(depth - 1)}${"]".repeat(depth - 1)}}`,
      });
    expectProblem(await patch(20), "VALIDATION");
    expectProblem(await patch(21), "TOO_LARGE");
    expectProblem(await patch(50_000), "TOO_LARGE");
    expectProblem(await call({ method: "GET", url: `/v1/company?x=${"x".repeat(8 * 1024)}`, headers }), "TOO_LARGE");
    const many = Object.fromEntries(Array.from({ length: 101 }, (_, index) => [`x-${index}`, "1"]));
    expectProblem(await call({ method: "GET", url: "/v1/company", headers: { ...headers, ...many } }), "TOO_LARGE");
  });

  test("asks for an idempotency key where a write needs one", async () => {
    const headers = { authorization: `Bearer ${(await newGuest()).body.token}` };
    const start = (more: object) =>
      call({
        method: "POST",
        url: "/v1/my/conversations",
        headers: { ...headers, ...more },
        payload: { kind: "text", text: "Hello" },
      });
    for (const more of [{}, { "idempotency-key": "1" }, { "idempotency-key": randomUUID().toUpperCase() }]) {
      const problem = expectProblem(await start(more), "VALIDATION");
      expect(problem.details!.fields).toEqual([expect.objectContaining({ path: "Idempotency-Key" })]);
    }
  });

  test("limits the pages of lists and knows its own cursors", async () => {
    const headers = await bearer("amara@example.com");
    const list = (query: string) => call({ method: "GET", url: `/v1/agents?${query}`, headers });
    for (const query of [
      "limit=0",
      "limit=1000000000",
      "limit=-1",
      "limit=x",
      "cursor=forged",
      "order=id",
      "limit=1&limit=2",
    ]) {
      expectProblem(await list(query), "VALIDATION");
    }
    const first = (await list("limit=1")).body;
    const second = (await list(`limit=1&cursor=${first.next}`)).body;
    expect([...first.items, ...second.items].map((agent: { name: string }) => agent.name)).toEqual([
      "Amara Okafor",
      "Jonas Weber",
    ]);
    expect(second.next).toBeNull();
    const jonas = await bearer("jonas@example.com");
    expectProblem(await call({ method: "GET", url: `/v1/agents?cursor=${first.next}`, headers: jonas }), "VALIDATION");
  });
});

describe("addresses", () => {
  test("unknown ones are 404, known ones with another method 405", async () => {
    for (const url of [
      "/v1/nothing",
      "/v1/",
      "/v1",
      "/v1/me/",
      "/v1/me/x.css",
      "/v1//me",
      "/V1/me",
      "/v1/me;x",
      "/nothing",
    ]) {
      expectProblem(await call({ method: "GET", url }), "NOT_FOUND");
    }
    const answer = await call({ method: "PUT", url: "/v1/sessions" });
    expectProblem(answer, "METHOD_NOT_ALLOWED");
    expect(answer.response.headers.allow).toBe("POST, GET");
    expectProblem(await call({ method: "DELETE", url: `/v1/agents/${newId("agent")}` }), "METHOD_NOT_ALLOWED");
    expectProblem(await call({ method: "GET", url: "/v1/%ff" }), "BAD_FRAME");
  });

  test("the request id of the caller comes back, unless it is none", async () => {
    const id = "trace-1234567890";
    const answer = await call({ method: "GET", url: "/v1/me", headers: { "x-request-id": id } });
    expect(answer.response.headers["x-request-id"]).toBe(id);
    expect(answer.body.requestId).toBe(id);
    const other = await call({ method: "GET", url: "/v1/me", headers: { "x-request-id": "a b\u001b[31m" } });
    expect(other.response.headers["x-request-id"]).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe("cookies and other sites", () => {
  async function cookie(): Promise<string> {
    const { response, body } = await signIn({ email: "jonas@example.com", password });
    expect(body.token).toBeNull();
    const [set] = response.cookies;
    expect(set).toMatchObject({ name: "presszero", path: "/", httpOnly: true, sameSite: "Lax" });
    return `${set!.name}=${set!.value}`;
  }

  test("a write with the cookie has to come from a page of ours", async () => {
    const withCookie = await cookie();
    const write = async (headers: object) =>
      (
        await call({
          method: "POST",
          url: "/v1/realtime/tickets",
          headers: { host: "127.0.0.1:4000", cookie: withCookie, ...headers },
          payload: { deviceId: randomUUID() },
        })
      ).status;
    expect(await write({ origin: own })).toBe(200);
    expect(await write({ origin: "http://127.0.0.1:4000" })).toBe(200);
    expect(await write({ "sec-fetch-site": "same-origin" })).toBe(200);
    expect(await write({})).toBe(403);
    for (const origin of [
      "null",
      "https://evil.example",
      "http://localhost:4000.evil.example",
      "https://localhost:4000",
      "",
    ]) {
      expect(await write({ origin })).toBe(403);
    }
    for (const site of ["cross-site", "same-site", "none"]) expect(await write({ "sec-fetch-site": site })).toBe(403);
  });

  test("reading with the cookie works, and signing out ends it", async () => {
    const headers = { cookie: await cookie() };
    expect((await call({ method: "GET", url: "/v1/me", headers })).body.agent.name).toBe("Jonas Weber");
    const out = await call({ method: "DELETE", url: "/v1/sessions/current", headers: { ...headers, origin: own } });
    expect(out.status).toBe(204);
    expect(out.response.cookies[0]).toMatchObject({ name: "presszero", value: "" });
    expectProblem(await call({ method: "GET", url: "/v1/me", headers }), "UNAUTHENTICATED");
  });

  test("over https the cookie is bound to the host", async () => {
    const secure = await createHttpServer(
      { ...ctx, settings: { ...ctx.settings, publicUrl: "https://chat.example" } },
      handlers,
    );
    const payload = { email: "jonas@example.com", password };
    const response = await secure.inject({ method: "POST", url: "/v1/sessions", payload });
    expect(response.cookies[0]).toMatchObject({ name: "__Host-presszero", secure: true, httpOnly: true, path: "/" });
    expect(response.headers["strict-transport-security"]).toMatch(/^max-age=\d+$/);
    await secure.close();
  });

  test("other sites may call without credentials, and never with them", async () => {
    const preflight = await server.inject({
      method: "OPTIONS",
      url: "/v1/my/conversations",
      headers: {
        origin: "https://shop.example",
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization",
      },
    });
    expect(preflight.statusCode).toBe(204);
    expect(preflight.headers["access-control-allow-origin"]).toBe("*");
    expect(preflight.headers["access-control-allow-headers"]).toContain("Authorization");
    expect(preflight.headers).not.toHaveProperty("access-control-allow-credentials");
    const refused = await server.inject({ method: "GET", url: "/v1/me", headers: { origin: "null" } });
    expect(refused.statusCode).toBe(401);
    expect(refused.headers["access-control-allow-origin"]).toBe("*");
    expect(refused.headers).not.toHaveProperty("access-control-allow-credentials");
  });

  test("answers are not kept, pages and answers carry their policies", async () => {
    const { response } = await call({ method: "GET", url: "/v1/me", headers: await bearer("jonas@example.com") });
    expect(response.headers).toMatchObject({
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    });
    expect(response.headers).not.toHaveProperty("strict-transport-security");
    const settings = await server.inject({ method: "GET", url: `/v1/widgets/${widgetKey}` });
    expect(settings.headers["cache-control"]).toBe("public, max-age=60");
    const page = await server.inject({ method: "GET", url: "/inbox" });
    expect(page.headers["content-security-policy"]).toContain("frame-ancestors 'self'");
    expect(page.headers["content-security-policy"]).toContain("connect-src 'self' ws://localhost:4000");
  });

  test("the widget's frame is for the sites of its company", async () => {
    const policy = async () =>
      (await server.inject({ method: "GET", url: `/widget/frame.html?key=${widgetKey}` })).headers[
        "content-security-policy"
      ];
    expect(await policy()).not.toContain("frame-ancestors");
    expect((await newGuest({ headers: { origin: "https://evil.example" } })).status).toBe(200);

    await changeCompany(system(), { allowedOrigins: ["https://Shop.example:443"] });
    expect(await policy()).toMatch(/frame-ancestors 'self' https:\/\/shop\.example$/);
    expectProblem(await newGuest({ headers: { origin: "https://evil.example" } }), "ORIGIN_NOT_ALLOWED");
    expectProblem(await newGuest({ headers: { origin: "null" } }), "ORIGIN_NOT_ALLOWED");
    expect((await newGuest({ headers: { origin: "https://shop.example" } })).status).toBe(200);
    expect((await newGuest({ headers: { origin: own } })).status).toBe(200);
    await changeCompany(system(), { allowedOrigins: [] });
    const unknown = await server.inject({ method: "GET", url: "/widget/frame.html?key=0000000000" });
    expect(unknown.statusCode).toBe(404);
  });
});

describe("sign-in tells nothing", () => {
  test("a wrong password and an unknown person get the same answer", async () => {
    const problems = await Promise.all(
      ["jonas@example.com", "nobody@example.com"].map(async (email) => {
        const problem = expectProblem(await signIn({ email, password: "wrong password" }), "WRONG_CREDENTIALS");
        return { ...problem, requestId: "" };
      }),
    );
    expect(problems[0]).toEqual(problems[1]);
  });

  test("too many tries have to wait", async () => {
    const tries = await Promise.all(
      Array.from({ length: 11 }, () => signIn({ email: "guessed@example.com", password: "wrong password" })),
    );
    const limited = tries.filter((answer) => answer.status === 429);
    expect(limited).toHaveLength(1);
    const problem = expectProblem(limited[0]!, "RATE_LIMITED");
    expect(problem.retryAfterMs).toBeGreaterThan(0);
    expect(Number(limited[0]!.response.headers["retry-after"])).toBe(Math.ceil(problem.retryAfterMs! / 1000));
  });
});

test("a fault of ours says nothing of its cause", async () => {
  const failing = {
    ...handlers,
    "GET /v1/widgets/:widgetKey": () => Promise.reject(new Error("secret 4711 of row x")),
  };
  const faulty = await createHttpServer(ctx, failing);
  const response = await faulty.inject({ method: "GET", url: `/v1/widgets/${widgetKey}` });
  expect(response.statusCode).toBe(500);
  expect(response.body).not.toContain("4711");
  const leaking = {
    ...handlers,
    "GET /v1/widgets/:widgetKey": async () => ({
      widgetKey,
      companyName: "x",
      accentColor: "#000000",
      consent: { version: "v1", required: true },
      passwordHash: "leak",
    }),
  };
  const leaky = await createHttpServer(ctx, leaking);
  const leaked = await leaky.inject({ method: "GET", url: `/v1/widgets/${widgetKey}` });
  expect(leaked.statusCode).toBe(500);
  expect(leaked.body).not.toContain("leak");
  await Promise.all([faulty.close(), leaky.close()]);
});
