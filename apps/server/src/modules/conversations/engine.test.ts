import { randomUUID } from "node:crypto";
import type { Conversation, ConversationId } from "@presszero/contracts";
import { conversationEvent } from "@presszero/contracts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Ctx } from "../../kernel/context.ts";
import { openDatabase } from "../../kernel/database.ts";
import { createTestCtx, type TestCtx } from "../../kernel/testing.ts";
import { createTestCompany, type TestCompany } from "../testing.ts";
import naughtyStrings from "./fixtures/blns.json" with { type: "json" };
import { assignConversation } from "./service/assign.ts";
import { closeConversation, reopenConversation } from "./service/close.ts";
import { markRead } from "./service/mark.ts";
import {
  getConversation,
  getMyConversation,
  listConversations,
  listEvents,
  listMyConversations,
} from "./service/read.ts";
import { sendMessage } from "./service/send.ts";
import { startConversation } from "./service/start.ts";

let system: TestCtx;
let company: TestCompany;

beforeAll(async () => {
  system = await createTestCtx();
  company = await createTestCompany(system);
});
afterAll(() => system.close());

const device = () => randomUUID();
const text = (value: string) => ({ kind: "text" as const, text: value });
const note = (value: string) => ({ kind: "note" as const, text: value });

async function start(customer: Ctx = company.customer, first = "Hello"): Promise<ConversationId> {
  const sent = await startConversation(customer, { deviceId: device(), clientId: randomUUID(), message: text(first) });
  return sent.conversationId;
}

function send(ctx: Ctx, id: ConversationId, message: ReturnType<typeof text | typeof note>, clientId = randomUUID()) {
  return sendMessage(ctx, id, { deviceId: device(), clientId, message });
}

async function allEvents(ctx: Ctx, id: ConversationId) {
  return (await listEvents(ctx, id, { after: 0, limit: 200 })).events;
}

/** Both lanes of a conversation, straight from the tables, as the login that owns them cannot be fooled by a view. */
async function lanes(id: ConversationId) {
  const client = await system.database.worker.connect();
  try {
    const { rows } = await client.query<{ seq: number; public_seq: number; is_public: boolean; type: string }>(
      "select seq, public_seq, is_public, type from event where subject_id = $1 order by seq",
      [id],
    );
    return rows;
  } finally {
    client.release();
  }
}

async function expectGapFree(id: ConversationId): Promise<void> {
  const rows = await lanes(id);
  expect(rows.map((row) => row.seq)).toEqual(rows.map((_, index) => index + 1));
  const open = rows.filter((row) => row.is_public);
  expect(open.map((row) => row.public_seq)).toEqual(open.map((_, index) => index + 1));
  const conversation = await getConversation(company.agent, id);
  expect(conversation.head).toBe(rows.length);
}

