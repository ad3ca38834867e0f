// Attacks on the HTTP API and the answer that has to come, one row each. Others stand in access-matrix.test.ts (who may
// what), golden-fields.test.ts (what comes back), fuzz-http.test.ts (input of all shapes), http.test.ts (cookies, other
// sites, content types) and security.test.ts (names, guessing, files).
import { randomUUID } from "node:crypto";
import { Writable } from "node:stream";
import { problem, type Route } from "@presszero/contracts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createLogger } from "../kernel/log.ts";
import { loadSettings } from "../kernel/settings.ts";
import { sendMessage } from "../modules/conversations/index.ts";
import { allRoutes, bodies, invite, keyOf, newConversation, rightCall, text } from "./testing-calls.ts";
import { type Call, type House, openHouse, password, type SignedInCaller } from "./testing-house.ts";
import { exchange } from "./testing-raw.ts";
import { leavesOf } from "./testing-schema.ts";

let logged = "";
const logs = new Writable({
  write(chunk: Buffer, _encoding, done) {
    logged += chunk.toString();
    done();
  },
});

let house: House;
beforeAll(async () => {
  house = await openHouse({}, createLogger({ logLevel: "trace" }, logs));
});
afterAll(() => house.close());

const named = allRoutes.map((route) => [keyOf(route), route] as const);
/** Somebody who may call the route. */
const tokenFor = ({ access }: Route): string | null =>
  access === "public" ? null : house.tokens[access === "contact" ? "customer" : "platformAdmin"];

/** Refused with this status, in the form of every refusal, and nothing has changed. */
async function expectRefusal(call: Call, ...statuses: number[]): Promise<void> {
  const before = await house.checksum();
  const response = await house.call(call);
  expect(statuses).toContain(response.statusCode);
  if (response.body !== "") expect(problem.parse(response.json()).status).toBe(response.statusCode);
  expect(response.body).not.toMatch(/select |insert |update |node_modules|\.ts:\d/i);
  expect(await house.checksum()).toBe(before);
}

describe("SQL and operators in queries", () => {
  test.each([
    "status=' OR 1=1--",
    "status=open&status=closed",
    "assignee=me' or '1'='1",
    "sort=id;drop table message",
    "order=(select pg_sleep(5))",
    "contactId=con_' or true --",
    "contactId[$ne]=x",
    "cursor=' union select password_hash from agent --",
    "cursor[]=x",
    "limit=1;drop",
    "limit[$gt]=1",
    "limit=1 or 1=1",
    "__proto__[limit]=1",
    "constructor.prototype.limit=1",
    "status=%00",
    "limit=1e9",
    "limit=NaN",
    "limit=Infinity",
    "limit=-0.5",
    "limit=９",
  ])("%s", async (query) => {
    const url = `/v1/conversations?${encodeURI(query)}`;
    await expectRefusal({ method: "GET", url, token: house.tokens.agent }, 422);
  });

  test.each(["presszero[$ne]=x", "presszero=%00", "__proto__=x", "presszero=' or 1=1"])("cookie %s", async (cookie) => {
    await expectRefusal({ method: "GET", url: "/v1/me", headers: { cookie } }, 401);
  });
});

