// Every route and every frame with every kind of caller. One without an expectation fails: nobody adds it unprotected.
import { randomUUID } from "node:crypto";
import type { AddressInfo } from "node:net";
import {
  clientFrame,
  type ConversationId,
  conversationId,
  permissions,
  type Route,
  routes,
} from "@presszero/contracts";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Ctx, systemCtx } from "../kernel/context.ts";
import { inTx } from "../kernel/database.ts";
import { newId } from "../kernel/ids.ts";
import { createTestCtx, type TestCtx } from "../kernel/testing.ts";
import { createGuest } from "../modules/contacts/index.ts";
import { closeConversation, listEvents, startConversation } from "../modules/conversations/index.ts";
import { type Gateway, startGateway } from "../modules/gateway/index.ts";
import { openTestClient } from "../modules/gateway/test-client.ts";
import {
  authenticate,
  createAgent,
  createApiKey,
  createCompany,
  createTicket,
  inviteAgent,
  signIn,
} from "../modules/identity/index.ts";
import { createHttpServer } from "./http.ts";
import { handlers } from "./modules.ts";

const password = "a long enough password";
const client = { ip: "203.0.113.7", userAgent: "Firefox", origin: null };
const text = { kind: "text" as const, text: "Hello" };

const callers = [
  "nobody",
  "customer",
  "otherCustomer",
  "agent",
  "supervisor",
  "admin",
  "platformAdmin",
  "apiKey",
  "narrowKey",
  "foreignCustomer",
  "foreignAdmin",
] as const;
type Caller = (typeof callers)[number];

/** `in`: it is done. Anything else is the code of the refusal. */
type Verdict = "in" | "FORBIDDEN" | "UNAUTHENTICATED" | "NOT_FOUND";
type Expectation = Record<Caller, Verdict>;

/** What a caller gets where nothing of the route names a thing of the company. */
function staffOnly(allowed: readonly Caller[]): Expectation {
  const verdict = (caller: Caller): Verdict => {
    if (caller === "nobody") return "UNAUTHENTICATED";
    return allowed.includes(caller) ? "in" : "FORBIDDEN";
  };
  return Object.fromEntries(callers.map((caller) => [caller, verdict(caller)])) as Expectation;
}

/** The same where the address names a thing of the company: another company's admin does not find it. */
function staffOnThing(allowed: readonly Caller[]): Expectation {
  return { ...staffOnly(allowed), foreignAdmin: "NOT_FOUND" };
}

const everybody = Object.fromEntries(callers.map((caller) => [caller, "in"])) as Expectation;
const signedIn: Expectation = { ...everybody, nobody: "UNAUTHENTICATED" };
const customers: Expectation = {
  ...staffOnly([]),
  customer: "in",
  otherCustomer: "in",
  foreignCustomer: "in",
};
const customerOfConversation: Expectation = { ...customers, otherCustomer: "NOT_FOUND", foreignCustomer: "NOT_FOUND" };
const staff = ["agent", "supervisor", "admin", "platformAdmin", "apiKey", "foreignAdmin"] as const;
const supervisors = ["supervisor", "admin", "platformAdmin", "apiKey", "foreignAdmin"] as const;
const admins = ["admin", "platformAdmin", "apiKey", "foreignAdmin"] as const;
const people = ["agent", "supervisor", "admin", "platformAdmin", "foreignAdmin"] as const;