describe("the commit rule", () => {
  it("stores a message before it answers, in both lanes", async () => {
    const id = await start();
    const sent = await send(company.agent, id, text("Good morning"));
    expect(sent).toMatchObject({ conversationId: id, seq: 3, duplicate: false });
    const events = await allEvents(company.customer, id);
    expect(events.map((event) => event.kind)).toEqual(["conversation.started", "message.created", "message.created"]);
    expect(events[2]).toMatchObject({
      seq: 3,
      data: {
        id: sent.messageId,
        createdBy: "system",
        author: { type: "agent", name: "Jonas Weber" },
        text: "Good morning",
        clientId: null,
      },
    });
    expect(events[1]).toMatchObject({ data: { createdBy: "user", author: { type: "contact", name: "Mia" } } });
  });

  it("answers a repeat with the first message, and takes no number for it", async () => {
    const id = await start();
    const input = { deviceId: device(), clientId: randomUUID(), message: text("once") };
    const first = await sendMessage(company.customer, id, input);
    const again = await sendMessage(company.customer, id, input);
    expect(again).toEqual({ ...first, duplicate: true });
    await expectGapFree(id);
  });

  it("keeps one message of fifty identical sends at once", async () => {
    const id = await start();
    const input = { deviceId: device(), clientId: randomUUID(), message: text("race") };
    const answers = await Promise.all(Array.from({ length: 50 }, () => sendMessage(company.customer, id, input)));
    expect(new Set(answers.map((answer) => answer.messageId)).size).toBe(1);
    expect(answers.filter((answer) => !answer.duplicate)).toHaveLength(1);
    await expectGapFree(id);
  });

  it("[CM2] keeps one message when two processes commit the same client id at once", async () => {
    const id = await start();
    const other = { ...company.customer, database: openDatabase(system.url) };
    for (let round = 0; round < 20; round++) {
      const input = { deviceId: device(), clientId: randomUUID(), message: text(`round ${round}`) };
      const answers = await Promise.all(
        [company.customer, other, company.customer, other].map((ctx) => sendMessage(ctx, id, input)),
      );
      expect(new Set(answers.map((answer) => answer.seq)).size).toBe(1);
    }
    await other.database.close();
    await expectGapFree(id);
  });

  it("refuses a client id that was used for another text or another conversation", async () => {
    const [id, otherId] = [await start(), await start()];
    const input = { deviceId: device(), clientId: randomUUID(), message: text("this") };
    await sendMessage(company.customer, id, input);
    const conflict = { code: "CLIENT_ID_CONFLICT" };
    await expect(sendMessage(company.customer, id, { ...input, message: text("that") })).rejects.toMatchObject(
      conflict,
    );
    await expect(sendMessage(company.customer, otherId, input)).rejects.toMatchObject(conflict);
    await expectGapFree(id);
    await expectGapFree(otherId);
  });

  it("gives the same client id of another device its own message", async () => {
    const id = await start();
    const clientId = randomUUID();
    const first = await send(company.customer, id, text("a"), clientId);
    const second = await send(company.customer, id, text("a"), clientId);
    expect(second.messageId).not.toBe(first.messageId);
  });

  it("[CM3, ID5] numbers many writers of many conversations without a hole, whichever process they use", async () => {
    const ids = await Promise.all(Array.from({ length: 5 }, () => start()));
    const other = { ...company.agent, database: openDatabase(system.url) };
    await Promise.all(
      Array.from({ length: 200 }, (_, index) => {
        const id = ids[index % ids.length]!;
        if (index % 11 === 0) return assignConversation(company.admin, id, index % 2 ? agentId() : null);
        if (index % 3 === 0) return send(company.customer, id, text(`customer ${index}`));
        return send(
          index % 3 === 1 ? other : company.agent,
          id,
          index % 5 ? text(`agent ${index}`) : note(`note ${index}`),
        );
      }),
    );
    await other.database.close();
    for (const id of ids) await expectGapFree(id);
  });

  it("[CM4] keeps the order in which one device sends", async () => {
    const id = await start();
    const deviceId = device();
    const texts = Array.from({ length: 100 }, (_, index) => `message ${index}`);
    await Promise.all(
      texts.map((value) =>
        sendMessage(company.customer, id, { deviceId, clientId: randomUUID(), message: text(value) }),
      ),
    );
    const events = await allEvents(company.customer, id);
    expect(events.flatMap((event) => (event.kind === "message.created" ? [event.data.text] : [])).slice(1)).toEqual(
      texts,
    );
  });

  it("[CM4, CM1] fails one row of a batch alone", async () => {
    const id = await start();
    const results = await Promise.allSettled([
      send(company.customer, id, text("before")),
      // The contract refuses U+0000 before it comes here; Postgres does not take it either.
      send(company.customer, id, text("\u0000")),
      send(company.customer, id, text("after")),
    ]);
    expect(results.map((result) => result.status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    await expectGapFree(id);
  });
});

function agentId() {
  if (company.agent.actor.type !== "agent") throw new Error("not an agent");
  return company.agent.actor.id;
}

describe("starting", () => {
  it("starts one conversation however often the first message is sent", async () => {
    const input = { deviceId: device(), clientId: randomUUID(), message: text("Anybody there?") };
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => startConversation(company.otherCustomer, input)),
    );
    expect(new Set(answers.map((answer) => answer.conversationId)).size).toBe(1);
    const { items } = await listMyConversations(company.otherCustomer, { limit: 50 });
    expect(items).toHaveLength(1);
    await expectGapFree(answers[0]!.conversationId);
  });

  it("is for customers only", async () => {
    const input = { deviceId: device(), clientId: randomUUID(), message: text("x") };
    await expect(startConversation(company.agent, input)).rejects.toMatchObject({ code: "FORBIDDEN" });
  });
});