describe("fields that do not belong there", () => {
  const extras = {
    id: "agt_00000000000000000000000000",
    company_id: "x",
    companyID: "x",
    owner: true,
    hash: "x",
    passwordHash: "x",
    verified: true,
    isPlatformAdmin: true,
    seq: 9,
    createdAt: "2020-01-01T00:00:00.000Z",
    by: { type: "agent", id: "x" },
    author: { type: "system" },
    widgetKey: "0000000000",
  };

  test.each(named.filter(([, route]) => route.body))("%s refuses each of them", async (_key, route) => {
    const { url, method, payload, headers } = await rightCall(house, route);
    for (const [name, value] of Object.entries(extras)) {
      if (payload && name in payload) continue;
      const body = JSON.stringify({ ...payload, [name]: value });
      await expectRefusal({ method, url, headers, token: tokenFor(route), payload: body }, 422);
    }
    for (const key of ['"__proto__":{"polluted":true}', '"constructor":{"prototype":{"polluted":true}}']) {
      const polluted = JSON.stringify(payload).replace(/^\{/, `{${key},`);
      await expectRefusal({ method, url, headers, token: tokenFor(route), payload: polluted }, 400);
    }
    expect({}).not.toHaveProperty("polluted");
  });

  const withoutBody = named.filter(([, route]) => !route.body && route.method !== "GET");
  test.each(withoutBody)("%s, which takes no body, takes none", async (key, route) => {
    const { url, method } = await rightCall(house, route);
    const call = { url, method, token: tokenFor(route) };
    for (const payload of [{ status: "active" }, "[]", '"x"', "1"]) await expectRefusal({ ...call, payload }, 422);
    expect(withoutBody.map(([one]) => one)).toContain(key);
  });

  test("nested ones neither", async () => {
    const url = `/v1/widgets/${house.home.widgetKey}/guests`;
    const consent = { version: "v1", locale: "en", createdAt: "2020-01-01T00:00:00.000Z" };
    await expectRefusal({ method: "POST", url, payload: { deviceId: randomUUID(), consent } }, 422);
  });
});

describe("bodies that are hard to swallow", () => {
  const read = async (payload: string | Buffer, headers?: Record<string, string>) => ({
    method: "POST" as const,
    url: `/v1/conversations/${await newConversation(house)}/read`,
    token: house.tokens.agent,
    payload: payload as string,
    headers: { "content-type": "application/json", ...headers },
  });

  const refused: [string, number, string | Buffer, Record<string, string>?][] = [
    ["depth", 413, `{"seq":${"[".repeat(10_000)}${"]".repeat(10_000)}}`],
    ["depth of objects", 413, `${'{"a":'.repeat(10_000)}1${"}".repeat(10_000)}`],
    ["a hundred thousand keys", 422, `{${Array.from({ length: 50_000 }, (_, index) => `"k${index}":1`).join(",")}}`],
    ["a long list", 422, `{"seq":[${"0,".repeat(200_000)}0]}`],
    ["infinity", 422, '{"seq":1e999}'],
    ["a number beyond what is exact", 422, '{"seq":9007199254740993}'],
    ["a fraction", 422, '{"seq":1.5}'],
    ["a negative number", 422, '{"seq":-1}'],
    ["a number as text", 422, '{"seq":"1"}'],
    ["NaN", 400, '{"seq":NaN}'],
    ["hexadecimal", 400, '{"seq":0x1}'],
    ["a comment", 400, '{"seq":1/**/}'],
    ["a comma too many", 400, '{"seq":1,}'],
    ["two values", 400, '{"seq":1}{"seq":2}'],
    ["null", 422, "null"],
    ["a list", 422, "[]"],
    ["a text", 422, '"seq"'],
    ["nothing", 400, ""],
    ["white space", 400, "  \n "],
    ["UTF-16", 400, Buffer.from('{"seq":1}', "utf16le"), { "content-type": "application/json; charset=utf-16" }],
    ["Latin-1", 400, Buffer.from('{"é":1}', "latin1"), { "content-type": "application/json; charset=latin1" }],
    ["overlong UTF-8", 400, Buffer.from([0x7b, 0x22, 0xc0, 0xaf, 0x22, 0x3a, 0x31, 0x7d])],
    ["surrogates in UTF-8", 400, Buffer.from([0x7b, 0x22, 0xed, 0xa0, 0x80, 0x22, 0x3a, 0x31, 0x7d])],
    ["a compressed body", 415, Buffer.from("1f8b0800", "hex"), { "content-type": "application/gzip" }],
    ["JSON of another name", 415, '{"seq":1}', { "content-type": "application/vnd.api+json" }],
    ["no content type", 415, '{"seq":1}', { "content-type": "" }],
    ["more than a MiB", 413, `{"seq":${" ".repeat(1024 * 1024)}1}`],
  ];
  test.each(refused)("%s", async (_name, status, payload, headers) => {
    await expectRefusal(await read(payload, headers), status);
  });

  test("a key twice counts as the last one, minus zero as zero, a byte order mark not at all", async () => {
    for (const payload of ['{"seq":"x","seq":1}', '{"seq":-0}', '\ufeff{"seq":1}']) {
      expect((await house.call(await read(payload))).statusCode, payload).toBe(204);
    }
  });

  test("a password is measured before it is hashed", async () => {
    const login = (secret: string) => ({
      method: "POST" as const,
      url: "/v1/sessions",
      payload: { email: house.home.email("agent"), password: secret },
    });
    await expectRefusal(login("x".repeat(10 * 1024 * 1024)), 413);
    await expectRefusal(login("x".repeat(129)), 422);
  });

  test("a login in wide or capital letters is the same login", async () => {
    for (const email of [house.home.email("AGENT"), house.home.email("ａｇｅｎｔ")]) {
      const answer = await house.call({ method: "POST", url: "/v1/sessions", payload: { email, password } });
      expect(answer.statusCode, email).toBe(200);
    }
  });
});

describe("long texts for every pattern", () => {
  const hostile = ["a", "!", "a@", "-a", ".", "a.", "[", "(", "\\", " ", "\u200b", "é", "https://a", "#f", "0", "cnv_"];
  const withTexts = named.flatMap(([key, route]) =>
    (["query", "body"] as const).flatMap((part) =>
      (route[part] ? leavesOf(route[part], "input") : [])
        .filter(({ schema, path }) => schema.type === "string" && !path.includes("*") && !schema.enum)
        .map(({ path }) => ({ key, route, part, path })),
    ),
  );

  test.each(withTexts)("$key $part.$path", async ({ route, part, path }) => {
    const call = await rightCall(house, route);
    // Queries are as long as a line of HTTP may be; bodies as a body, but for those of sign-in.
    const size = part === "query" ? 8_000 : 100_000;
    for (const one of hostile) {
      const long = one.repeat(size / one.length) + "\u0000!";
      const response =
        part === "query"
          ? await house.call({
              ...call,
              url: `${call.url}?${path}=${encodeURIComponent(long).slice(0, 12_000)}`,
              token: tokenFor(route),
            })
          : await house.call({ ...call, payload: put(call.payload, path, long), token: tokenFor(route) });
      expect([400, 413, 422]).toContain(response.statusCode);
    }
  });
});

/** The body with this text at the path. */
function put(body: object | undefined, path: string, value: string): object {
  const copy = structuredClone(body ?? {}) as Record<string, unknown>;
  const names = path.split(".");
  let at = copy;
  for (const [index, name] of names.entries()) {
    const isLast = index === names.length - 1;
    const key = name.replace(/(\[\])+$/, "");
    if (key !== name) {
      at[key] = isLast ? [value] : [{}];
      at = isLast ? at : ((at[key] as object[])[0] as Record<string, unknown>);
    } else if (isLast) at[key] = value;
    else at = (at[key] ??= {}) as Record<string, unknown>;
  }
  return copy;
}

describe("methods", () => {
  test.each(named.filter(([, { method }]) => method === "GET"))("%s changes nothing", async (_key, route) => {
    const call = await rightCall(house, route);
    const before = await house.checksum();
    for (const method of ["GET", "HEAD"] as const) {
      const response = await house.call({ ...call, method, token: tokenFor(route) });
      expect(response.statusCode).toBe(200);
      if (method === "HEAD") expect(response.body).toBe("");
    }
    expect(await house.checksum()).toBe(before);
  });

  test.each(named.filter(([, { method }]) => method !== "GET"))(
    "%s is done by its method alone",
    async (_key, route) => {
      const call = { ...(await rightCall(house, route)), token: tokenFor(route) };
      const before = await house.checksum();
      for (const method of ["HEAD", "OPTIONS", "PUT"] as const) {
        const { statusCode } = await house.call({ ...call, method, payload: undefined });
        expect([200, 204, 401, 404, 405]).toContain(statusCode);
      }
      for (const name of ["x-http-method-override", "x-http-method", "x-method-override"]) {
        const url = `${call.url}?_method=${route.method}`;
        const { statusCode } = await house.call({
          method: "GET",
          url,
          token: call.token,
          headers: { [name]: route.method },
        });
        expect([200, 401, 404, 405, 422]).toContain(statusCode);
      }
      expect(await house.checksum()).toBe(before);
    },
  );
});

describe("headers that pretend", () => {
  test("say nothing about who calls", async () => {
    const headers = {
      "x-user-id": "agt_x",
      "x-company": house.foreign.system.companyId,
      "x-company-id": house.foreign.system.companyId,
      "x-original-url": "/v1/companies",
      "x-rewrite-url": "/v1/companies",
      "x-forwarded-host": "evil.example",
      "x-forwarded-user": "admin",
      forwarded: "for=127.0.0.1;host=evil.example",
    };
    const ask = async (more: Record<string, string>) =>
      (await house.call({ method: "GET", url: "/v1/me", token: house.tokens.agent, headers: more })).body;
    expect(await ask(headers)).toBe(await ask({}));
  });

  test("nor where they come from: tries are counted by the address of the connection", async () => {
    const statuses: number[] = [];
    for (let count = 0; count < 12; count++) {
      const { statusCode } = await house.server.inject({
        method: "POST",
        url: "/v1/sessions",
        remoteAddress: "203.0.113.20",
        headers: { "x-forwarded-for": `198.51.100.${count}`, "x-real-ip": `198.51.100.${count}` },
        payload: { email: "somebody@example.com", password: "wrong" },
      });
      statuses.push(statusCode);
    }
    expect(statuses.slice(-2)).toEqual([429, 429]);
  });

  test("a client that would rather speak HTTP/2 gets its answer", async () => {
    const answer = await exchange(
      house.port,
      "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
    );
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
  });
});

describe("requests that are two, or half of one", () => {
  const head = "POST /v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
  const second = "GET /v1/smuggled HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  test.each([
    ["length and chunks", `${head}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${second}`],
    ["two lengths", `${head}Content-Length: 0\r\nContent-Length: ${second.length}\r\n\r\n${second}`],
    ["a length with a sign", `${head}Content-Length: +2\r\n\r\n{}`],
    ["a length in hexadecimal", `${head}Content-Length: 0x2\r\n\r\n{}`],
    ["chunks twice", `${head}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n${second}`],
    ["chunks by another name", `${head}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${second}`],
    ["chunks before the name ends", `${head}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n${second}`],
    ["a wrong size of a chunk", `${head}Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n${second}`],
    ["a negative size of a chunk", `${head}Transfer-Encoding: chunked\r\n\r\n-1\r\n{}\r\n0\r\n\r\n${second}`],
    ["a folded header", `GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: b\r\n c\r\n\r\n`],
    ["a header with a bare line feed", "GET /healthz HTTP/1.1\nHost: x\n\n"],
    ["a header with NUL", "GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: b\u0000c\r\n\r\n"],
    ["no host", "GET /healthz HTTP/1.1\r\n\r\n"],
    ["another protocol", "SSH-2.0-OpenSSH_9.9\r\n\r\n"],
    ["TLS", "\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003"],
    ["a version that does not exist", "GET /healthz HTTP/9.9\r\nHost: x\r\n\r\n"],
    ["a method that does not exist", "FROB /healthz HTTP/1.1\r\nHost: x\r\n\r\n"],
    ["HTTP/2 without asking", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
    ["64 KiB of one header", `GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: ${"a".repeat(64 * 1024)}\r\n\r\n`],
    ["2,000 headers", `GET /healthz HTTP/1.1\r\nHost: x\r\n${"X-A: 12345\r\n".repeat(2_000)}\r\n`],
    ["an address of 32 KiB", `GET /${"a".repeat(32 * 1024)} HTTP/1.1\r\nHost: x\r\n\r\n`],
  ])("%s", async (_name, request) => {
    const answer = await exchange(house.port, request);
    const statuses = [...answer.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, status]) => Number(status));
    // One answer, a refusal, and the end of the connection: what came behind it was not taken for a request.
    expect(statuses.length).toBeLessThanOrEqual(1);
    for (const status of statuses) expect([400, 404, 414, 431, 501, 505]).toContain(status);
    expect(answer).not.toContain("node_modules");
    expect((await house.call({ method: "GET", url: "/healthz" })).statusCode).toBe(200);
  });

  test("and slow ones are given up", () => {
    const { headersTimeout, requestTimeout, connectionsCheckingInterval } = house.server.server as unknown as Record<
      string,
      number
    >;
    expect(headersTimeout).toBeLessThanOrEqual(10_000);
    expect(requestTimeout).toBeLessThanOrEqual(30_000);
    expect(connectionsCheckingInterval ?? 30_000).toBeLessThanOrEqual(30_000);
  });
});

