// Every route and every frame with every kind of caller. One without an expectation fails: nobody adds it unprotected.
import { randomUUID } from "node:crypto";
import { type ClientFrame, clientFrame, type Permission, permissions } from "@presszero/contracts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startConversation } from "../modules/conversations/index.ts";
import { createTicket } from "../modules/identity/index.ts";
import { openTestClient } from "../modules/gateway/test-client.ts";
import { allRoutes, bodies, keyOf, newConversation, rightCall, text, things } from "./testing-calls.ts";
import {
  type Caller,
  callers,
  formerCallers,
  type House,
  openHouse,
  password,
  type SignedInCaller,
} from "./testing-house.ts";
import { leavesOf } from "./testing-schema.ts";

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
  "PATCH /v1/conversations/:conversationId/messages/:messageId": staffOnThing(["agent", "foreignAdmin"]),
  "DELETE /v1/conversations/:conversationId/messages/:messageId": staffOnThing([...supervisors, "agent"]),
  "POST /v1/conversations/:conversationId/messages/:messageId/reactions": staffOnThing(staff),
  "POST /v1/conversations/:conversationId/ack": staffOnThing(staff),
  "POST /v1/conversations/:conversationId/read": staffOnThing(staff),
  "POST /v1/conversations/:conversationId/assign": staffOnThing(staff),
  "POST /v1/conversations/:conversationId/close": staffOnThing(staff),
  "POST /v1/conversations/:conversationId/reopen": staffOnThing(staff),
  "GET /v1/messages/search": staffOnly(staff),
  "GET /v1/conversations/:conversationId/drafts": staffOnThing(people),
  "PATCH /v1/conversations/:conversationId/drafts": staffOnThing(people),
  "GET /v1/conversations/:conversationId/transcript": staffOnThing(staff),
  "GET /v1/my/messages/search": customers,
  "GET /v1/my/conversations/:conversationId/transcript": customerOfConversation,
  "GET /v1/my/conversations": customers,
  "POST /v1/my/conversations": customers,
  "GET /v1/my/conversations/:conversationId": customerOfConversation,
  "GET /v1/my/conversations/:conversationId/events": customerOfConversation,
  "POST /v1/my/conversations/:conversationId/messages": customerOfConversation,
  "PATCH /v1/my/conversations/:conversationId/messages/:messageId": customerOfConversation,
  "DELETE /v1/my/conversations/:conversationId/messages/:messageId": customerOfConversation,
  "POST /v1/my/conversations/:conversationId/messages/:messageId/reactions": customerOfConversation,
  "POST /v1/my/conversations/:conversationId/ack": customerOfConversation,
  "POST /v1/my/conversations/:conversationId/read": customerOfConversation,
  "POST /v1/my/conversations/:conversationId/close": customerOfConversation,
  "GET /v1/events": { ...signedIn, narrowKey: "FORBIDDEN" },
  "GET /v1/parked-events": staffOnly(supervisors),
  "POST /v1/parked-events/:consumer/:eventId/replay": staffOnThing(supervisors),
  "GET /v1/conversations/:conversationId/messages/:messageId/trace": staffOnThing(supervisors),
};

let house: House;
beforeAll(async () => {
  house = await openHouse();
});
afterAll(() => house.close());

test("every route has an expectation, and every expectation a route", () => {
  expect(Object.keys(expectations).sort()).toEqual(allRoutes.map(keyOf).sort());
});

test("every route is called as it should be: what its address names, and a body where it takes one", () => {
  const named = allRoutes.flatMap((route) => [...route.path.matchAll(/:(\w+)/g)].map(([, name]) => name!));
  expect(Object.keys(things).sort()).toEqual([...new Set(named)].sort());
  expect(Object.keys(bodies).sort()).toEqual(
    allRoutes
      .filter((route) => route.body)
      .map(keyOf)
      .sort(),
  );
});

const named = allRoutes.map((route) => [keyOf(route), route] as const);
const codeOf = (response: { statusCode: number; json(): unknown }) =>
  response.statusCode < 400 ? "in" : (response.json() as { code: string }).code;

