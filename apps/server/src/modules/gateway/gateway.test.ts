import { randomUUID } from "node:crypto";
import { createServer, type Server } from "node:http";
import { type AddressInfo, createConnection } from "node:net";
import type { ClientFrame, ConversationId, ServerFrame } from "@presszero/contracts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Ctx } from "../../kernel/context.ts";
import { createTestCtx, type TestCtx } from "../../kernel/testing.ts";
import { startConversation } from "../conversations/index.ts";
import { createTicket } from "../identity/index.ts";
import { createTestCompany, type TestCompany } from "../testing.ts";
import { type Gateway, startGateway } from "./index.ts";
import { openTestClient, type TestClient } from "./test-client.ts";

let system: TestCtx;
let company: TestCompany;
let gateway: Gateway;
let server: Server;
let port: number;

beforeAll(async () => {
  system = await createTestCtx();
  company = await createTestCompany(system);
  gateway = await startGateway(system, (request) => request.socket.remoteAddress ?? "");
  server = createServer();
  server.on("upgrade", gateway.handleUpgrade);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  ({ port } = server.address() as AddressInfo);
});
afterAll(async () => {
  await gateway.drain(0);
  server.close();
  await system.close();
});

type Hello = Extract<ClientFrame, { type: "hello" }>;

async function connect(ctx: Ctx, hello: Partial<Hello> = {}, deviceId: string = randomUUID()): Promise<TestClient> {
  const client = await openTestClient(port);
  const { ticket } = await createTicket(ctx, { deviceId });
  client.send({
    type: "hello",
    version: 1,
    ticket,
    deviceId,
    client: "test/1",
    epoch: null,
    subscriptions: [],
    ...hello,
  });
  return client;
}

let frameId = 0;
const text = (value: string) => ({ kind: "text" as const, text: value });

async function start(ctx: Ctx = company.customer): Promise<ConversationId> {
  const input = { deviceId: randomUUID(), clientId: randomUUID(), message: text("Hello") };
  return (await startConversation(ctx, input)).conversationId;
}

async function subscribe(client: TestClient, conversationId: ConversationId, after = 0) {
  const id = ++frameId;
  client.send({ type: "subscribe", id, conversationId, after });
  return client.next("synced", (frame) => frame.id === id);
}

function say(client: TestClient, conversationId: ConversationId | null, value: string, kind: "text" | "note" = "text") {
  const id = ++frameId;
  client.send({ type: "send", id, conversationId, clientId: randomUUID(), message: { kind, text: value } });
  return client.next("ok", (frame) => frame.id === id);
}

describe("hello", () => {
  it("welcomes a device with its ticket, once", async () => {
    const deviceId = randomUUID();
    const { ticket } = await createTicket(company.agent, { deviceId });
    const hello: Omit<Hello, "deviceId"> = {
      type: "hello",
      version: 1,
      ticket,
      client: "test/1",
      epoch: null,
      subscriptions: [],
    };
    const stranger = await openTestClient(port);
    stranger.send({ ...hello, deviceId: randomUUID() });
    expect(await stranger.closed).toBe(4401);
    const again = await createTicket(company.agent, { deviceId });
    const client = await openTestClient(port);
    client.send({ ...hello, ticket: again.ticket, deviceId });
    expect(await client.next("welcome")).toMatchObject({ resume: "ok", feed: null });
    const replayed = await openTestClient(port);
    replayed.send({ ...hello, ticket: again.ticket, deviceId });
    expect(await replayed.closed).toBe(4401);
    client.close();
  });

  it("is owed within five seconds", async () => {
    const client = await openTestClient(port);
    expect(await client.closed).toBe(4408);
  });

  it("must be the first frame, well formed, and of a version we speak", async () => {
    const first = await openTestClient(port);
    first.send({ type: "ping", n: 1 });
    expect(await first.closed).toBe(4400);
    for (const raw of ["", "null", "[]", "7", "{", '"x"', Buffer.from([1, 2, 3])]) {
      const client = await openTestClient(port);
      client.sendRaw(raw);
      expect(await client.closed).toBe(4400);
    }
    const old = await connect(company.agent, { version: 0 });
    expect(await old.closed).toBe(4426);
  });

  it("answers frames that come right behind it, in order", async () => {
    const id = await start();
    const client = await connect(company.customer);
    client.send({ type: "subscribe", id: 1, conversationId: id, after: 0 });
    client.send({ type: "send", id: 2, conversationId: id, clientId: randomUUID(), message: text("early") });
    await client.next("synced");
    await client.next("ok");
    await client.next("event", (frame) => frame.kind === "message.created" && frame.data.text === "early");
    client.close();
  });
});

