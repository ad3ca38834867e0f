// Which field reaches whom. `golden-fields.json` lists, for the answer of every route and for every frame, each path and
// the audiences that may get it; here it is compared with what a running server sends and with what the contract allows.
// A new field fails until the list is changed on purpose (`vitest -u`, and then read the difference), and some fields
// never reach a customer, whatever the list says.
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import {
  type ClientFrame,
  type ConversationId,
  type OutgoingMessage,
  problem,
  type Route,
  type ServerFrame,
  serverFrame,
} from "@presszero/contracts";
import type { LightMyRequestResponse } from "fastify";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { z } from "zod";
import { startConsumers } from "../kernel/consumers.ts";
import { loadSettings } from "../kernel/settings.ts";
import { createTestCtx } from "../kernel/testing.ts";
import type { TestClient } from "../modules/gateway/test-client.ts";
import { conversationsConsumers, sendMessage } from "../modules/conversations/index.ts";
import { createAgent, firstAdminLink, inviteAgent } from "../modules/identity/index.ts";
import golden from "./golden-fields.json" with { type: "json" };
import { createHttpServer } from "./http.ts";
import { handlers } from "./modules.ts";
import { allRoutes, bodies, keyOf, newConversation, rightCall, things } from "./testing-calls.ts";
import { type Call, type House, openHouse, password, type SignedInCaller } from "./testing-house.ts";
import { leavesOf, pathsOf } from "./testing-schema.ts";

const audiences = ["api key", "customer", "public", "staff"] as const;
type Audience = (typeof audiences)[number];
type FrameOf<T extends ServerFrame["type"]> = Extract<ServerFrame, { type: T }>;
type Golden = Record<string, Record<string, string>>;

/** Who speaks for an audience. */
const speakers: Record<Exclude<Audience, "public">, readonly SignedInCaller[]> = {
  staff: ["platformAdmin", "agent"],
  customer: ["customer"],
  "api key": ["apiKey"],
};
/** Public routes whose answer is for somebody who has just come in. */
const comesIn: Record<string, Audience> = {
  "POST /v1/sessions": "staff",
  "POST /v1/setup": "staff",
  "POST /v1/invitations/accept": "staff",
  "POST /v1/widgets/:widgetKey/guests": "customer",
};

/** So many notes that a number of the staff's lane is told from every number of the customer's. */
const notes = 60;
const noteText = "only colleagues read this";

/** What was sent, by route or frame and path. */
const seen = new Map<string, Map<string, Set<Audience>>>();
/** Messages of every kind. */
const messages: string[] = [];
/** All that an audience was sent, as text. */
const sent: Record<Audience, string[]> = { "api key": [], customer: [], public: [], staff: [] };

let house: House;
beforeAll(async () => {
  const limits = {
    ...loadSettings({ PUBLIC_URL: "http://localhost:4000" }).limits,
    connectionsOfUser: 6,
    connectionsOfDevice: 3,
  };
  house = await openHouse({ limits });
  const conversationId = await furnish();
  await callEverything(conversationId);
  await sendEveryFrame(conversationId);
  await setUpAnother();
});
afterAll(() => house.close());

/** A poll answers frames: what they hold is said of them. */
const polled = "GET /v1/events";
type Polled = { frames: { type: string; kind?: string }[] };
const frameKey = (frame: { type: string; kind?: string }) =>
  "kind" in frame ? `frame ${frame.type} ${frame.kind}` : `frame ${frame.type}`;

function record(key: string, audience: Audience, value: unknown): void {
  const fields = seen.get(key) ?? new Map<string, Set<Audience>>();
  seen.set(key, fields);
  for (const path of value === undefined ? [] : pathsOf(value)) {
    fields.set(path, (fields.get(path) ?? new Set()).add(audience));
  }
  if (value !== undefined) sent[audience].push(JSON.stringify(value));
}

function recordAnswer(key: string, audience: Audience, response: LightMyRequestResponse): boolean {
  const body: unknown = response.body === "" ? undefined : response.json();
  if (response.statusCode >= 400) {
    problem.parse(body);
    record("problem", audience, body);
    return false;
  }
  if (key === polled) for (const frame of (body as Polled).frames) record(frameKey(frame), audience, frame);
  else record(key, audience, body);
  return true;
}