describe("addresses that lead elsewhere", () => {
  test.each([
    "/v1/../v1/companies",
    "/v1/./me",
    "/v1//me",
    "//v1/me",
    "/v1/me/",
    "/v1/me/x.css",
    "/v1/me;a=b",
    "/v1/%6de",
    "/v1/me%2f",
    "/v1/me%00",
    "/v1/me%20",
    "/v1%2fme",
    "/%76%31/me/../companies",
    "/v1/conversations/..%2fagents",
    "/v1/conversations/%252e%252e",
    "/v1/conversations/counts%2f..",
    "/v1/\\me",
    "/V1/ME",
    "/api/v1/me",
    "/v0/me",
    "/v2/me",
    "/v1/debug",
    "/v1/admin",
    "/v1/__proto__",
    "/v1/constructor",
    "/debug/pprof",
    "/.env",
    "/.git/config",
    "/actuator/env",
    "/graphql",
    "http://evil.example/v1/companies",
    "*",
  ])("%s", async (path) => {
    const answer = await exchange(
      house.port,
      `GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${house.tokens.agent}\r\nConnection: close\r\n\r\n`,
    );
    // `%6d` is an m: the address of the caller's own page, canonical once decoded.
    const expected = path === "/v1/%6de" ? [200] : [400, 403, 404, 422];
    expect(expected).toContain(Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]));
    expect(answer).not.toContain(house.foreign.system.companyId);
  });
});