const expectations: Record<string, Expectation> = {
  "POST /v1/sessions": everybody,
  "GET /v1/me": signedIn,
  "GET /v1/sessions": staffOnly(people),
  "DELETE /v1/sessions/current": { ...signedIn, apiKey: "FORBIDDEN", narrowKey: "FORBIDDEN" },
  "DELETE /v1/sessions/:sessionId": {
    ...staffOnThing(people),
    supervisor: "NOT_FOUND",
    admin: "NOT_FOUND",
    platformAdmin: "NOT_FOUND",
  },
  "POST /v1/setup": everybody,
  "GET /v1/companies": staffOnly(["platformAdmin"]),
  "POST /v1/companies": staffOnly(["platformAdmin"]),
  "PATCH /v1/companies/:companyId": staffOnly(["platformAdmin"]),
  "PATCH /v1/company": staffOnly(admins),
  "GET /v1/agents": staffOnly([...staff, "narrowKey"]),
  "PATCH /v1/agents/:agentId": staffOnThing(admins),
  "GET /v1/invitations": staffOnly(admins),
  "POST /v1/invitations": staffOnly(admins),
  "DELETE /v1/invitations/:invitationId": staffOnThing(admins),
  "POST /v1/invitations/accept": everybody,
  "GET /v1/api-keys": staffOnly(admins),
  "POST /v1/api-keys": staffOnly(admins),
  "DELETE /v1/api-keys/:apiKeyId": staffOnThing(admins),
  "POST /v1/realtime/tickets": signedIn,
  "GET /v1/widgets/:widgetKey": everybody,
  "POST /v1/widgets/:widgetKey/guests": everybody,
  "GET /v1/conversations": staffOnly(staff),
  "GET /v1/conversations/counts": staffOnly(staff),
  "GET /v1/conversations/:conversationId": staffOnThing(staff),
  "GET /v1/conversations/:conversationId/events": staffOnThing(staff),
  "POST /v1/conversations/:conversationId/messages": staffOnThing(staff),
  "POST /v1/conversations/:conversationId/read": staffOnThing(staff),
  "POST /v1/conversations/:conversationId/assign": staffOnThing(staff),
  "POST /v1/conversations/:conversationId/close": staffOnThing(staff),
  "POST /v1/conversations/:conversationId/reopen": staffOnThing(staff),
  "GET /v1/my/conversations": customers,
  "POST /v1/my/conversations": customers,
  "GET /v1/my/conversations/:conversationId": customerOfConversation,
  "GET /v1/my/conversations/:conversationId/events": customerOfConversation,
  "POST /v1/my/conversations/:conversationId/messages": customerOfConversation,
  "POST /v1/my/conversations/:conversationId/read": customerOfConversation,
  "POST /v1/my/conversations/:conversationId/close": customerOfConversation,
  "GET /v1/parked-events": staffOnly(supervisors),
  "POST /v1/parked-events/:consumer/:eventId/replay": staffOnThing(supervisors),
  "GET /v1/conversations/:conversationId/messages/:messageId/trace": staffOnThing(supervisors),
};

let ctx: TestCtx;
let server: FastifyInstance;
let gateway: Gateway;
let port: number;
let home: Home;
let foreign: Home;
const tokens = {} as Record<Exclude<Caller, "nobody">, string>;

/** A company with an agent of each role, at `ROLE@SLUG.example`. */
type Home = { system: Ctx; widgetKey: string; email(name: string): string };

async function createHome(slug: string): Promise<Home> {
  const system = systemCtx(ctx, newId("company"), "test");
  const email = (name: string) => `${name}@${slug}.example`;
  const widgetKey = await inTx(system, async (tx) => {
    const company = await createCompany(tx, { name: slug });
    for (const role of ["agent", "supervisor", "company_admin"] as const) {
      await createAgent(tx, { name: role, email: email(role), password, role });
    }
    const platform = { name: "platform", email: email("platform"), role: "company_admin" } as const;
    await createAgent(tx, { ...platform, password, isPlatformAdmin: true });
    return company.widgetKey;
  });
  return { system, widgetKey, email };
}

const signInAs = async (one: Home, name: string) =>
  (await signIn(ctx, { email: one.email(name), password }, { ...client, ip: randomAddress() })).token;
const newGuest = async ({ widgetKey }: Home) => {
  const consent = { version: "v1", locale: "en" };
  return (await createGuest(ctx, widgetKey, { deviceId: randomUUID(), consent }, client)).token;
};
/** Limits on tries are not what is tested here. */
const randomAddress = () => `2001:db8:${randomUUID().slice(0, 4)}:${randomUUID().slice(0, 4)}::1`;