/** One conversation with everything in it that an answer can show. */
async function furnish() {
  const conversationId = await newConversation(house);
  const agent = await house.as("agent");
  const say = (message: OutgoingMessage) =>
    sendMessage(agent, conversationId, { deviceId: randomUUID(), clientId: randomUUID(), message });
  await Promise.all(Array.from({ length: notes }, () => say({ kind: "note", text: noteText })));
  await assign(conversationId, agent.actor.id);
  await change(conversationId, "close");
  await change(conversationId, "reopen");
  await sayEverything(conversationId);
  await inviteAgent(house.home.system, { email: house.home.email("invited"), role: "agent" });
  await things.eventId!(house, "");
  for (const caller of speakers.staff) {
    const url = `/v1/conversations/${conversationId}/drafts`;
    const payload = { kind: "text", text: "Dear" };
    await house.call({ method: "PATCH", url, token: house.tokens[caller], payload });
  }
  await makeFindable();
  return conversationId;
}

/** What was said so far is found by its words. */
async function makeFindable(): Promise<void> {
  const running = startConsumers(house.ctx, conversationsConsumers);
  const call = { method: "GET", url: "/v1/messages/search?q=shirts", token: house.tokens.agent } as const;
  const find = async () => (await house.call(call)).json() as { items: unknown[] };
  while ((await find()).items.length === 0) await sleep(20);
  await running.stop();
}

/** Every kind of message and what can become of it. Comes twice: to be read as history, and while everybody watches. */
async function sayEverything(conversationId: ConversationId): Promise<void> {
  const [agent, customer] = [await house.as("agent"), await house.as("customer")];
  const say = async (ctx: typeof agent, message: OutgoingMessage) => {
    const input = { deviceId: randomUUID(), clientId: randomUUID(), message };
    const { messageId } = await sendMessage(ctx, conversationId, input);
    messages.push(messageId);
    return messageId;
  };
  const field = { name: "size", label: "Size", type: "select" as const, required: true, options: ["S", "M"] };
  const reply = { type: "reply" as const, label: "This one", payload: "1" };
  const link = { type: "link" as const, label: "More", url: "https://shop.example/1" };
  const card = { title: "Shirt", subtitle: "Blue", imageUrl: "https://shop.example/1.png", buttons: [reply, link] };
  const first = await say(customer, { kind: "text", text: "Thank you" });
  const replies = { type: "quick_replies" as const, replies: ["Hello"] };
  const greeting = await say(agent, { kind: "text", text: "Good day", content: replies, replyTo: first });
  const asked = await say(agent, {
    kind: "form",
    text: "Which size?",
    content: { type: "form", fields: [field], submit: "Send" },
    replyTo: greeting,
  });
  await say(agent, { kind: "cards", text: "Shirts", content: { type: "cards", cards: [card] }, replyTo: asked });
  const values = { size: "M" };
  const answer = { kind: "answer", text: "M", content: { type: "answer", values }, replyTo: asked } as const;
  await say(customer, answer);
  await say(customer, { kind: "text", text: "Please", replyTo: greeting });
  for (const id of messages) {
    const url = `/v1/my/conversations/${conversationId}/messages/${id}/reactions`;
    await house.call({ method: "POST", url, token: house.tokens.customer, payload: { emoji: "👍", on: true } });
  }
}

/** What changes in a conversation of itself, by an admin. */
const change = (id: string, what: "assign" | "close" | "reopen", payload?: object) =>
  house.call({ method: "POST", url: `/v1/conversations/${id}/${what}`, token: house.tokens.admin, payload });
const assign = (id: string, agentId: string | null) => change(id, "assign", { agentId });

async function callEverything(conversationId: string): Promise<void> {
  for (const route of allRoutes) {
    const key = keyOf(route);
    for (const call of callsOf(route, conversationId)) {
      if (route.access === "public") {
        recordAnswer(key, comesIn[key] ?? "public", await house.call(await call()));
        continue;
      }
      for (const [audience, names] of Object.entries(speakers)) {
        for (const name of names) {
          const token = key === "DELETE /v1/sessions/current" ? await house.enter(name) : house.tokens[name];
          if (recordAnswer(key, audience as Audience, await house.call({ ...(await call()), token }))) break;
        }
      }
    }
  }
  await callWrongly();
}

