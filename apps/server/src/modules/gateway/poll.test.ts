// CR8: what long polls have of their own. That they tell what sockets tell is in scenarios.test.ts.
import { randomUUID } from "node:crypto";
import type { AddressInfo } from "node:net";
import type { ConversationId, ServerFrame } from "@presszero/contracts";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createHttpServer } from "../../app/http.ts";
import { handlers } from "../../app/modules.ts";
import type { Ctx } from "../../kernel/context.ts";
import type { Limits } from "../../kernel/settings-limits.ts";
import { createTestCtx, type TestCtx } from "../../kernel/testing.ts";
import { sendMessage, startConversation } from "../conversations/index.ts";
import { createTicket, signOut } from "../identity/index.ts";
import { createTestCompany, type TestCompany, tokenOf } from "../testing.ts";
import { type Gateway, startGateway } from "./index.ts";
import { openTestClient } from "./test-client.ts";

let system: TestCtx;
let company: TestCompany;
let gateway: Gateway;
let server: FastifyInstance;
let port: number;
let isOverloaded = false;

beforeAll(async () => {
  const none = Number.POSITIVE_INFINITY;
  const limits: Limits = {
    frames: null,
    agentSends: null,
    customerSends: null,
    companySends: null,
    addressSends: null,
    hellos: null,
    hellosInFlight: 4,
    connectionsOfUser: 2,
    connectionsOfDevice: 2,
    connectionsFromAddress: none,
    overload: { memoryBytes: none, lagMs: none, poolWaitMs: none },
  };
  system = await createTestCtx({ limits });
  company = await createTestCompany(system);
  gateway = await startGateway(
    system,
    () => "192.0.2.1",
    () => isOverloaded,
  );
  server = await createHttpServer(system, { ...handlers, ...gateway.handlers });
  server.server.on("upgrade", gateway.handleUpgrade);
  await server.listen({ port: 0, host: "127.0.0.1" });
  ({ port } = server.server.address() as AddressInfo);
});
afterAll(async () => {
  await gateway.drain(0);
  await server.close();
  await system.close();
});

type Answer = { status: number; frames: ServerFrame[]; code?: string; details?: object; retryAfter: string | null };

async function poll(ctx: Ctx, query: Record<string, string> = {}, signal?: AbortSignal): Promise<Answer> {
  const search = new URLSearchParams({ deviceId: randomUUID(), ...query });
  const response = await fetch(`http://127.0.0.1:${port}/v1/events?${search.toString()}`, {
    headers: { authorization: `Bearer ${tokenOf(ctx)}` },
    ...(signal && { signal }),
  });
  const body = (await response.json()) as { frames?: ServerFrame[]; code?: string; details?: object };
  const retryAfter = response.headers.get("retry-after");
  return { status: response.status, frames: body.frames ?? [], code: body.code, details: body.details, retryAfter };
}