describe.each(named)("%s", (key, route) => {
  test.each(callers)("for %s", async (caller) => {
    const verdict = expectations[key]![caller];
    const call = await rightCall(house, route);
    const isLast = key === "DELETE /v1/sessions/current";
    const token = caller === "nobody" ? null : isLast ? await house.enter(caller) : house.tokens[caller];
    const before = await house.checksum();
    const response = await house.call({ ...call, token });
    expect(codeOf(response)).toBe(key === "POST /v1/setup" ? "SETUP_CLOSED" : verdict);
    if (response.statusCode >= 400) expect(await house.checksum()).toBe(before);
    // What another company or customer wrote shows nowhere.
    if (caller.startsWith("foreign") && verdict === "in" && route.access !== "public") {
      expect(response.body).not.toContain(house.home.system.companyId);
    }
  });
});

describe("those who may no longer come in", () => {
  test.each(named.filter(([, route]) => route.access !== "public"))("get nothing of %s", async (_key, route) => {
    const call = await rightCall(house, route);
    const before = await house.checksum();
    for (const former of formerCallers) {
      const response = await house.call({ ...call, token: house.formerTokens[former] });
      expect(codeOf(response), former).toBe("UNAUTHENTICATED");
    }
    expect(await house.checksum()).toBe(before);
  });

  test.each(formerCallers)("get no connection either: %s", async (former) => {
    const before = await house.checksum();
    const deviceId = randomUUID();
    const socket = await openTestClient(house.port);
    const ticket = house.formerTokens[former];
    socket.send({ type: "hello", version: 1, ticket, deviceId, client: "test", epoch: null, subscriptions: [] });
    expect(await socket.closed).toBe(4401);
    expect(socket.frames).toEqual([]);
    // A ticket is used up by whoever shows it on another device.
    if (former !== "holder of a ticket") expect(await house.checksum()).toBe(before);
  });
});

describe("API keys", () => {
  /** Of people, whatever a key may do; and of the author alone, who is a person here. */
  const forPeople = [
    "GET /v1/sessions",
    "DELETE /v1/sessions/:sessionId",
    "PATCH /v1/conversations/:conversationId/messages/:messageId",
    "GET /v1/conversations/:conversationId/drafts",
    "PATCH /v1/conversations/:conversationId/drafts",
  ];
  /** What a key needs besides the permission that the route names, since nobody gives or changes more than they have. */
  const needsMore: Record<string, readonly Permission[]> = {
    "POST /v1/api-keys": ["agents.read"],
    "POST /v1/invitations": [
      "conversations.read",
      "conversations.reply",
      "conversations.assign",
      "conversations.close",
      "agents.read",
    ],
    "PATCH /v1/agents/:agentId": [
      "conversations.read",
      "conversations.reply",
      "conversations.assign",
      "conversations.close",
      "agents.read",
      "conversations.moderate",
      "events.manage",
    ],
    "DELETE /v1/conversations/:conversationId/messages/:messageId": ["conversations.read", "conversations.moderate"],
    "POST /v1/conversations/:conversationId/messages/:messageId/reactions": ["conversations.read"],
    "POST /v1/conversations/:conversationId/assign": ["conversations.read"],
    "POST /v1/conversations/:conversationId/close": ["conversations.read"],
    "POST /v1/conversations/:conversationId/reopen": ["conversations.read"],
    "GET /v1/conversations/:conversationId/messages/:messageId/trace": ["conversations.read"],
  };
  const guarded = named.filter(
    ([key, { access }]) =>
      permissions.some((one) => one === access && one !== "platform.manage") && !forPeople.includes(key),
  );

  test.each(guarded)("%s needs its permission and no other", async (key, route) => {
    const own = route.access as Permission;
    const needed = [own, ...(needsMore[key] ?? [])];
    for (const missing of needed) {
      const others = permissions.filter((one) => one !== "platform.manage" && one !== missing);
      const call = await rightCall(house, route);
      const token = await house.newKey(others);
      const before = await house.checksum();
      expect(codeOf(await house.call({ ...call, token })), `without ${missing}`).toBe("FORBIDDEN");
      expect(await house.checksum(), `without ${missing}`).toBe(before);
    }
    expect(codeOf(await house.call({ ...(await rightCall(house, route)), token: await house.newKey(needed) }))).toBe(
      "in",
    );
  });
});