/** Signs a caller in anew. */
async function enter(caller: Exclude<Caller, "nobody">): Promise<string> {
  const admin = () => authenticate(ctx, tokens.admin);
  switch (caller) {
    case "customer":
    case "otherCustomer":
      return newGuest(home);
    case "foreignCustomer":
      return newGuest(foreign);
    case "agent":
    case "supervisor":
      return signInAs(home, caller);
    case "admin":
      return signInAs(home, "company_admin");
    case "platformAdmin":
      return signInAs(home, "platform");
    case "foreignAdmin":
      return signInAs(foreign, "company_admin");
    case "apiKey": {
      const all = permissions.filter((permission) => permission !== "platform.manage");
      return (await createApiKey(await admin(), { name: "All", permissions: all })).secret;
    }
    case "narrowKey":
      return (await createApiKey(await admin(), { name: "Narrow", permissions: ["agents.read"] })).secret;
  }
}

beforeAll(async () => {
  ctx = await createTestCtx();
  home = await createHome("home");
  foreign = await createHome("foreign");
  tokens.admin = await enter("admin");
  for (const caller of callers) {
    if (caller !== "nobody" && caller !== "admin") tokens[caller] = await enter(caller);
  }
  server = await createHttpServer(ctx, handlers);
  gateway = await startGateway(ctx, (request) => request.socket.remoteAddress ?? "");
  server.server.on("upgrade", gateway.handleUpgrade);
  await server.listen({ port: 0, host: "127.0.0.1" });
  ({ port } = server.server.address() as AddressInfo);
});
afterAll(async () => {
  await gateway.drain(0);
  await server.close();
  await ctx.close();
});

async function newConversation(): Promise<ConversationId> {
  const customer = await authenticate(ctx, tokens.customer);
  const input = { deviceId: randomUUID(), clientId: randomUUID(), message: text };
  return (await startConversation(customer, input)).conversationId;
}

/** The things that addresses name, always of the company `home`: its customer's, its agent's. */
const things: Record<string, (path: string, url: string) => Promise<string>> = {
  conversationId: async (path) => {
    const id = await newConversation();
    if (path.endsWith("/reopen")) await closeConversation(home.system, id);
    return id;
  },
  // The first message of the conversation that the address names before it.
  messageId: async (_path, url) => {
    const { events } = await listEvents(home.system, conversationId.parse(url.split("/")[3]), { limit: 10 });
    return events.flatMap((event) => (event.kind === "message.created" ? [event.data.id] : []))[0]!;
  },
  agentId: async () => (await addAgent()).id,
  sessionId: async () => {
    const caller = await authenticate(ctx, await signInAs(home, "agent"));
    return caller.actor.type === "agent" ? caller.actor.sessionId : "";
  },
  invitationId: async () => (await invite()).invitation.id,
  apiKeyId: async () => {
    const admin = await authenticate(ctx, tokens.admin);
    return (await createApiKey(admin, { name: "Old", permissions: ["agents.read"] })).apiKey.id;
  },
  // The installation's: another company than the caller's own, which nobody may suspend.
  companyId: async () => foreign.system.companyId,
  widgetKey: async () => home.widgetKey,
  consumer: async () => "test",
  eventId: async () => {
    const eventId = String(Math.floor(Math.random() * 1e12));
    await ctx.database.worker.query(
      `insert into consumer_retry (company_id, consumer, event_id, subject_id, event_type, seq, parked_at)
       values ($1, 'test', $2, 'x', 'thing.happened', 1, now())`,
      [home.system.companyId, eventId],
    );
    return eventId;
  },
};

const addAgent = () =>
  createAgent(home.system, { name: "New", email: home.email(randomUUID()), password, role: "agent" });
const invite = () => inviteAgent(home.system, { email: home.email(randomUUID()), role: "agent" });

