import { randomUUID } from "node:crypto";
import { type ConversationId, messageTrace } from "@presszero/contracts";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { type Consumer, startConsumers } from "../../kernel/consumers.ts";
import type { Ctx } from "../../kernel/context.ts";
import { createTestCtx, type TestCtx } from "../../kernel/testing.ts";
import { authenticate, createApiKey } from "../identity/index.ts";
import { createTestCompany, type TestCompany } from "../testing.ts";
import { markRead } from "./service/mark.ts";
import { sendMessage } from "./service/send.ts";
import { startConversation } from "./service/start.ts";
import { traceMessage } from "./service/trace.ts";

let system: TestCtx;
let company: TestCompany;

beforeAll(async () => {
  system = await createTestCtx();
  company = await createTestCompany(system);
});
afterAll(() => system.close());

const text = { kind: "text" as const, text: "the words nobody may see here" };
const input = () => ({ deviceId: randomUUID(), clientId: randomUUID(), message: text });
const start = async (ctx: Ctx = company.customer) => {
  const { conversationId, messageId } = await startConversation(ctx, input());
  return { conversationId, messageId };
};
const post = async (ctx: Ctx, conversationId: ConversationId, over: object = {}) => {
  const { messageId } = await sendMessage(ctx, conversationId, { ...input(), ...over });
  return { conversationId, messageId };
};

async function trace(at: Awaited<ReturnType<typeof start>>, ctx = company.admin, consumers: readonly Consumer[] = []) {
  const found = await traceMessage(ctx, consumers, at);
  expect(JSON.stringify(found)).not.toContain(text.text);
  return messageTrace.parse(found);
}

it("tells what the database and this process know, and nothing of the content", async () => {
  const at = await start();
  const found = await trace(at);
  expect(found).toMatchObject({
    ...at,
    seq: 2,
    kind: "text",
    author: { type: "contact", name: "Mia" },
    received: {
      via: "device",
      device: expect.stringMatching(/^[0-9a-f]{4}$/),
      by: { process: system.trace.process, over: "http" },
    },
    stored: { messagesInTransaction: 1, belowHorizon: expect.any(Boolean) },
    processes: [{ process: system.trace.process, state: "knows", passed: null }],
    readers: [{ reader: { type: "contact" }, delivered: false, read: false, deliveredAt: null, devices: [] }],
    consumers: [],
    repeats: { count: 0, lastAt: null },
  });
  const { rows } = await system.database.worker.query<{ xid: string; id: number }>(
    "select xid::text, id from event where ref_id = $1",
    [at.messageId],
  );
  expect(found.stored).toMatchObject({ transaction: rows[0]!.xid, eventId: String(rows[0]!.id) });
});

it("tells how a message came in: from a device, a sign-in, a program", async () => {
  const { conversationId } = await start();
  const session = company.agent.actor.type === "agent" ? company.agent.actor.sessionId : "";
  const overHttp = await post(company.agent, conversationId, { deviceId: session });
  expect((await trace(overHttp)).received).toMatchObject({ via: "sign_in", device: session.slice(-4) });
  const { secret } = await createApiKey(company.admin, { name: "Shop", permissions: ["conversations.reply"] });
  const program = await authenticate(system, secret);
  const byKey = await post(program, conversationId, { deviceId: program.actor.id });
  expect(await trace(byKey)).toMatchObject({
    author: { type: "api_key", name: "Shop" },
    received: { via: "api_key", device: null },
  });
});

it("counts the company's messages of one commit, and not those of others", async () => {
  const foreign = await createTestCompany(system, "Somebody else");
  const [mine, theirs] = [await start(), await start(foreign.customer)];
  const sent = await Promise.all([
    post(company.agent, mine.conversationId),
    post(company.agent, mine.conversationId),
    post(foreign.agent, theirs.conversationId),
  ]);
  expect((await trace(sent[0])).stored.messagesInTransaction).toBe(2);
  expect((await trace(sent[2], foreign.admin)).stored.messagesInTransaction).toBe(1);
});