async function post(ctx: Ctx, path: string, headers: Record<string, string>, text: string) {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${tokenOf(ctx)}`, "content-type": "application/json", ...headers },
    body: JSON.stringify({ kind: "text", text }),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

const message = (text: string) => ({
  deviceId: randomUUID(),
  clientId: randomUUID(),
  message: { kind: "text" as const, text },
});
const start = async (of = company) => (await startConversation(of.customer, message("Hello"))).conversationId;
const typesOf = ({ frames }: Answer) => frames.map((frame) => frame.type);

/** The query of a client that knows everything of a conversation. */
async function upToDate(ctx: Ctx, id: ConversationId): Promise<Record<string, string>> {
  const { frames } = await poll(ctx, { conversations: `${id}:0` });
  const epoch = frames.flatMap((frame) => (frame.type === "welcome" ? [frame.epoch] : []))[0]!;
  const synced = frames.find((frame) => frame.type === "synced")!;
  const { mine, other, to } = synced;
  return { epoch, conversations: [id, to, mine.read, other.delivered, other.read].join(":") };
}

/** Whether the answer takes longer than a moment. */
const waits = (answer: Promise<Answer>) =>
  Promise.race([answer.then(() => false), new Promise<boolean>((resolve) => setTimeout(() => resolve(true), 400))]);

describe("[CR8] a poll", () => {
  it("answers at once when there is something to tell, otherwise when something happens", async () => {
    const id = await start();
    expect(typesOf(await poll(company.agent))).toEqual(["welcome"]);
    const first = await poll(company.agent, { conversations: `${id}:0`, cursor: "" });
    expect(typesOf(first).slice(0, 4)).toEqual(["welcome", "event", "event", "synced"]);
    expect(first.frames[0]).toMatchObject({ feed: expect.any(String), resume: "ok" });
    const known = await upToDate(company.agent, id);
    const next = poll(company.agent, known);
    expect(await waits(next)).toBe(true);
    await sendMessage(company.customer, id, message("news"));
    const { frames } = await next;
    expect(frames.find((frame) => frame.type === "event")).toMatchObject({ seq: 3, data: { text: "news" } });
  });

  it("asks only how things are with a wait of 0", async () => {
    const known = await upToDate(company.agent, await start());
    expect(typesOf(await poll(company.agent, { ...known, wait: "0" }))).toEqual(["welcome", "synced", "ephemeral"]);
  });

  it("says when the list or the epoch of the client counts no more", async () => {
    expect((await poll(company.agent, { epoch: "another" })).frames[0]).toMatchObject({ resume: "reset" });
    const { epoch } = await upToDate(company.agent, await start());
    const forged = await poll(company.agent, { epoch: epoch!, cursor: "forged" });
    expect(forged.frames[0]).toMatchObject({ resume: "reset" });
  });

  it("does not answer every few milliseconds because somebody types or reads", async () => {
    const id = await start();
    const known = await upToDate(company.agent, id);
    const deviceId = randomUUID();
    const { ticket } = await createTicket(company.customer, { deviceId });
    const customer = await openTestClient(port);
    const subscriptions = [{ conversationId: id, after: 2 }];
    customer.send({ type: "hello", version: 1, ticket, deviceId, client: "test/1", epoch: null, subscriptions });
    await customer.next("synced");
    const waiting = poll(company.agent, known);
    await waits(waiting);
    customer.send({ type: "typing", conversationId: id, on: true });
    expect(await waits(waiting)).toBe(true);
    customer.send({ type: "read", conversationId: id, seq: 2 });
    customer.send({ type: "typing", conversationId: id, on: false });
    const { frames } = await waiting;
    expect(frames.filter((frame) => frame.type === "ephemeral" && frame.kind === "typing")).toHaveLength(2);
    expect(frames).toContainEqual(expect.objectContaining({ type: "receipt", side: "other", read: 2 }));
    customer.close();
  });

  it("[LM11] gives more than fits into one answer in several", async () => {
    const id = await start();
    for (let index = 0; index < 150; index++) await sendMessage(company.customer, id, message("x".repeat(16_000)));
    const seqs: number[] = [];
    let polls = 0;
    while (seqs.length < 152) {
      const { frames } = await poll(company.agent, { conversations: `${id}:${seqs.length}` });
      polls++;
      expect(JSON.stringify(frames).length).toBeLessThan(1.5 * 1024 * 1024);
      for (const frame of frames) if (frame.type === "event") seqs.push(frame.seq);
    }
    expect(seqs).toEqual(Array.from({ length: 152 }, (_, index) => index + 1));
    expect(polls).toBeGreaterThan(1);
  });
});

describe("limits", () => {
  it("[LM11] refuses what is not well formed, and more than a hundred conversations", async () => {
    const id = await start();
    const wrong: Record<string, string>[] = [
      { deviceId: "phone" },
      { conversations: "cnv_nope:0" },
      { conversations: `${id}` },
      { conversations: `${id}:-1` },
      { conversations: Array.from({ length: 101 }, () => `${id}:0`).join(",") },
      { wait: "26" },
      { wait: "soon" },
      { extra: "1" },
    ];
    for (const query of wrong) {
      const { status, code } = await poll(company.agent, query);
      expect([query, status, code]).toEqual([query, 422, "VALIDATION"]);
    }
    const hundred = Array.from({ length: 100 }, () => `${id}:0`).join(",");
    expect((await poll(company.agent, { conversations: hundred })).status).toBe(200);
  });

  it("takes no device of somebody else", async () => {
    const deviceId = randomUUID();
    expect((await poll(company.agent, { deviceId })).status).toBe(200);
    expect(await poll(company.admin, { deviceId })).toMatchObject({ status: 422, code: "VALIDATION" });
  });

  it("counts as a connection of its person, and frees its place when the client goes away", async () => {
    const other = await createTestCompany(system, "Two at most");
    const known = await upToDate(other.agent, await start(other));
    const leaving = new AbortController();
    const running = [poll(other.agent, known), poll(other.agent, known, leaving.signal).catch(() => null)];
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await poll(other.agent)).toMatchObject({
      status: 429,
      code: "RATE_LIMITED",
      details: { limit: "connectionsOfUser" },
      retryAfter: "30",
    });
    leaving.abort();
    await expect.poll(async () => (await poll(other.agent)).status).toBe(200);
    await signOut(other.agent);
    await Promise.all(running);
  });

  it("is refused like a hello while the process is overloaded", async () => {
    isOverloaded = true;
    try {
      const { status, code, retryAfter } = await poll(company.agent);
      expect({ status, code }).toEqual({ status: 503, code: "UNAVAILABLE" });
      expect(Number(retryAfter)).toBeGreaterThanOrEqual(5);
    } finally {
      isOverloaded = false;
    }
  });
});

describe("the end of a poll", () => {
  it("[SR3, CR8] comes with the end of the sign-in, as 401", async () => {
    const other = await createTestCompany(system, "Short shift");
    const known = await upToDate(other.agent, await start(other));
    const waiting = poll(other.agent, known);
    expect(await waits(waiting)).toBe(true);
    await signOut(other.agent);
    expect(await waiting).toMatchObject({ status: 401, code: "UNAUTHENTICATED" });
  });

  it("[CR8, KA7] comes with a restart, as 503 with the time to come back", async () => {
    const second = await startGateway(system, () => "");
    const http = await createHttpServer(system, second.handlers);
    await http.listen({ port: 0, host: "127.0.0.1" });
    const known = await upToDate(company.agent, await start());
    const search = new URLSearchParams({ deviceId: randomUUID(), ...known });
    const call = () =>
      fetch(`http://127.0.0.1:${(http.server.address() as AddressInfo).port}/v1/events?${search.toString()}`, {
        headers: { authorization: `Bearer ${tokenOf(company.agent)}` },
      });
    const waiting = call();
    await new Promise((resolve) => setTimeout(resolve, 300));
    await second.drain(0);
    for (const answer of [await waiting, await call()]) {
      expect(answer.status).toBe(503);
      expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
    }
    await http.close();
  });
});