/** Bodies that are right. */
const bodies: Record<string, () => unknown> = {
  "POST /v1/sessions": () => ({ email: home.email("agent"), password }),
  "POST /v1/companies": () => ({ name: "New", adminEmail: home.email(randomUUID()) }),
  "PATCH /v1/companies/:companyId": () => ({ status: "active" }),
  "PATCH /v1/company": () => ({ accentColor: "#000000" }),
  "PATCH /v1/agents/:agentId": () => ({ role: "supervisor" }),
  "POST /v1/invitations": () => ({ email: home.email(randomUUID()), role: "agent" }),
  "POST /v1/invitations/accept": async () => ({
    token: (await invite()).link.split("#token=")[1],
    name: "New",
    password,
  }),
  "POST /v1/api-keys": () => ({ name: "New", permissions: ["agents.read"] }),
  "POST /v1/realtime/tickets": () => ({ deviceId: randomUUID() }),
  "POST /v1/widgets/:widgetKey/guests": () => ({ deviceId: randomUUID(), consent: { version: "v1", locale: "en" } }),
  "POST /v1/conversations/:conversationId/messages": () => text,
  "POST /v1/conversations/:conversationId/read": () => ({ seq: 1 }),
  "POST /v1/conversations/:conversationId/assign": () => ({ agentId: null }),
  "POST /v1/my/conversations": () => text,
  "POST /v1/my/conversations/:conversationId/messages": () => text,
  "POST /v1/my/conversations/:conversationId/read": () => ({ seq: 1 }),
  // There is an admin of the installation, so this can only be refused: the same for all.
  "POST /v1/setup": () => ({
    token: "x".repeat(43),
    companyName: "New",
    name: "New",
    email: home.email(randomUUID()),
    password,
  }),
};

/** Everything that was ever done in the company, in one line. */
async function traces(): Promise<string> {
  const { rows } = await ctx.database.worker.query(
    `select (select count(*) from event where company_id = $1) as events,
            (select count(*) from consumer_retry where company_id = $1 and parked_at is not null) as parked`,
    [home.system.companyId],
  );
  return JSON.stringify(rows);
}

const keyOf = (route: Route) => `${route.method} ${route.path}`;

test("every route has an expectation, and every expectation a route", () => {
  expect(Object.keys(expectations).sort()).toEqual(routes.map(keyOf).sort());
});

describe.each((routes as readonly Route[]).map((route) => [keyOf(route), route] as const))("%s", (key, route) => {
  test.each(callers)("for %s", async (caller) => {
    const verdict = expectations[key]![caller];
    let url: string = route.path;
    for (const [, name] of route.path.matchAll(/:(\w+)/g)) {
      url = url.replace(`:${name}`, await things[name!]!(route.path, url));
    }
    const payload = (await bodies[key]?.()) as object | undefined;
    const isLast = key === "DELETE /v1/sessions/current";
    const token = caller === "nobody" ? null : isLast ? await enter(caller) : tokens[caller];
    const before = await traces();
    const response = await server.inject({
      method: route.method,
      url,
      payload,
      remoteAddress: randomAddress(),
      headers: {
        ...(token !== null && { authorization: `Bearer ${token}` }),
        ...(route.idempotent && { "idempotency-key": randomUUID() }),
      },
    });
    const code = response.statusCode < 400 ? "in" : (response.json() as { code: string }).code;
    expect(code).toBe(key === "POST /v1/setup" ? "SETUP_CLOSED" : verdict);
    if (verdict !== "in") expect(await traces()).toBe(before);
    // What another company or customer wrote shows nowhere.
    if (caller.startsWith("foreign") && verdict === "in" && route.access !== "public") {
      expect(response.body).not.toContain(home.system.companyId);
    }
  });
});