describe("the same at the same moment", () => {
  const many = 20;
  const ascending = (one: number, other: number) => one - other;
  const statusesOf = async (call: () => Call) =>
    (await Promise.all(Array.from({ length: many }, () => house.call(call()))))
      .map((response) => response.statusCode)
      .sort(ascending);
  const once = (status: number, others: number) => [status, ...Array<number>(many - 1).fill(others)].sort(ascending);
  const admin = () => house.tokens.admin;

  test("an invitation is accepted once", async () => {
    const token = (await invite(house.home)).link.split("#token=")[1];
    const payload = { token, name: "Twin", password };
    const call = (): Call => ({ method: "POST", url: "/v1/invitations/accept", payload });
    expect(await statusesOf(call)).toEqual(once(200, 410));
  });

  test("a person is invited once", async () => {
    const payload = { email: house.home.email(randomUUID()), role: "agent" };
    const statuses = await statusesOf(() => ({ method: "POST", url: "/v1/invitations", payload, token: admin() }));
    // The address may be written to five times in an hour; whoever came first wins.
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    expect(statuses.filter((status) => ![200, 409, 429].includes(status))).toEqual([]);
  });

  test.each([
    ["DELETE /v1/api-keys/:apiKeyId", 204, 404],
    ["DELETE /v1/invitations/:invitationId", 204, 404],
    ["POST /v1/conversations/:conversationId/close", 200, 409],
    ["POST /v1/conversations/:conversationId/reopen", 200, 409],
    ["POST /v1/parked-events/:consumer/:eventId/replay", 204, 404],
  ])("%s is done once", async (key, status, others) => {
    const route = allRoutes.find((one) => keyOf(one) === key)!;
    const call = await rightCall(house, route);
    expect(await statusesOf(() => ({ ...call, token: admin() }))).toEqual(once(status, others));
  });

  test("a device becomes one guest's", async () => {
    const payload = { deviceId: randomUUID(), consent: { version: "v1", locale: "en" } };
    const url = `/v1/widgets/${house.home.widgetKey}/guests`;
    expect(await statusesOf(() => ({ method: "POST", url, payload }))).toEqual(once(200, 422));
  });

  test("one key starts one conversation with one message", async () => {
    const headers = { "idempotency-key": randomUUID() };
    const url = "/v1/my/conversations";
    const call = { method: "POST", url, headers, payload: text, token: house.tokens.otherCustomer } as const;
    const answers = await Promise.all(Array.from({ length: many }, () => house.call(call)));
    const sent = answers.map((answer) => answer.json() as { messageId: string; duplicate: boolean });
    expect(new Set(sent.map((one) => one.messageId)).size).toBe(1);
    expect(sent.filter((one) => !one.duplicate)).toHaveLength(1);
    await expectRefusal({ ...call, payload: { ...text, text: "Another" } }, 409);
  });
});

