import { randomUUID } from "node:crypto";
import type { ConversationId, MessageId } from "@presszero/contracts";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { startConsumers } from "../../kernel/consumers.ts";
import type { Ctx } from "../../kernel/context.ts";
import { createTestCtx, type TestCtx } from "../../kernel/testing.ts";
import { createTestCompany, type TestCompany } from "../testing.ts";
import { conversationsConsumers } from "./consumers.ts";
import { deleteMessage, editMessage } from "./service/change.ts";
import { closeConversation } from "./service/close.ts";
import { listMyDrafts, saveMyDraft } from "./service/drafts.ts";
import { searchMessages, searchMyMessages } from "./service/search.ts";
import { sendMessage } from "./service/send.ts";
import { startConversation } from "./service/start.ts";
import { getTranscript } from "./service/transcript.ts";

let system: TestCtx;
let company: TestCompany;
let stop: () => Promise<void>;

beforeAll(async () => {
  system = await createTestCtx();
  company = await createTestCompany(system);
  ({ stop } = startConsumers(system, conversationsConsumers));
});
afterAll(async () => {
  await stop();
  await system.close();
});

const input = (text: string, kind: "text" | "note" = "text") => ({
  deviceId: randomUUID(),
  clientId: randomUUID(),
  message: { kind, text },
});
const begin = async (customer: Ctx, text: string) => startConversation(customer, input(text));
const say = async (ctx: Ctx, id: ConversationId, text: string, kind?: "note"): Promise<MessageId> =>
  (await sendMessage(ctx, id, input(text, kind))).messageId;

const find = async (q: string, more: Partial<Parameters<typeof searchMessages>[1]> = {}) =>
  (await searchMessages(company.agent, { q, limit: 50, ...more })).items.map((item) => item.message.id);
const eventually = (check: () => unknown) => vi.waitFor(check, { timeout: 10_000 });

describe("search", () => {
  it("finds words of any language, with or without accents, as they are typed", async () => {
    const word = randomUUID().slice(0, 8);
    const { conversationId: id, messageId: first } = await begin(company.customer, `${word} Wo ist meine Straße?`);
    const chinese = await say(company.agent, id, `${word} 我的订单在哪里`);
    const french = await say(company.agent, id, `${word} Déjà expédiée`);
    await eventually(async () => expect(await find(`${word} `)).toEqual([french, chinese, first]));
    expect(await find(`${word} STRASSE `)).toEqual([first]);
    expect(await find(`${word} 订单`)).toEqual([chinese]);
    expect(await find(`deja exp ${word} `)).toEqual([]);
    expect(await find(`${word} deja exp`)).toEqual([french]);
    expect(await find("?!")).toEqual([]);
  });

  it("shows who said it where, with the words marked", async () => {
    const { conversationId: id } = await begin(company.customer, "The zeppelin is late");
    await eventually(async () => expect(await find("zeppelin")).toHaveLength(1));
    const { items } = await searchMessages(company.agent, { q: "zeppelin", limit: 10 });
    expect(items[0]).toMatchObject({
      conversation: { id, status: "open", contact: { name: "Mia" }, assignee: null },
      message: { seq: 2, kind: "text", author: { type: "contact", name: "Mia" } },
      fragments: [
        { text: "The ", hit: false },
        { text: "zeppelin", hit: true },
        { text: " is late", hit: false },
      ],
    });
  });

  it("follows edits and deletions", async () => {
    const { conversationId: id, messageId } = await begin(company.customer, "quaternion");
    await eventually(async () => expect(await find("quaternion")).toEqual([messageId]));
    await editMessage(company.customer, id, messageId, "octonion");
    await eventually(async () => expect(await find("octonion")).toEqual([messageId]));
    expect(await find("quaternion")).toEqual([]);
    await deleteMessage(company.customer, id, messageId);
    await eventually(async () => expect(await find("octonion")).toEqual([]));
  });

  it("is narrowed by filters and read page by page", async () => {
    const { conversationId: id } = await begin(company.customer, "marmalade one");
    const answer = await say(company.agent, id, "marmalade two");
    await closeConversation(company.agent, id);
    const { messageId: other } = await begin(company.otherCustomer, "marmalade three");
    await eventually(async () => expect(await find("marmalade")).toHaveLength(3));
    expect(await find("marmalade", { from: "business" })).toEqual([answer]);
    expect(await find("marmalade", { status: "open" })).toEqual([other]);
    expect(await find("marmalade", { assignee: "me" })).toEqual([]);
    expect(await find("marmalade", { until: "2020-01-01T00:00:00.000Z" })).toEqual([]);
    const page = await searchMessages(company.agent, { q: "marmalade", limit: 2 });
    expect(page.items).toHaveLength(2);
    const rest = await searchMessages(company.agent, { q: "marmalade", limit: 2, cursor: page.next! });
    expect(rest).toMatchObject({ items: [{ message: { seq: 2 } }], next: null });
  });

  it("of a customer finds their own, and no notes", async () => {
    const { conversationId: id, messageId } = await begin(company.customer, "gooseberry");
    await say(company.agent, id, "gooseberry again?", "note");
    await begin(company.otherCustomer, "gooseberry too");
    await eventually(async () => expect(await find("gooseberry")).toHaveLength(3));
    const { items } = await searchMyMessages(company.customer, { q: "gooseberry", limit: 10 });
    expect(items.map((item) => item.message.id)).toEqual([messageId]);
    const stranger = await createTestCompany(system, "Another");
    expect((await searchMessages(stranger.agent, { q: "gooseberry", limit: 10 })).items).toEqual([]);
    await expect(searchMessages(company.customer, { q: "gooseberry", limit: 10 })).rejects.toMatchObject({
      code: "FORBIDDEN",
    });
  });
});

describe("drafts", () => {
  it("are one's own, one for replies and one for notes, and gone when empty", async () => {
    const { conversationId: id } = await begin(company.customer, "Hello");
    await saveMyDraft(company.agent, id, { kind: "text", text: "Dear" });
    await saveMyDraft(company.agent, id, { kind: "text", text: "Dear Mia" });
    await saveMyDraft(company.agent, id, { kind: "note", text: "ask Jonas" });
    expect((await listMyDrafts(company.agent, id)).items).toMatchObject([
      { kind: "note", text: "ask Jonas" },
      { kind: "text", text: "Dear Mia" },
    ]);
    expect((await listMyDrafts(company.admin, id)).items).toEqual([]);
    await saveMyDraft(company.agent, id, { kind: "text", text: "" });
    expect((await listMyDrafts(company.agent, id)).items).toMatchObject([{ kind: "note" }]);
  });
});

describe("a transcript", () => {
  it("holds what both sides said, never a note or what was deleted", async () => {
    const { conversationId: id, messageId } = await begin(company.customer, "My PIN is 1234");
    await say(company.agent, id, "Please never tell it\nto anybody.");
    await say(company.agent, id, "careless", "note");
    await deleteMessage(company.customer, id, messageId);
    for (const reader of [company.customer, company.agent]) {
      const text = await getTranscript(reader, id, { format: "text", locale: "de", timeZone: "Europe/Vienna" });
      expect(text.content).toMatch(/^\[.+\] Jonas Weber: Please never tell it\n {4}to anybody\.\n$/);
    }
    const json = await getTranscript(company.customer, id, { format: "json", locale: "en", timeZone: "UTC" });
    expect(JSON.parse(json.content)).toMatchObject({
      conversationId: id,
      messages: [{ author: { name: "Jonas Weber" } }],
    });
    await expect(
      getTranscript(company.otherCustomer, id, { format: "text", locale: "en", timeZone: "UTC" }),
    ).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});