describe("ids in bodies and queries", () => {
  const call = (method: "GET" | "POST", url: string, caller: Exclude<Caller, "nobody">, payload?: object) =>
    server.inject({ method, url, payload, headers: { authorization: `Bearer ${tokens[caller]}` } });

  test("a conversation is not given to another company's agent", async () => {
    const theirs = await authenticate(ctx, tokens.foreignAdmin);
    const id = await newConversation();
    const answer = await call("POST", `/v1/conversations/${id}/assign`, "admin", { agentId: theirs.actor.id });
    expect(answer.json()).toMatchObject({ code: "NOT_FOUND" });
  });

  test("a list of another company's customer is empty, and its cursor is none", async () => {
    await newConversation();
    await newConversation();
    const mine = await authenticate(ctx, tokens.customer);
    const list = await call("GET", `/v1/conversations?contactId=${mine.actor.id}`, "foreignAdmin");
    expect(list.json()).toEqual({ items: [], next: null });
    const { next } = (await call("GET", "/v1/conversations?limit=1", "admin")).json() as { next: string };
    for (const caller of ["foreignAdmin", "agent"] as const) {
      const answer = await call("GET", `/v1/conversations?limit=1&cursor=${next}`, caller);
      expect(answer.json()).toMatchObject({ code: "VALIDATION" });
    }
  });
});

/** Frames that name a conversation; `other` ones name none. What comes back when it is somebody else's. */
const frames: Record<string, "NOT_FOUND" | "gone" | "nothing" | "other"> = {
  hello: "gone",
  send: "NOT_FOUND",
  ack: "NOT_FOUND",
  read: "NOT_FOUND",
  subscribe: "NOT_FOUND",
  unsubscribe: "nothing",
  fetch: "NOT_FOUND",
  typing: "NOT_FOUND",
  ping: "other",
};

test("every frame has an expectation", () => {
  const types = clientFrame.options.map((option) => option.shape.type.value);
  expect(Object.keys(frames).sort()).toEqual(types.sort());
});

describe.each(["otherCustomer", "foreignCustomer", "foreignAdmin", "narrowKey"] as const)("frames of %s", (caller) => {
  test("for a conversation that is not theirs get nothing", async () => {
    const conversationId = await newConversation();
    const deviceId = randomUUID();
    const { ticket } = await createTicket(await authenticate(ctx, tokens[caller]), { deviceId });
    const before = await traces();
    const refusal = caller === "narrowKey" ? "FORBIDDEN" : "NOT_FOUND";
    const socket = await openTestClient(port);
    const subscriptions = caller === "narrowKey" ? [] : [{ conversationId, after: 0 }];
    socket.send({ type: "hello", version: 1, ticket, deviceId, client: "test", epoch: null, subscriptions });
    await socket.next("welcome");
    if (caller !== "narrowKey") await socket.next("gone", (frame) => frame.conversationId === conversationId);
    const send = { type: "send" as const, conversationId, clientId: randomUUID(), message: text };
    socket.send({ ...send, id: 1 });
    socket.send({ type: "subscribe", id: 2, conversationId, after: 0 });
    socket.send({ type: "fetch", id: 3, conversationId });
    for (const id of [1, 2, 3]) {
      expect(await socket.next("error", (frame) => frame.id === id)).toMatchObject({ code: refusal });
    }
    socket.send({ type: "ack", conversationId, seq: 1 });
    socket.send({ type: "read", conversationId, seq: 1 });
    socket.send({ type: "typing", conversationId, on: true });
    for (let count = 0; count < 3; count++) {
      expect(await socket.next("error", (frame) => frame.id === null)).toMatchObject({ code: "NOT_FOUND" });
    }
    socket.send({ type: "unsubscribe", conversationId });
    socket.send({ type: "ping", n: 1 });
    await socket.next("pong");
    socket.close();
    await socket.closed;
    expect(
      socket.frames.filter((frame) => ["event", "synced", "page", "receipt", "ephemeral"].includes(frame.type)),
    ).toEqual([]);
    expect(await traces()).toBe(before);
  });
});