describe("pages", () => {
  const paged = named.filter(
    ([, route]) => route.query && "cursor" in route.query.shape && "limit" in route.query.shape,
  );
  const cursors = ["", "x", "e30.", ".x", "a.b", "a.b.c", `${"x".repeat(300)}`, "eyJhIjoxfQ.AAAA"];

  test.each(paged)("%s knows its cursors and its limits", async (_key, route) => {
    const { url } = await rightCall(house, route);
    const more = url.includes("?") ? "&" : "?";
    for (const cursor of cursors) {
      await expectRefusal({ method: "GET", url: `${url}${more}cursor=${cursor}`, token: tokenFor(route) }, 422);
    }
    for (const limit of ["0", "-1", "1000", "1000000000", "1.5", "x", "", "%00", "1e400", "9007199254740993"]) {
      await expectRefusal({ method: "GET", url: `${url}${more}limit=${limit}`, token: tokenFor(route) }, 422);
    }
  });
});

describe("what is not there and what is somebody else's", () => {
  const withThings = named.filter(
    ([, { path, access }]) => /:(?!widgetKey)/.test(path) && access !== "platform.manage",
  );

  test.each(withThings)("%s answers alike", async (_key, route) => {
    const call = await rightCall(house, route);
    const answer = async (url: string) => {
      const caller: SignedInCaller = route.access === "contact" ? "foreignCustomer" : "foreignAdmin";
      const response = await house.call({ ...call, url, token: house.tokens[caller] });
      const { requestId: _requestId, ...rest } = response.json() as Record<string, unknown>;
      const headers = Object.keys(response.headers).sort();
      return { status: response.statusCode, rest, headers };
    };
    // Another id of the same shape that nobody has.
    const another = (id: string) => id.slice(0, -1) + (id.endsWith("z") ? "y" : "z");
    const nobodys = call.url.replace(/_[0-9a-z]{26}/g, another).replace(/\d{5,}\/replay/, "1/replay");
    expect(nobodys).not.toBe(call.url);
    expect(await answer(call.url)).toEqual(await answer(nobodys));
  });
});