describe("life of a conversation", () => {
  it("closes, reopens and assigns, each once and with its event", async () => {
    const id = await start();
    await assignConversation(company.admin, id, agentId());
    await assignConversation(company.admin, id, agentId());
    await closeConversation(company.agent, id);
    await expect(closeConversation(company.agent, id)).rejects.toMatchObject({ code: "CONVERSATION_CLOSED" });
    await reopenConversation(company.agent, id);
    await expect(reopenConversation(company.agent, id)).rejects.toMatchObject({ code: "CONVERSATION_OPEN" });
    const kinds = (await allEvents(company.agent, id)).map((event) => event.kind);
    expect(kinds).toEqual([
      "conversation.started",
      "message.created",
      "conversation.assigned",
      "conversation.closed",
      "conversation.reopened",
    ]);
    await expectGapFree(id);
  });

  it("is reopened by the customer's next message, not by the agent's", async () => {
    const id = await start();
    await closeConversation(company.customer, id);
    await expect(send(company.agent, id, text("still there?"))).rejects.toMatchObject({ code: "CONVERSATION_CLOSED" });
    await send(company.agent, id, note("a note is fine"));
    expect((await getConversation(company.agent, id)).status).toBe("closed");
    await Promise.all([
      send(company.customer, id, text("one more thing")),
      send(company.customer, id, text("and another")),
    ]);
    expect((await getConversation(company.agent, id)).status).toBe("open");
    const kinds = (await allEvents(company.customer, id)).map((event) => event.kind);
    expect(kinds.filter((kind) => kind === "conversation.reopened")).toHaveLength(1);
    await expectGapFree(id);
  });

  it("is reopened by its customer although a stranger tries the same at the same moment", async () => {
    const id = await start();
    await closeConversation(company.agent, id);
    const stranger = send(company.otherCustomer, id, text("let me in")).catch((error: { code: string }) => error.code);
    const own = send(company.customer, id, text("one more thing"));
    const strangerAgain = send(company.otherCustomer, id, text("please")).catch(
      (error: { code: string }) => error.code,
    );
    expect(await own).toMatchObject({ duplicate: false });
    expect([await stranger, await strangerAgain]).toEqual(["NOT_FOUND", "NOT_FOUND"]);
    await expectGapFree(id);
  });

  it("does not reopen for a repeat of a message that was stored before the close", async () => {
    const id = await start();
    const input = { deviceId: device(), clientId: randomUUID(), message: text("thanks") };
    await sendMessage(company.customer, id, input);
    await closeConversation(company.agent, id);
    expect(await sendMessage(company.customer, id, input)).toMatchObject({ duplicate: true });
    expect((await getConversation(company.agent, id)).status).toBe("closed");
  });
});