describe("a message by two ways", () => {
  it("[CR8, PR2, ID2] sent by the socket and, without an answer, repeated over HTTP by the same device, is one message", async () => {
    const id = await start();
    const deviceId = randomUUID();
    const clientId = randomUUID();
    const { ticket } = await createTicket(company.customer, { deviceId });
    const client = await openTestClient(port);
    client.send({ type: "hello", version: 1, ticket, deviceId, client: "test/1", epoch: null, subscriptions: [] });
    await client.next("welcome");
    client.send({ type: "send", id: 1, conversationId: id, clientId, message: { kind: "text", text: "once" } });
    client.close();
    await client.closed;
    const headers = { "idempotency-key": clientId, "device-id": deviceId };
    const path = `/v1/my/conversations/${id}/messages`;
    const again = await post(company.customer, path, headers, "once");
    expect(again).toMatchObject({ status: 200, body: { clientId, seq: 3 } });
    expect(await post(company.customer, path, headers, "once")).toMatchObject({ body: { duplicate: true, seq: 3 } });
    expect(await post(company.customer, path, headers, "other")).toMatchObject({
      body: { code: "CLIENT_ID_CONFLICT" },
    });
    const { frames } = await poll(company.agent, { conversations: `${id}:0` });
    const texts = frames.flatMap((frame) =>
      frame.type === "event" && frame.kind === "message.created" ? [frame.data.text] : [],
    );
    expect(texts).toEqual(["Hello", "once"]);
  });

  it("[CR8, ID2] so is one that starts a conversation", async () => {
    const headers = { "idempotency-key": randomUUID(), "device-id": randomUUID() };
    const first = await post(company.otherCustomer, "/v1/my/conversations", headers, "start");
    const { ticket } = await createTicket(company.otherCustomer, { deviceId: headers["device-id"] });
    const client = await openTestClient(port);
    const deviceId = headers["device-id"];
    client.send({ type: "hello", version: 1, ticket, deviceId, client: "test/1", epoch: null, subscriptions: [] });
    const clientId = headers["idempotency-key"];
    client.send({ type: "send", id: 1, conversationId: null, clientId, message: { kind: "text", text: "start" } });
    const { messageId, duplicate } = await client.next("ok");
    expect({ messageId, duplicate }).toEqual({ messageId: first.body.messageId, duplicate: true });
    client.close();
  });

  it("[ID2, ID9] takes no device of somebody else, nor what is no device", async () => {
    const id = await start();
    const deviceId = randomUUID();
    await createTicket(company.agent, { deviceId });
    const path = `/v1/my/conversations/${id}/messages`;
    for (const wrong of [deviceId, "phone", deviceId.toUpperCase()]) {
      const headers = { "idempotency-key": randomUUID(), "device-id": wrong };
      expect(await post(company.customer, path, headers, "x")).toMatchObject({
        status: 422,
        body: { code: "VALIDATION" },
      });
    }
  });
});
