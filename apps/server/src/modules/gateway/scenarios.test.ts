// What people see, whichever way their client is connected: the same scenarios by socket and by long polls (CR8).
import { randomUUID } from "node:crypto";
import type { AddressInfo } from "node:net";
import type { ClientFrame, ConversationId } from "@presszero/contracts";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createHttpServer } from "../../app/http.ts";
import { handlers } from "../../app/modules.ts";
import { createBus } from "../../kernel/bus.ts";
import type { Ctx } from "../../kernel/context.ts";
import { createTestCtx, type TestCtx } from "../../kernel/testing.ts";
import { sendMessage, startConversation } from "../conversations/index.ts";
import { authenticate, createApiKey, createTicket, revokeSession } from "../identity/index.ts";
import { createTestCompany, type TestCompany, tokenOf } from "../testing.ts";
import { type Gateway, startGateway } from "./index.ts";
import { openTestClient, type TestClient } from "./test-client.ts";
import { openPollClient } from "./testing-poll.ts";

let system: TestCtx;
let company: TestCompany;
let gateway: Gateway;
let server: FastifyInstance;
let port: number;

beforeAll(async () => {
  system = await createTestCtx();
  company = await createTestCompany(system);
  gateway = await startGateway(system, (request) => request.socket.remoteAddress ?? "");
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

type Hello = Extract<ClientFrame, { type: "hello" }>;

/** Another process on the same database: its commits do not reach our bus. */
function elsewhere(ctx: Ctx): Ctx {
  return { ...ctx, bus: createBus(() => {}) };
}

let frameId = 0;
const text = (value: string) => ({ kind: "text" as const, text: value });

async function start(ctx: Ctx = company.customer): Promise<ConversationId> {
  const input = { deviceId: randomUUID(), clientId: randomUUID(), message: text("Hello") };
  return (await startConversation(ctx, input)).conversationId;
}

function post(ctx: Ctx, id: ConversationId, value: string, kind: "text" | "note" = "text") {
  return sendMessage(ctx, id, { deviceId: randomUUID(), clientId: randomUUID(), message: { kind, text: value } });
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

const texts = (client: TestClient) =>
  client.frames.flatMap((frame) =>
    frame.type === "event" && frame.kind === "message.created" ? [frame.data.text] : [],
  );
const seqs = (client: TestClient) => client.frames.flatMap((frame) => (frame.type === "event" ? [frame.seq] : []));

describe.each(["socket", "long poll"] as const)("[CR8] by %s:", (transport) => {
  async function connect(
    ctx: Ctx,
    hello: Partial<Hello> = {},
    deviceId: string = randomUUID(),
    token = tokenOf(ctx),
  ): Promise<TestClient> {
    const isSocket = transport === "socket";
    const side = ctx.actor.type === "contact" ? "contact" : "business";
    const client = isSocket ? await openTestClient(port) : openPollClient(port, token, side);
    const ticket = isSocket ? (await createTicket(ctx, { deviceId })).ticket : "";
    const base = { type: "hello" as const, version: 1, ticket, deviceId, client: "test/1", epoch: null };
    client.send({ ...base, subscriptions: [], ...hello });
    return client;
  }

  describe("messages", () => {
    it("reach both sides, each in its own lane", async () => {
      const id = await start();
      const [customer, agent] = [await connect(company.customer), await connect(company.agent)];
      expect(await subscribe(customer, id)).toMatchObject({ head: 2, from: 1, to: 2 });
      await subscribe(agent, id);
      await say(agent, id, "a note", "note");
      const ok = await say(agent, id, "an answer");
      expect(ok).toMatchObject({ seq: 4, duplicate: false });
      const mine = await agent.next("event", (frame) => frame.seq === 4);
      expect(mine).toMatchObject({ data: { clientId: ok.clientId, status: "sent" } });
      const theirs = await customer.next("event", (frame) => frame.seq === 3);
      expect(theirs).toMatchObject({ data: { text: "an answer", clientId: null, createdBy: "system" } });
      await say(customer, id, "thanks");
      await agent.next("event", (frame) => frame.seq === 5);
      await customer.next("event", (frame) => frame.seq === 4);
      expect(texts(customer)).toEqual(["Hello", "an answer", "thanks"]);
      expect(seqs(customer)).toEqual([1, 2, 3, 4]);
      expect(seqs(agent)).toEqual([1, 2, 3, 4, 5]);
      expect(JSON.stringify(customer.frames)).not.toContain("a note");
      customer.close();
      agent.close();
    });

    it("start a conversation, and a repeat finds it", async () => {
      const deviceId = randomUUID();
      const customer = await connect(company.otherCustomer, {}, deviceId);
      const clientId = randomUUID();
      const frame = { type: "send", conversationId: null, clientId, message: text("I am new here") } as const;
      customer.send({ ...frame, id: 1 });
      customer.send({ ...frame, id: 2 });
      const [first, second] = [
        await customer.next("ok", (ok) => ok.id === 1),
        await customer.next("ok", (ok) => ok.id === 2),
      ];
      expect(second).toEqual({ ...first, id: 2, duplicate: true });
      customer.close();
      const back = await connect(company.otherCustomer, {}, deviceId);
      back.send({ ...frame, id: 3 });
      expect(await back.next("ok")).toMatchObject({ conversationId: first.conversationId, duplicate: true });
      back.close();
    });

    it("keep the order of a device that does not wait for answers", async () => {
      const id = await start();
      const [customer, agent] = [await connect(company.customer), await connect(company.agent)];
      await subscribe(agent, id);
      const said = Array.from({ length: 100 }, (_, index) => `line ${index}`);
      for (const [index, line] of said.entries()) {
        customer.send({ type: "send", id: index, conversationId: id, clientId: randomUUID(), message: text(line) });
      }
      await agent.next("event", (frame) => frame.seq === 102);
      expect(texts(agent).slice(1)).toEqual(said);
      customer.close();
      agent.close();
    });
  });

  describe("catching up", () => {
    it("brings what was missed while away, and nothing else", async () => {
      const id = await start();
      const first = await connect(company.agent);
      await subscribe(first, id);
      first.close();
      await first.closed;
      await post(company.customer, id, "while you");
      await post(company.agent, id, "were away");
      const back = await connect(company.agent, { subscriptions: [{ conversationId: id, after: 2 }] });
      expect(await back.next("synced")).toMatchObject({ id: null, head: 4, from: 3, to: 4 });
      expect(texts(back)).toEqual(["while you", "were away"]);
      await post(company.customer, id, "and now live");
      await back.next("event", (frame) => frame.seq === 5);
      back.close();
    });

    it("says so when too much was missed, and sends the latest page", async () => {
      const id = await start();
      for (let index = 0; index < 250; index++) await post(company.customer, id, `m ${index}`);
      const client = await connect(company.agent);
      const synced = await subscribe(client, id, 1);
      const gap = await client.next("gap");
      expect(gap).toMatchObject({ have: 1, from: 203, head: 252 });
      expect(synced).toMatchObject({ head: 252, from: 203, to: 252 });
      expect(seqs(client)).toEqual(Array.from({ length: 50 }, (_, index) => 203 + index));
      client.send({ type: "fetch", id: 1, conversationId: id, before: 203, limit: 100 });
      const older = await client.next("page");
      expect(older.events.map((event) => event.seq)).toEqual(Array.from({ length: 100 }, (_, index) => 103 + index));
      expect(older).toMatchObject({ head: 252, more: true });
      client.send({ type: "fetch", id: 2, conversationId: id, after: 250, limit: 100 });
      expect(await client.next("page")).toMatchObject({ more: false, events: [{ seq: 251 }, { seq: 252 }] });
      client.close();
    });

    it("loses nothing that is committed while a subscription starts", async () => {
      for (let round = 0; round < 10; round++) {
        const id = await start();
        const clients = await Promise.all([company.agent, company.admin, company.customer].map((ctx) => connect(ctx)));
        const posting = Promise.all(Array.from({ length: 20 }, (_, index) => post(company.customer, id, `${index}`)));
        await Promise.all(clients.map((client) => subscribe(client, id)));
        await posting;
        for (const client of clients) {
          await client.next("event", (frame) => frame.seq === 22);
          expect(seqs(client)).toEqual(Array.from({ length: 22 }, (_, index) => index + 1));
          client.close();
        }
      }
    });

    it("brings what another process committed, though no hint came", async () => {
      const id = await start();
      const client = await connect(company.agent, { feed: null });
      await subscribe(client, id);
      await post(elsewhere(company.customer), id, "from elsewhere");
      await client.next("event", (frame) => frame.seq === 3);
      await client.next("feed", (frame) => frame.items.some((item) => item.id === id && item.head === 3));
      client.close();
    });

    it("fills a hole before it goes on", async () => {
      const id = await start();
      const client = await connect(company.agent);
      await subscribe(client, id);
      await post(elsewhere(company.customer), id, "unheard");
      await post(company.customer, id, "heard");
      await client.next("event", (frame) => frame.seq === 4);
      expect(texts(client)).toEqual(["Hello", "unheard", "heard"]);
      client.close();
    });
  });

  describe("marks", () => {
    it("tell the other side, and one's own other devices", async () => {
      const id = await start();
      const [customer, agent, phone] = await Promise.all([
        connect(company.customer),
        connect(company.agent),
        connect(company.agent),
      ]);
      await Promise.all([subscribe(customer, id), subscribe(agent, id)]);
      await say(agent, id, "for us only", "note");
      await say(agent, id, "please read");
      customer.send({ type: "ack", conversationId: id, seq: 3 });
      expect(await agent.next("receipt")).toMatchObject({ side: "other", delivered: 4, read: 0 });
      customer.send({ type: "read", conversationId: id, seq: 3 });
      expect(await agent.next("receipt", (frame) => frame.read > 0)).toMatchObject({
        side: "other",
        delivered: 4,
        read: 4,
      });
      agent.send({ type: "read", conversationId: id, seq: 4 });
      expect(await customer.next("receipt", (frame) => frame.side === "other")).toMatchObject({
        delivered: 3,
        read: 3,
      });
      expect(await phone.next("receipt")).toMatchObject({ side: "mine", conversationId: id, read: 4, seen: 1 });
      expect(await subscribe(phone, id)).toMatchObject({ mine: { read: 4 }, other: { delivered: 4, read: 4 } });
      for (const client of [customer, agent, phone]) client.close();
    });
  });

  describe("walls", () => {
    it("gives nothing of conversations that are not one's own", async () => {
      const id = await start();
      const foreign = await createTestCompany(system, "Somebody else");
      for (const ctx of [company.otherCustomer, foreign.customer, foreign.agent]) {
        const client = await connect(ctx, { feed: null, subscriptions: [{ conversationId: id, after: 0 }] });
        expect(await client.next("gone")).toMatchObject({ conversationId: id, why: "access" });
        const frames: ClientFrame[] = [
          { type: "subscribe", id: 1, conversationId: id, after: 0 },
          { type: "fetch", id: 2, conversationId: id, limit: 10 },
          { type: "send", id: 3, conversationId: id, clientId: randomUUID(), message: text("x") },
          { type: "read", conversationId: id, seq: 1 },
          { type: "ack", conversationId: id, seq: 1 },
          ...(transport === "socket" ? [{ type: "typing" as const, conversationId: id, on: true }] : []),
        ];
        for (const frame of frames) {
          client.send(frame);
          expect(await client.next("error")).toMatchObject({ code: "NOT_FOUND" });
        }
        await post(company.customer, id, "secret");
        await new Promise((resolve) => setTimeout(resolve, 300));
        expect(
          client.frames.filter((frame) => ["event", "feed", "page", "synced", "receipt"].includes(frame.type)),
        ).toEqual([]);
        client.close();
      }
    });

    it("ends the connection when the sign-in ends", async () => {
      const other = await createTestCompany(system, "Short shift");
      const client = await connect(other.agent);
      const bystander = await connect(other.admin);
      await client.next("welcome");
      await bystander.next("welcome");
      if (other.agent.actor.type !== "agent") throw new Error("not an agent");
      await revokeSession(other.agent, other.agent.actor.sessionId);
      expect(await client.closed).toBe(4491);
      bystander.send({ type: "ping", n: 7 });
      await bystander.next("pong");
      bystander.close();
    });
  });

  describe("feed", () => {
    it("tells staff of every conversation, a customer of their own, and resumes", async () => {
      const agent = await connect(company.agent, { feed: null });
      const customer = await connect(company.customer, { feed: null });
      const { feed: cursor } = await agent.next("welcome");
      await customer.next("welcome");
      const id = await start(company.otherCustomer);
      const mine = await start(company.customer);
      const has = (wanted: ConversationId) => (frame: { items: { id: string }[] }) =>
        frame.items.some((item) => item.id === wanted);
      const told = await agent.next("feed", has(id));
      expect(told.items.find((item) => item.id === id)).toMatchObject({
        head: 2,
        status: "open",
        preview: { text: "Hello" },
        messages: { contact: 1, business: 0 },
        assignee: null,
      });
      const own = await customer.next("feed", has(mine));
      expect(own.items.every((item) => !("contact" in item) && item.id === mine)).toBe(true);
      expect(JSON.stringify(customer.frames)).not.toContain(id);
      agent.close();
      await post(company.otherCustomer, id, "again");
      const back = await connect(company.agent, { feed: cursor });
      expect(await back.next("welcome")).toMatchObject({ resume: "ok" });
      await back.next("feed", (frame) => frame.items.some((item) => item.id === id && item.head === 3));
      const forged = await connect(company.agent, { feed: `${cursor}x` });
      expect(await forged.next("welcome")).toMatchObject({ resume: "reset" });
      const stolen = await connect(company.customer, { feed: cursor });
      expect(await stolen.next("welcome")).toMatchObject({ resume: "reset" });
      for (const client of [back, forged, stolen, customer]) client.close();
    });

    it("gives no cursor beyond what it has told", async () => {
      const quiet = await createTestCompany(system, "Two changes");
      const [first, second] = [await start(quiet.customer), await start(quiet.customer)];
      const [agent, witness] = [await connect(quiet.agent, { feed: null }), await connect(quiet.admin, { feed: null })];
      await agent.next("welcome");
      await witness.next("welcome");
      await post(elsewhere(quiet.customer), first, "unheard so far");
      await post(quiet.customer, second, "heard at once");
      const { cursor } = await agent.next("feed", (frame) => frame.items.some(({ id }) => id === second));
      agent.close();
      const hasFirst = (frame: { items: { id: string; head: number }[] }) =>
        frame.items.some(({ id, head }) => id === first && head === 3);
      await witness.next("feed", hasFirst);
      const back = await connect(quiet.agent, { feed: cursor });
      expect(hasFirst(await back.next("feed", hasFirst))).toBe(true);
      for (const client of [back, witness]) client.close();
    });

    it("tells the rest to a client that broke off in the middle of its resume", async () => {
      const busy = await createTestCompany(system, "Many changes");
      const agent = await connect(busy.agent, { feed: null });
      const { feed: cursor } = await agent.next("welcome");
      agent.close();
      await agent.closed;
      const ids = await Promise.all(Array.from({ length: 101 }, () => start(busy.customer)));
      const told = async (feed: string | null) => {
        const client = await connect(busy.agent, { feed });
        const { feed: welcomed } = await client.next("welcome");
        const part = await client.next("feed", (frame) => frame.more);
        const rest = await client.next("feed", (frame) => !frame.more);
        client.close();
        return { cursors: [welcomed, part.cursor], items: [...part.items, ...rest.items].map(({ id }) => id) };
      };
      const { cursors, items } = await told(cursor);
      expect(items.toSorted()).toEqual(ids.toSorted());
      for (const early of cursors) expect((await told(early)).items.toSorted()).toEqual(ids.toSorted());
    });

    it("is for those who may read conversations", async () => {
      const { secret } = await createApiKey(company.admin, { name: "Members only", permissions: ["agents.read"] });
      const ctx = await authenticate(system, secret);
      const client = await connect(ctx, { feed: null }, randomUUID(), secret);
      expect(await client.closed).toBe(4403);
    });
  });
});