/** Ids that stand in bodies and queries. One without an entry fails: each has to say what another company's gets. */
const idsInside: Record<string, () => Promise<void>> = {
  "GET /v1/conversations query.contactId": async () => {
    await newConversation(house);
    const mine = await house.as("customer");
    const url = `/v1/conversations?contactId=${mine.actor.id}`;
    const list = await house.call({ method: "GET", url, token: house.tokens.foreignAdmin });
    expect(list.json()).toEqual({ items: [], next: null });
  },
  "GET /v1/messages/search query.contactId": async () => {
    await newConversation(house);
    const mine = await house.as("customer");
    const url = `/v1/messages/search?q=hello&contactId=${mine.actor.id}`;
    const list = await house.call({ method: "GET", url, token: house.tokens.foreignAdmin });
    expect(list.json()).toEqual({ items: [], next: null });
  },
  "POST /v1/conversations/:conversationId/assign body.agentId": async () => {
    const theirs = await house.as("foreignAdmin");
    const url = `/v1/conversations/${await newConversation(house)}/assign`;
    const answer = await unchanged({
      method: "POST",
      url,
      token: house.tokens.admin,
      payload: { agentId: theirs.actor.id },
    });
    expect(answer).toMatchObject({ code: "NOT_FOUND" });
  },
  "POST /v1/conversations/:conversationId/messages body.replyTo": async () => {
    const elsewhere = await messageOf("foreignCustomer");
    const path = `/v1/conversations/${await newConversation(house)}/messages`;
    expect(await unchanged(answerTo(elsewhere, path, "agent"))).toMatchObject({ code: "VALIDATION" });
  },
  "POST /v1/my/conversations body.replyTo": async () => {
    const elsewhere = await messageOf("otherCustomer");
    const answer = await unchanged(answerTo(elsewhere, "/v1/my/conversations", "customer"));
    expect(answer).toMatchObject({ code: "VALIDATION" });
  },
  "POST /v1/my/conversations/:conversationId/messages body.replyTo": async () => {
    const elsewhere = await messageOf("otherCustomer");
    const path = `/v1/my/conversations/${await newConversation(house)}/messages`;
    expect(await unchanged(answerTo(elsewhere, path, "customer"))).toMatchObject({ code: "VALIDATION" });
  },
  "POST /v1/sessions body.companyId": async () => {
    const { companyId } = house.foreign.system;
    const payload = { email: house.home.email("agent"), password, companyId };
    expect(await unchanged({ method: "POST", url: "/v1/sessions", payload })).toMatchObject({
      code: "WRONG_CREDENTIALS",
    });
  },
  "GET /v1/events query.deviceId": async () => {
    const deviceId = randomUUID();
    const ask = { method: "GET", url: `/v1/events?deviceId=${deviceId}&wait=0` } as const;
    await house.call({ ...ask, token: house.tokens.customer });
    for (const caller of ["otherCustomer", "agent", "apiKey"] as const) {
      expect(await unchanged({ ...ask, token: house.tokens[caller] }), caller).toMatchObject({ code: "VALIDATION" });
    }
  },
  "POST /v1/realtime/tickets body.deviceId": async () => {
    const payload = { deviceId: randomUUID() };
    const ask = { method: "POST", url: "/v1/realtime/tickets", payload } as const;
    await house.call({ ...ask, token: house.tokens.customer });
    for (const caller of ["otherCustomer", "agent", "apiKey"] as const) {
      expect(await unchanged({ ...ask, token: house.tokens[caller] }), caller).toMatchObject({ code: "VALIDATION" });
    }
    // Another company's devices are others, whatever their numbers: it learns nothing.
    expect((await house.call({ ...ask, token: house.tokens.foreignCustomer })).statusCode).toBe(200);
  },
  "POST /v1/widgets/:widgetKey/guests body.deviceId": async () => {
    const payload = { deviceId: randomUUID(), consent: { version: "v1", locale: "en" } };
    const ask = ({ widgetKey }: { widgetKey: string }) =>
      ({ method: "POST", url: `/v1/widgets/${widgetKey}/guests`, payload }) as const;
    await house.call(ask(house.home));
    expect(await unchanged(ask(house.home))).toMatchObject({ code: "VALIDATION" });
    expect((await house.call(ask(house.foreign))).statusCode).toBe(200);
  },
};

async function messageOf(caller: "otherCustomer" | "foreignCustomer"): Promise<string> {
  const input = { deviceId: randomUUID(), clientId: randomUUID(), message: text };
  return (await startConversation(await house.as(caller), input)).messageId;
}

function answerTo(replyTo: string, url: string, caller: "agent" | "customer") {
  const headers = { "idempotency-key": randomUUID() };
  return { method: "POST" as const, url, headers, token: house.tokens[caller], payload: { ...text, replyTo } };
}