describe("messages", () => {
  it("are refused with the reason, and the connection goes on", async () => {
    const id = await start();
    const customer = await connect(company.customer);
    const attempt = async (frame: object, expected: object) => {
      customer.sendRaw(JSON.stringify({ type: "send", clientId: randomUUID(), ...frame }));
      expect(await customer.next("error")).toMatchObject(expected);
    };
    await attempt({ id: 1, conversationId: id, message: { kind: "note", text: "x" } }, { id: 1, code: "FORBIDDEN" });
    await attempt({ id: 2, conversationId: id, message: { kind: "text", text: "  " } }, { id: 2, code: "VALIDATION" });
    await attempt({ id: 3, conversationId: id, message: { kind: "text", text: "a\u0000b" } }, { code: "VALIDATION" });
    await attempt(
      { id: 4, conversationId: id, message: { kind: "text", text: "x".repeat(16_001) } },
      { code: "VALIDATION" },
    );
    await attempt({ id: 5, conversationId: id, message: { kind: "system", text: "x" } }, { code: "VALIDATION" });
    await attempt(
      { id: 6, conversationId: id, message: { kind: "text", text: "x", author: "me" } },
      { code: "VALIDATION" },
    );
    await attempt({ id: 7, conversationId: "cnv_nope", message: text("x") }, { code: "VALIDATION" });
    customer.sendRaw('{"type":"__proto__","id":8}');
    expect(await customer.next("error")).toMatchObject({ id: 8, code: "UNKNOWN_TYPE" });
    customer.sendRaw('{"type":"constructor"}');
    expect(await customer.next("error")).toMatchObject({ id: null, code: "UNKNOWN_TYPE" });
    await say(customer, id, "still here");
    customer.sendRaw(JSON.stringify({ type: "ping", n: 1, padding: "x".repeat(65_536) }));
    expect(await customer.closed).toBe(1009);
  });
});

describe("marks and typing", () => {
  const isTypingOf = (type: string) => (frame: Extract<ServerFrame, { type: "ephemeral" }>) =>
    frame.kind === "typing" && frame.data.by.type === type;

  it("passes typing on, to those who follow, not to the one who types", async () => {
    const id = await start();
    const [customer, agent, other] = [
      await connect(company.customer),
      await connect(company.agent),
      await connect(company.admin),
    ];
    await Promise.all([subscribe(customer, id), subscribe(agent, id)]);
    agent.send({ type: "typing", conversationId: id, on: true });
    const seen = await customer.next("ephemeral", isTypingOf("agent"));
    expect(seen).toMatchObject({ data: { on: true, by: { name: "Jonas Weber" } } });
    customer.send({ type: "typing", conversationId: id, on: true });
    await agent.next("ephemeral", isTypingOf("contact"));
    const typing = (client: TestClient) =>
      client.frames.filter((frame) => frame.type === "ephemeral" && frame.kind === "typing");
    expect(typing(agent)).toHaveLength(1);
    expect(typing(other)).toHaveLength(0);
    for (const client of [customer, agent, other]) client.close();
  });
});

describe("walls", () => {
  it("takes other paths and other protocols for what they are", async () => {
    const headers = {
      Connection: "Upgrade",
      Upgrade: "websocket",
      "Sec-WebSocket-Version": "13",
      "Sec-WebSocket-Key": "x".repeat(22) + "==",
    };
    const attempt = async (path: string, protocol: string) => {
      const { request } = await import("node:http");
      return new Promise<number | undefined>((resolve, reject) => {
        request({ port, path, headers: { ...headers, "Sec-WebSocket-Protocol": protocol } })
          .on("response", (response) => resolve(response.statusCode))
          .on("error", reject)
          .end();
      });
    };
    expect(await attempt("/v1/elsewhere", "presszero.v1")).toBe(404);
    expect(await attempt("/v1/realtime", "presszero.v9")).toBe(426);
  });

  it("bears a visitor who is gone before the refusal arrives", async () => {
    for (let visit = 0; visit < 50; visit++) {
      const socket = createConnection(port, "127.0.0.1");
      socket.on("error", () => {});
      await new Promise((resolve) => socket.on("connect", resolve));
      socket.write("GET /elsewhere HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
      socket.resetAndDestroy();
    }
    const client = await connect(company.agent);
    expect(await client.next("welcome")).toMatchObject({ resume: "ok" });
    client.close();
  });
});