it("tells who has it and who has read it, and when as far as somebody remembers", async () => {
  const { conversationId } = await start();
  const at = await post(company.agent, conversationId);
  await markRead(company.customer, conversationId, 3);
  await markRead(company.admin, conversationId, 3);
  const { readers } = await trace(at);
  expect(readers.map(({ reader, delivered, read }) => [reader.name, delivered, read])).toEqual([
    ["Mia", true, true],
    ["Amara Okafor", true, true],
  ]);
  expect(readers[0]).toMatchObject({ devices: [{ via: "sign_in", readAt: readers[0]!.readAt }] });
  expect(Date.parse(readers[0]!.deliveredAt!)).toBeGreaterThan(0);
  // Marks that a process stored which is gone: whether is known, when is not.
  const later = await post(company.agent, conversationId);
  const gone = { ...company.customer, trace: { ...system.trace, marked: () => {} } };
  await markRead(gone, conversationId, 4);
  expect((await trace(later)).readers[0]).toMatchObject({
    delivered: true,
    read: true,
    deliveredAt: null,
    readAt: null,
    devices: [],
  });
});

it("never says of a note that the customer has it", async () => {
  const { conversationId } = await start();
  const note = await post(company.agent, conversationId, { message: { kind: "note", text: text.text } });
  await post(company.agent, conversationId);
  await markRead(company.customer, conversationId, 3);
  await markRead(company.admin, conversationId, 4);
  const found = await trace(note);
  expect(found.kind).toBe("note");
  expect(found.readers.map(({ reader }) => reader.type)).toEqual(["agent"]);
});

it("counts the repeats that were answered with it", async () => {
  const { conversationId } = await start();
  const same = input();
  const at = await post(company.agent, conversationId, same);
  await post(company.agent, conversationId, same);
  await post(company.agent, conversationId, same);
  expect((await trace(at)).repeats).toMatchObject({ count: 2, lastAt: expect.any(String) });
});

it("tells what became of it with each consumer that reacts to messages", async () => {
  const consumer = (name: string, handle: Consumer["handle"], over: Partial<Consumer> = {}): Consumer => ({
    name,
    types: ["message.created"],
    handle,
    ...over,
  });
  const fail = async () => {
    throw new Error("the other side is down");
  };
  const running = [
    consumer("test.done", async () => {}),
    consumer("test.retries", fail),
    consumer("test.parks", fail, { maxAttempts: 1 }),
    consumer("test.unconcerned", fail, { types: ["agent.invited"] }),
  ];
  const all = [...running, consumer("test.new", fail)];
  const at = await start();
  // The pause before the second try is drawn; a short one would let it happen before we look.
  vi.spyOn(Math, "random").mockReturnValue(0.99);
  const started = startConsumers(system, running);
  try {
    const states = async () =>
      (await trace(at, company.admin, all)).consumers.map(({ name, state }) => `${name} ${state}`);
    await expect
      .poll(states)
      .toEqual(["test.done done", "test.retries retrying", "test.parks parked", "test.new never_ran"]);
    const { consumers } = await trace(at, company.admin, all);
    expect(consumers[1]).toMatchObject({ attempts: 1, reason: "the other side is down", at: expect.any(String) });
    expect(consumers[2]).toMatchObject({ attempts: 1, reason: "the other side is down", at: expect.any(String) });
  } finally {
    vi.restoreAllMocks();
    await started.stop();
  }
  const later = await start();
  const { consumers } = await trace(later, company.admin, all);
  expect(consumers[0]).toMatchObject({ name: "test.done", state: "waiting", attempts: 0, at: null });
});

it("is for those who look after events and may read conversations, of their own company", async () => {
  const at = await start();
  const other = await start();
  const foreign = await createTestCompany(system, "Strangers");
  await expect(trace(at, foreign.admin)).rejects.toMatchObject({ code: "NOT_FOUND" });
  await expect(trace({ ...at, conversationId: other.conversationId })).rejects.toMatchObject({ code: "NOT_FOUND" });
  await expect(trace(at, company.customer)).rejects.toMatchObject({ code: "FORBIDDEN" });
  for (const permission of ["events.manage", "conversations.read"] as const) {
    const { secret } = await createApiKey(company.admin, { name: permission, permissions: [permission] });
    await expect(trace(at, await authenticate(system, secret))).rejects.toMatchObject({ code: "FORBIDDEN" });
  }
});