/** Sends what has to be refused, and sees to it that nothing changed. */
async function unchanged(call: Parameters<House["call"]>[0]): Promise<unknown> {
  const before = await house.checksum();
  const response = await house.call(call);
  expect(await house.checksum()).toBe(before);
  return response.json();
}

const isId = ({ schema }: { schema: { pattern?: string } }) =>
  /^\^(?:[a-z]{3}_|\[0-9a-f\]\{8\}-)/.test(schema.pattern ?? "");

describe("ids in bodies and queries", () => {
  test("are all known", () => {
    const found = allRoutes.flatMap((route) =>
      (["query", "body"] as const).flatMap((part) =>
        (route[part] ? leavesOf(route[part], "input") : [])
          .filter(isId)
          .map(({ path }) => `${keyOf(route)} ${part}.${path}`),
      ),
    );
    expect(Object.keys(idsInside).sort()).toEqual([...new Set(found)].sort());
  });

  test.each(Object.entries(idsInside))("%s of somebody else", async (_name, expectRefusal) => {
    await expectRefusal();
  });

  test("a cursor is its owner's and its list's", async () => {
    await newConversation(house);
    await newConversation(house);
    const list = (token: string, query = "") =>
      house.call({ method: "GET", url: `/v1/conversations?limit=1${query}`, token });
    const { next } = (await list(house.tokens.admin)).json() as { next: string };
    expect((await list(house.tokens.admin, `&cursor=${next}`)).statusCode).toBe(200);
    for (const caller of ["foreignAdmin", "agent", "apiKey"] as const) {
      expect(codeOf(await list(house.tokens[caller], `&cursor=${next}`)), caller).toBe("VALIDATION");
    }
    const other = await house.call({ method: "GET", url: `/v1/agents?cursor=${next}`, token: house.tokens.admin });
    expect(codeOf(other)).toBe("VALIDATION");
  });
});

type FrameVerdict = Verdict | "gone" | "4403";
type FrameExpectation = Record<SignedInCaller, FrameVerdict>;

/** Frames that name a conversation of `customer`, by everybody. */
const read: FrameExpectation = {
  customer: "in",
  otherCustomer: "NOT_FOUND",
  agent: "in",
  supervisor: "in",
  admin: "in",
  platformAdmin: "in",
  apiKey: "in",
  narrowKey: "FORBIDDEN",
  foreignCustomer: "NOT_FOUND",
  foreignAdmin: "NOT_FOUND",
};
/** Only where the conversation was subscribed to, which the narrow key cannot. */
const followed: FrameExpectation = { ...read, narrowKey: "NOT_FOUND" };
const harmless = Object.fromEntries(Object.keys(read).map((caller) => [caller, "in"])) as FrameExpectation;

type FrameRow = { expectation: FrameExpectation; frame(conversationId: string): ClientFrame | null };
const frames: Record<ClientFrame["type"], FrameRow> = {
  hello: {
    expectation: { ...read, otherCustomer: "gone", foreignCustomer: "gone", foreignAdmin: "gone", narrowKey: "4403" },
    frame: () => null,
  },
  send: {
    expectation: read,
    frame: (conversationId) => ({ type: "send", id: 2, conversationId, clientId: randomUUID(), message: text }),
  },
  subscribe: { expectation: read, frame: (conversationId) => ({ type: "subscribe", id: 2, conversationId, after: 0 }) },
  fetch: { expectation: read, frame: (conversationId) => ({ type: "fetch", id: 2, conversationId }) },
  ack: { expectation: followed, frame: (conversationId) => ({ type: "ack", conversationId, seq: 1 }) },
  read: { expectation: followed, frame: (conversationId) => ({ type: "read", conversationId, seq: 1 }) },
  typing: { expectation: followed, frame: (conversationId) => ({ type: "typing", conversationId, on: true }) },
  // Who looks is said by staff, and told to staff.
  viewing: {
    expectation: { ...followed, customer: "FORBIDDEN" },
    frame: (conversationId) => ({ type: "viewing", conversationId, on: true }),
  },
  unsubscribe: { expectation: harmless, frame: (conversationId) => ({ type: "unsubscribe", conversationId }) },
  ping: { expectation: harmless, frame: () => ({ type: "ping", n: 1 }) },
};