/** The right call, on what there is most to see of. */
function callsOf(route: Route, conversationId: string): (() => Promise<Call>)[] {
  const right = async (message?: string): Promise<Call> => {
    const call = await rightCall(house, route);
    const [id] = /cnv_\w+/.exec(call.url) ?? [];
    if (route.method !== "GET" && message === undefined) {
      if (id && route.access !== "contact") await assign(id, (await house.as("agent")).actor.id);
      return call;
    }
    return { ...call, url: call.url.replace(/cnv_\w+/, conversationId).replace(/msg_\w+/, message ?? "") };
  };
  const showsMessage = route.path.includes(":messageId") && route.response;
  return showsMessage ? messages.map((id) => () => right(id)) : [() => right()];
}

/** Refusals that say more than their code. */
async function callWrongly(): Promise<void> {
  const twice = house.home.email("twice");
  for (const { system } of [house.home, house.foreign]) {
    await createAgent(system, { name: "Twice", email: twice, password, role: "agent" });
  }
  const login = { method: "POST", url: "/v1/sessions", payload: { email: twice, password } } as const;
  recordAnswer("", "public", await house.call(login));
  const guests = `/v1/widgets/${house.home.widgetKey}/guests`;
  const consent = { version: "v0", locale: "en" };
  recordAnswer(
    "",
    "public",
    await house.call({ method: "POST", url: guests, payload: { deviceId: randomUUID(), consent } }),
  );
  for (const audience of ["staff", "customer", "api key"] as const) {
    const token = house.tokens[speakers[audience][0]!];
    recordAnswer("", audience, await house.call({ method: "POST", url: "/v1/realtime/tickets", token, payload: {} }));
  }
  for (let count = 0; count < 11; count++) {
    const wrong = { ...login, payload: { email: "guessed@example.com", password }, remoteAddress: "203.0.113.1" };
    recordAnswer("", "public", await house.server.inject(wrong));
  }
}

async function sendEveryFrame(conversationId: ConversationId): Promise<void> {
  const everybody = await Promise.all(
    (["staff", "customer", "api key"] as const).map(async (audience) => ({
      audience,
      ...(await talk(audience, conversationId)),
    })),
  );
  // Somebody of each side acts while the others watch.
  const [staff, customer, key] = everybody.map(({ client }) => client);
  const act = async (client: TestClient, frames: ClientFrame[]) => {
    for (const frame of frames) client.send(frame);
    client.send({ type: "ping", n: 99 });
    await client.next("pong", (frame) => frame.n === 99);
  };
  const message = (kind: "text" | "note") => ({ kind, text: kind === "note" ? noteText : "Hello" });
  const send = (id: number, kind: "text" | "note" = "text"): ClientFrame => ({
    type: "send",
    id,
    conversationId,
    clientId: randomUUID(),
    message: message(kind),
  });
  await act(staff!, [send(20), send(21, "note")]);
  await act(customer!, [send(20)]);
  await act(key!, [send(20)]);
  for (const client of [staff!, customer!, key!]) await client.next("ok", (frame) => frame.id === 20);
  const isAssigned = (frame: FrameOf<"feed">) => frame.items.some((item) => "assignee" in item && item.assignee);
  for (const client of [staff!, key!]) await client.next("feed", isAssigned);
  await sayEverything(conversationId);
  await assign(conversationId, null);
  await change(conversationId, "close");
  await change(conversationId, "reopen");
  for (const { client } of everybody) await client.next("event", (frame) => frame.kind === "conversation.reopened");
  const marks: ClientFrame[] = [
    { type: "typing", conversationId, on: true },
    { type: "typing", conversationId, on: true, note: true },
    { type: "viewing", conversationId, on: true },
    { type: "read", conversationId, seq: 9_999 },
  ];
  await act(staff!, marks);
  await act(customer!, marks);
  await act(key!, marks);
  for (const { client } of everybody) {
    await client.next("ephemeral", (frame) => frame.kind === "typing");
    await client.next("ephemeral", (frame) => frame.kind === "presence");
    await client.next("receipt", (frame) => frame.side === "other");
    await client.next("receipt", (frame) => frame.side === "mine");
    await client.next("feed");
  }
  for (const client of [staff!, key!]) await client.next("ephemeral", (frame) => frame.kind === "viewing");
  await house.drain();
  for (const { audience, client, others } of everybody) {
    for (const one of [client, ...others]) {
      await one.closed;
      for (const frame of one.frames) {
        record(frameKey(frame), audience, frame);
      }
    }
  }
}