describe("what may be kept by others", () => {
  test.each(named)("%s says so", async (key, route) => {
    const response = await house.call({ ...(await rightCall(house, route)), token: tokenFor(route) });
    const expected = key === "GET /v1/widgets/:widgetKey" ? "public, max-age=60" : "no-store";
    expect(response.headers["cache-control"]).toBe(expected);
    expect(response.headers["x-content-type-options"]).toBe("nosniff");
    expect(response.headers).not.toHaveProperty("x-powered-by");
    expect(response.headers).not.toHaveProperty("server");
  });
});

describe("what is written down", () => {
  test("holds no secret, no text of a person and no address, and one line is one entry", async () => {
    logged = "";
    const canary = `canary${randomUUID().replaceAll("-", "")}`;
    const customer = await house.as("customer");
    const id = await newConversation(house);
    const headers = { "user-agent": `${canary}\u001b[31m`, referer: `https://x/${canary}`, "x-request-id": canary };
    const login = { email: `${canary}@example.com`, password: canary };
    await house.call({ method: "POST", url: "/v1/sessions", payload: login, headers });
    await house.call({
      method: "GET",
      url: `/v1/me?token=${canary}`,
      token: canary,
      headers: { cookie: `presszero=${canary}` },
    });
    await house.call({ method: "GET", url: `/v1/conversations?cursor=${canary}`, token: house.tokens.agent });
    await house.call({
      method: "POST",
      url: "/v1/setup",
      payload: { ...(await bodies["POST /v1/setup"]!(house)), token: canary },
    });
    await sendMessage(customer, id, {
      deviceId: randomUUID(),
      clientId: randomUUID(),
      message: { kind: "text", text: canary },
    });
    const socket = await house.connect(house.tokens.customer);
    socket.sendRaw(JSON.stringify({ type: canary, ticket: canary }));
    await socket.next("error");
    socket.close();
    await socket.closed;
    const lines = logged.trimEnd().split("\n");
    expect(lines.length).toBeGreaterThan(2);
    for (const line of lines) expect(JSON.parse(line)).toHaveProperty("level");
    expect(logged.replaceAll("\n", "")).not.toMatch(/\p{Cc}/u);
    // The id that a caller gives its request is meant to be found again.
    expect(logged.replaceAll(`"requestId":"${canary}"`, "")).not.toContain(canary);
    for (const token of Object.values(house.tokens)) expect(logged).not.toContain(token.split(".").at(-1));
    const metrics = await house.server.inject({ url: "/metrics" });
    expect(metrics.body).toContain("presszero_http");
    expect(metrics.body).not.toContain(canary);
    expect(metrics.body).not.toMatch(/(cmp|cnv|agt|con|key|ses)_[0-9a-z]{26}/);
  });

  test("and a name of a megabyte is refused before it is written anywhere", async () => {
    await expectRefusal(
      { method: "PATCH", url: "/v1/company", token: house.tokens.admin, payload: { name: "x".repeat(1024 * 1023) } },
      422,
    );
    const answer = await exchange(
      house.port,
      `GET /v1/me HTTP/1.1\r\nHost: x\r\nUser-Agent: ${"x".repeat(1024 * 1024)}\r\n\r\n`,
    );
    expect(answer).toMatch(/^(HTTP\/1\.1 431 |$)/);
  });
});