/** Ids in frames, and where it is tested what somebody else's gets. */
const idsOfFrames: Record<string, string> = {
  "hello deviceId": "below",
  "hello subscriptions[].conversationId": "here",
  "send conversationId": "here",
  "send clientId": "conversations/engine.test.ts",
  "send message.replyTo": "conversations/change.test.ts",
  "ack conversationId": "here",
  "read conversationId": "here",
  "subscribe conversationId": "here",
  "unsubscribe conversationId": "here",
  "fetch conversationId": "here",
  "typing conversationId": "here",
  "viewing conversationId": "here",
};

test("every frame has an expectation, and every id in one", () => {
  const types = clientFrame.options.map((option) => option.shape.type.value);
  expect(Object.keys(frames).sort()).toEqual(types.sort());
  const ids = clientFrame.options.flatMap((option) =>
    leavesOf(option, "input")
      .filter(isId)
      .map(({ path }) => `${option.shape.type.value} ${path}`),
  );
  expect(Object.keys(idsOfFrames).sort()).toEqual([...new Set(ids)].sort());
});

/** What holds of a connection besides what it does: the ticket that it came in with. */
const exceptTickets = (checksum: string) => checksum.replace(/^realtime_ticket .*$/m, "");

describe.each(Object.entries(frames))("the frame %s", (type, { expectation, frame }) => {
  test.each(Object.entries(expectation))("for %s", async (caller, verdict) => {
    const conversationId = await newConversation(house);
    const deviceId = randomUUID();
    const { ticket } = await createTicket(await house.as(caller as SignedInCaller), { deviceId });
    const follower = await house.connect(house.tokens.customer, { subscriptions: [{ conversationId, after: 0 }] });
    await follower.next("synced");
    const told = follower.frames.length;
    const before = exceptTickets(await house.checksum());
    const socket = await openTestClient(house.port);
    const subscriptions = type === "hello" ? [{ conversationId, after: 0 }] : [];
    socket.send({ type: "hello", version: 1, ticket, deviceId, client: "test", epoch: null, subscriptions });
    const act = async (): Promise<FrameVerdict> => {
      await socket.next("welcome");
      if (type === "hello") {
        return Promise.race([
          socket.next("synced").then(() => "in" as const),
          socket.next("gone").then(() => "gone" as const),
          socket.closed.then((code) => String(code) as "4403"),
        ]);
      }
      if (["ack", "read", "typing", "viewing"].includes(type)) {
        socket.send({ type: "subscribe", id: 1, conversationId, after: 0 });
        await Promise.race([socket.next("synced"), socket.next("error", (one) => one.id === 1)]);
      }
      const sent = frame(conversationId)!;
      socket.send(sent);
      if (verdict !== "in") return (await socket.next("error")).code as FrameVerdict;
      if ("id" in sent) {
        const done = ["ok", "synced", "page"] as const;
        await Promise.race(done.map((answer) => socket.next(answer, (one) => one.id === 2)));
      } else {
        for (const n of [7, 8]) {
          socket.send({ type: "ping", n });
          await socket.next("pong", (one) => one.n === n);
        }
      }
      return (socket.frames.find((one) => one.type === "error")?.code as FrameVerdict | undefined) ?? "in";
    };
    expect(await act()).toBe(verdict);
    if (verdict !== "in") {
      expect(exceptTickets(await house.checksum())).toBe(before);
      follower.send({ type: "ping", n: 1 });
      await follower.next("pong");
      expect(follower.frames.slice(told).map((one) => one.type)).toEqual(["pong"]);
      const given = socket.frames.filter((one) => ["event", "page", "receipt", "ephemeral"].includes(one.type));
      if (read[caller as SignedInCaller] !== "in") expect(given).toEqual([]);
    }
    socket.close();
    follower.close();
    await Promise.all([socket.closed, follower.closed]);
  });
});

test("a ticket is of one device and one company", async () => {
  const deviceId = randomUUID();
  const ofDevice = async () => (await createTicket(await house.as("customer"), { deviceId })).ticket;
  const { companyId } = house.home.system;
  const attempts: [string, string, string][] = [
    ["another device", await ofDevice(), randomUUID()],
    ["another company", (await ofDevice()).replace(companyId, house.foreign.system.companyId), deviceId],
    ["another kind", (await ofDevice()).replace("pzt", "pzs"), deviceId],
  ];
  for (const [name, ticket, device] of attempts) {
    const socket = await openTestClient(house.port);
    socket.send({
      type: "hello",
      version: 1,
      ticket,
      deviceId: device,
      client: "test",
      epoch: null,
      subscriptions: [],
    });
    expect(await socket.closed, name).toBe(4401);
    expect(socket.frames).toEqual([]);
  }
});