describe("who sees what", () => {
  it("keeps notes and assignments out of the customer's lane, count included", async () => {
    const id = await start();
    await send(company.agent, id, note("she sounds upset"));
    await assignConversation(company.admin, id, agentId());
    await send(company.agent, id, text("I will look into it"));
    await send(company.agent, id, note("refund approved"));
    const forCustomer = await listEvents(company.customer, id, { limit: 100 });
    expect(forCustomer.events.map((event) => event.seq)).toEqual([1, 2, 3]);
    expect(forCustomer.head).toBe(3);
    expect(JSON.stringify(forCustomer)).not.toMatch(/upset|refund|assign/);
    const mine = await getMyConversation(company.customer, id);
    expect(mine).toMatchObject({
      head: 3,
      preview: { text: "I will look into it" },
      messages: { contact: 1, business: 1 },
    });
    expect(Object.keys(mine)).not.toContain("assignee");
    const forAgent = await listEvents(company.agent, id, { limit: 100 });
    expect(forAgent.events.map((event) => event.seq)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(await getConversation(company.agent, id)).toMatchObject({
      preview: { text: "refund approved", kind: "note" },
    });
  });

  it("does not tell of a note by the order of the customer's list, nor by its cursor", async () => {
    const { customer: reader, agent } = await createTestCompany(system, "Notes");
    const older = await start(reader);
    const newer = await start(reader);
    // Lists follow what happens in steps of ten seconds.
    await system.database.writer.query(
      "update conversation set listed_at = listed_at - interval '1 hour' where id = any($1)",
      [[older, newer]],
    );
    const list = () => listMyConversations(reader, { limit: 1 });
    const before = await list();
    expect(before.items.map((one) => one.id)).toEqual([newer]);
    await send(agent, older, note("only for us"));
    await send(agent, newer, note("only for us"));
    expect(await list()).toEqual(before);
    await send(reader, older, text("Are you there?"));
    expect((await list()).items.map((one) => one.id)).toEqual([older]);
  });

  it("treats other people's and other companies' conversations as not there", async () => {
    const id = await start();
    const foreign = await createTestCompany(system, "Somebody else");
    const notFound = { code: "NOT_FOUND" };
    for (const ctx of [company.otherCustomer, foreign.customer]) {
      await expect(getMyConversation(ctx, id)).rejects.toMatchObject(notFound);
      await expect(listEvents(ctx, id, { limit: 10 })).rejects.toMatchObject(notFound);
      await expect(send(ctx, id, text("hi"))).rejects.toMatchObject(notFound);
      await expect(closeConversation(ctx, id)).rejects.toMatchObject(notFound);
      await expect(markRead(ctx, id, 1)).rejects.toMatchObject(notFound);
    }
    await expect(getConversation(foreign.agent, id)).rejects.toMatchObject(notFound);
    await expect(send(foreign.agent, id, text("hi"))).rejects.toMatchObject(notFound);
    await expect(send(foreign.agent, id, note("hi"))).rejects.toMatchObject(notFound);
    await expect(assignConversation(foreign.admin, id, null)).rejects.toMatchObject(notFound);
    await expect(assignConversation(foreign.admin, id, agentId())).rejects.toMatchObject(notFound);
    const strangerInCompany = foreign.agent.actor.type === "agent" ? foreign.agent.actor.id : null;
    await expect(assignConversation(company.admin, id, strangerInCompany)).rejects.toMatchObject(notFound);
    expect((await listConversations(foreign.agent, { limit: 50 })).items).toEqual([]);
    await expectGapFree(id);
  });

  it("lets nobody write notes as a customer", async () => {
    const id = await start();
    await expect(send(company.customer, id, note("sneaky"))).rejects.toMatchObject({ code: "FORBIDDEN" });
  });

  it("stops an agent who was deactivated a moment ago, in the same statement that stores", async () => {
    const id = await start();
    const other = await createTestCompany(system, "Leaver Ltd");
    const leaverId = await start(other.customer);
    await sendMessage(other.agent, leaverId, { deviceId: device(), clientId: randomUUID(), message: text("hello") });
    const client = await system.database.app.connect();
    await client.query(`begin; select set_config('presszero.company_id', '${other.companyId}', true)`);
    await client.query("update agent set status = 'deactivated' where id = $1", [other.agent.actor.id]);
    await client.query("commit");
    client.release();
    await expect(send(other.agent, leaverId, text("still here"))).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expectGapFree(id);
  });
});

describe("marks", () => {
  it("count unread, never go back, and place themselves in both lanes", async () => {
    const id = await start();
    await send(company.agent, id, note("internal"));
    await send(company.agent, id, text("first answer"));
    await send(company.agent, id, text("second answer"));
    expect(await getMyConversation(company.customer, id)).toMatchObject({ unread: 2, marks: { myRead: 0 } });
    await markRead(company.customer, id, 3);
    expect(await getMyConversation(company.customer, id)).toMatchObject({ unread: 1, marks: { myRead: 3 } });
    // The customer's third event is the agent's fourth.
    expect((await getConversation(company.agent, id)).marks).toEqual({ myRead: 0, otherDelivered: 4, otherRead: 4 });
    await markRead(company.customer, id, 1);
    expect((await getMyConversation(company.customer, id)).marks.myRead).toBe(3);
    await markRead(company.customer, id, 999);
    expect(await getMyConversation(company.customer, id)).toMatchObject({ unread: 0, marks: { myRead: 4 } });

    await markRead(company.agent, id, 3);
    expect((await getMyConversation(company.customer, id)).marks).toMatchObject({ otherRead: 2 });
    const statuses = (await allEvents(company.agent, id)).flatMap((event) =>
      event.kind === "message.created" ? [event.data.status] : [],
    );
    expect(statuses).toEqual(["read", "sent", "read", "read"]);
  });

  it("keep unread right when only a part is read", async () => {
    const id = await start();
    for (let index = 0; index < 5; index++) await send(company.customer, id, text(`line ${index}`));
    expect((await getConversation(company.agent, id)).unread).toBe(6);
    await markRead(company.agent, id, 4);
    expect((await getConversation(company.agent, id)).unread).toBe(3);
    await send(company.customer, id, text("and more"));
    expect((await getConversation(company.agent, id)).unread).toBe(4);
  });
});

describe("lists and pages", () => {
  it("page through all conversations once", async () => {
    const other = await createTestCompany(system, "Pages");
    const ids = new Set<string>();
    for (let index = 0; index < 7; index++) ids.add(await start(other.customer));
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await listConversations(other.agent, { limit: 3, cursor });
      seen.push(...page.items.map((item: Conversation) => item.id));
      cursor = page.next ?? undefined;
    } while (cursor);
    expect(seen).toHaveLength(7);
    expect(new Set(seen)).toEqual(ids);
    const { next } = await listConversations(other.agent, { limit: 3 });
    await expect(listConversations(company.agent, { limit: 3, cursor: next! })).rejects.toMatchObject({
      code: "VALIDATION",
    });
  });

  it("page back through a long history without overlap", async () => {
    const id = await start();
    for (let index = 0; index < 40; index++) await send(company.customer, id, text(`n ${index}`));
    const latest = await listEvents(company.agent, id, { limit: 15 });
    expect(latest.more).toBe(true);
    const older = await listEvents(company.agent, id, { before: latest.events[0]!.seq, limit: 15 });
    const oldest = await listEvents(company.agent, id, { before: older.events[0]!.seq, limit: 15 });
    expect(oldest.more).toBe(false);
    const seqs = [...oldest.events, ...older.events, ...latest.events].map((event) => event.seq);
    expect(seqs).toEqual(Array.from({ length: 42 }, (_, index) => index + 1));
  });
});