/** What one can do alone: come in, come in again with gaps, fetch, be refused. */
async function talk(audience: Exclude<Audience, "public">, conversationId: ConversationId) {
  const token = house.tokens[speakers[audience][0]!];
  const foreign = await newConversation(house, "foreignCustomer");
  const deviceId = randomUUID();
  const follow = (id: string, after: number) => ({ conversationId: id, after });
  const client = await house.connect(token, { deviceId, feed: null, subscriptions: [follow(conversationId, 0)] });
  await client.next("synced");
  // Beyond the head, as after a restore: a gap. Of another company: gone.
  const again = await house.connect(token, {
    deviceId,
    feed: "forged",
    subscriptions: [follow(conversationId, 9_999), follow(foreign, 0)],
  });
  await again.next("gap");
  await again.next("gone");
  again.send({ type: "subscribe", id: 1, conversationId, after: 0 });
  await again.next("synced", (frame) => frame.id === 1);
  again.send({ type: "fetch", id: 2, conversationId, limit: 200 });
  await again.next("page");
  again.send({ type: "fetch", id: 3, conversationId: foreign });
  await again.next("error", (frame) => frame.id === 3);
  again.sendRaw('{"type":"fetch","id":4}');
  await again.next("error", (frame) => frame.id === 4);
  again.send({ type: "unsubscribe", conversationId: conversationId });
  // One connection more than allowed is told which limit it met.
  const others = [again];
  for (let isIn = true; isIn;) {
    const one = await house.open(token, { deviceId });
    others.push(one);
    isIn = await Promise.race([one.next("welcome").then(() => true), one.next("error").then(() => false)]);
  }
  return { client, others };
}

/** An installation of its own, since the first admin comes in only once. */
async function setUpAnother(): Promise<void> {
  const ctx = await createTestCtx();
  const server = await createHttpServer(ctx, handlers);
  const token = (await firstAdminLink(ctx))!.split("#token=")[1];
  const body = { ...(await bodies["POST /v1/setup"]!(house)), token };
  recordAnswer("POST /v1/setup", "staff", await server.inject({ method: "POST", url: "/v1/setup", payload: body }));
  await server.close();
  await ctx.close();
}

/** What was seen, in the order of the contract. */
function toGolden(): Golden {
  return Object.fromEntries(
    [...schemas.keys()].map((key) => {
      const fields = seen.get(key) ?? new Map<string, Set<Audience>>();
      const names = (path: string) => [...fields.get(path)!].sort().join(", ");
      return [key, Object.fromEntries(withoutEmpty([...fields.keys()]).map((path) => [path, names(path)]))];
    }),
  );
}

/** Sorted, and without null where elsewhere an object stands, or an empty list where elsewhere there is something in it. */
function withoutEmpty(paths: readonly string[]): string[] {
  const isFilled = (path: string) => paths.some((other) => other !== path && isBelow(other, path));
  return [...new Set(paths)].filter((path) => !isFilled(path)).sort();
}

function isBelow(path: string, above: string): boolean {
  const stem = above.replace(/\[\]$/, "");
  return path.startsWith(`${stem}.`) || path.startsWith(`${stem}[`);
}

const frameSchemas = new Map<string, z.ZodType>(
  serverFrame.options.flatMap((option): [string, z.ZodType][] =>
    "options" in option
      ? option.options.map((one): [string, z.ZodType] => [`frame ${one.shape.type.value} ${one.shape.kind.value}`, one])
      : [[`frame ${option.shape.type.value}`, option]],
  ),
);
const schemas = new Map<string, z.ZodType | undefined>([
  ...allRoutes.filter((route) => keyOf(route) !== polled).map((route) => [keyOf(route), route.response] as const),
  ["problem", problem],
  ...frameSchemas,
]);

test("every route was answered, and every frame came", () => {
  expect([...schemas.keys()].filter((key) => !seen.has(key))).toEqual([]);
});

test("what a running server sends is what the list says", async () => {
  await expect(`${JSON.stringify(toGolden(), null, 2)}\n`).toMatchFileSnapshot("golden-fields.json");
});