describe("limits on messages", () => {
  let narrow: House;
  beforeAll(async () => {
    const limits = loadSettings({ PUBLIC_URL: "http://localhost:4000" }).limits;
    const rate = { perSecond: 0.001, burst: 3 };
    narrow = await openHouse({ limits: { ...limits, customerSends: rate, addressSends: { ...rate, burst: 5 } } });
  });
  afterAll(() => narrow.close());

  const start = async (token: string, remoteAddress: string) => {
    const headers = { authorization: `Bearer ${token}`, "idempotency-key": randomUUID() };
    const call = { method: "POST", url: "/v1/my/conversations", headers, payload: text, remoteAddress } as const;
    return (await narrow.server.inject(call)).statusCode;
  };

  test("are a person's, whichever way they write", async () => {
    const token = narrow.tokens.customer;
    for (const expected of [200, 200, 200, 429]) expect(await start(token, "203.0.113.1")).toBe(expected);
    const socket = await narrow.connect(token);
    socket.send({ type: "send", id: 1, conversationId: null, clientId: randomUUID(), message: text });
    expect(await socket.next("error")).toMatchObject({ id: 1, code: "RATE_LIMITED" });
    socket.close();
  });

  test("and a network's, whichever of its addresses they use", async () => {
    const statuses: number[] = [];
    for (let count = 0; count < 7; count++) {
      statuses.push(await start(await narrow.enter("customer"), `2001:db8:7:7::${count}`));
    }
    expect(statuses).toEqual([200, 200, 200, 200, 200, 429, 429]);
    expect(await start(await narrow.enter("customer"), "2001:db8:7:8::1")).toBe(200);
  });
});