describe("texts", () => {
  it("keep every naughty string code point for code point", async () => {
    const id = await start(company.otherCustomer);
    const strings = (naughtyStrings as string[]).filter((value) => value.trim() !== "" && value.isWellFormed());
    expect(strings.length).toBeGreaterThan(480);
    const deviceId = device();
    await Promise.all(
      strings.map((value) =>
        sendMessage(company.otherCustomer, id, { deviceId, clientId: randomUUID(), message: text(value) }),
      ),
    );
    const back: string[] = [];
    for (let after = 2; ;) {
      const page = await listEvents(company.agent, id, { after, limit: 200 });
      for (const event of page.events) {
        conversationEvent.parse(event);
        if (event.kind === "message.created") back.push(event.data.text);
        after = event.seq;
      }
      if (!page.more) break;
    }
    expect(back).toEqual(strings);
  });
});

describe("a conversation that somebody holds", () => {
  it("[CM5] holds up nobody else, and its own messages come through in order when it is free", async () => {
    const [held, free] = [await start(), await start()];
    const client = await system.database.app.connect();
    await client.query(`begin; select set_config('presszero.company_id', '${company.companyId}', true)`);
    await client.query("select 1 from conversation where id = $1 for update", [held]);
    const waiting: Promise<unknown>[] = [];
    const order: string[] = [];
    for (const value of ["one", "two", "three"]) {
      waiting.push(send(company.customer, held, text(value)).then(() => order.push(value)));
    }
    for (let index = 0; index < 20; index++) await send(company.agent, free, text(`free ${index}`));
    expect(order).toEqual([]);
    await client.query("commit");
    client.release();
    await Promise.all(waiting);
    expect(order).toEqual(["one", "two", "three"]);
    const texts = (await allEvents(company.agent, held)).flatMap((event) =>
      event.kind === "message.created" ? [event.data.text] : [],
    );
    expect(texts).toEqual(["Hello", "one", "two", "three"]);
    await expectGapFree(held);
    await expectGapFree(free);
  });
});