/** What is never filled here, although the contract, which says it once for several routes, allows it. */
const neverFilled: Record<string, RegExp> = {
  "POST /v1/sessions": /^me\.(id|name|companyId|companyName)$/,
  "POST /v1/setup": /^me\.(id|name|companyId|companyName)$/,
  "POST /v1/invitations/accept": /^me\.(id|name|companyId|companyName)$/,
  "POST /v1/widgets/:widgetKey/guests": /^me\.(agent\.\w+|company\.\w+|permissions|company\.allowedOrigins)(\[\])?$/,
  // Nobody is connected to this process who was given the message, or could say that it has come.
  "GET /v1/conversations/:conversationId/messages/:messageId/trace":
    /^(processes\[\]\.passed|readers\[\]\.devices\[\])\./,
  // Only words can be edited, and a customer's have nothing beside them.
  "PATCH /v1/conversations/:conversationId/messages/:messageId": /^content\.(cards|fields|submit|values)/,
  "PATCH /v1/my/conversations/:conversationId/messages/:messageId": /^content\./,
};

test.each([...schemas])("the contract of %s allows the fields of the list and no others", (key, schema) => {
  const listed = Object.keys((golden as Golden)[key] ?? {});
  const allowed = withoutEmpty(schema ? leavesOf(schema, "output").map((leaf) => leaf.path) : []);
  const fits = (path: string, leaf: string) =>
    leaf.endsWith(".*") ? path.startsWith(leaf.slice(0, -1)) : path === leaf || path === `${leaf}[]`;
  // Null, where something could stand.
  const isAbove = (path: string, leaf: string) => isBelow(leaf, path);
  expect(listed.filter((path) => !allowed.some((leaf) => fits(path, leaf) || isAbove(path, leaf)))).toEqual([]);
  const unused = allowed.filter((leaf) => !listed.some((path) => fits(path, leaf)));
  expect(unused.filter((leaf) => !neverFilled[key]?.test(leaf))).toEqual([]);
});

describe("a customer", () => {
  const ofCustomers = Object.entries(golden as Golden).flatMap(([key, fields]) =>
    Object.entries(fields)
      .filter(([, names]) => names.split(", ").includes("customer"))
      .map(([path]) => ({ key, path })),
  );
  /** Of colleagues, of other systems, of how we work inside. */
  const never =
    /assignee|notes?\b|email|permission|role\b|session(Id|s)\b|guest|hash|secret|prefix|internal|staff|queue|xid|publicSeq|ip\b|userAgent/i;

  test("is never given a field of the staff's", () => {
    expect(ofCustomers.length).toBeGreaterThan(100);
    expect(ofCustomers.filter(({ path }) => never.test(path))).toEqual([]);
  });

  test("is given no e-mail address, no note, no id of a session, whatever the field is called", () => {
    const text = sent.customer.join("\n");
    expect(text).toContain("Good day");
    expect(text).not.toMatch(/@|ses_|gst_|key_[0-9a-z]{26}[^"]*prefix/);
    expect(text).not.toContain(noteText);
    expect(sent.staff.join("\n")).toContain(noteText);
  });

  test("counts in their own lane only: no number is one of the staff's", () => {
    const lanes =
      /"(?:seq|head|from|to|have|read|delivered|myRead|otherRead|otherDelivered|seen|unread|contact|business)":(\d+)/g;
    const numbers = (audience: Audience) =>
      sent[audience]
        .flatMap((one) => [...one.matchAll(lanes)].map(([, digits]) => Number(digits)))
        .filter((one) => one !== 9_999);
    expect(Math.max(...numbers("staff"))).toBeGreaterThan(notes);
    expect(numbers("customer").length).toBeGreaterThan(50);
    expect(numbers("customer").filter((one) => one >= notes)).toEqual([]);
  });
});

test("nobody who is not signed in is told of a person", () => {
  const open = Object.entries(golden as Golden).filter(([key]) => key !== "problem");
  const paths = open.flatMap(([, fields]) =>
    Object.entries(fields).filter(([, names]) => names.split(", ").includes("public")),
  );
  expect(paths.map(([path]) => path).sort()).toEqual([
    "accentColor",
    "companyName",
    "consent.required",
    "consent.version",
    "widgetKey",
  ]);
});
