import { randomUUID } from "node:crypto";
import type { ConversationId, MessageId, OutgoingMessage } from "@presszero/contracts";
import { conversationEvent, emoji } from "@presszero/contracts";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Ctx } from "../../kernel/context.ts";
import { createTestCtx, type TestCtx } from "../../kernel/testing.ts";
import { createTestCompany, type TestCompany } from "../testing.ts";
import { deleteMessage, editMessage, reactToMessage } from "./service/change.ts";
import { getMyConversation, listEvents } from "./service/read.ts";
import { sendMessage } from "./service/send.ts";
import { startConversation } from "./service/start.ts";

let system: TestCtx;
let company: TestCompany;
let id: ConversationId;
let hello: MessageId;

beforeAll(async () => {
  system = await createTestCtx();
  company = await createTestCompany(system);
});
afterAll(() => system.close());

const input = (message: OutgoingMessage) => ({ deviceId: randomUUID(), clientId: randomUUID(), message });
const text = (value: string, replyTo?: MessageId) => ({ kind: "text" as const, text: value, replyTo });

async function send(ctx: Ctx, message: OutgoingMessage): Promise<MessageId> {
  return (await sendMessage(ctx, id, input(message))).messageId;
}

/** Every event as the contract knows it. */
async function eventsOf(ctx: Ctx) {
  return (await listEvents(ctx, id, { after: 0, limit: 200 })).events.map((event) => conversationEvent.parse(event));
}

beforeEach(async () => {
  system.clock.set(new Date());
  ({ conversationId: id, messageId: hello } = await startConversation(company.customer, input(text("Helo"))));
});

describe("editing", () => {
  it("changes the text for everyone, once for each new text, and says so", async () => {
    const edited = await editMessage(company.customer, id, hello, "Hello");
    expect(edited).toMatchObject({ id: hello, text: "Hello", revision: 1, author: { name: "Mia" } });
    await editMessage(company.customer, id, hello, "Hello");
    for (const reader of [company.agent, company.customer]) {
      const events = await eventsOf(reader);
      expect(events.map((event) => event.kind)).toEqual(["conversation.started", "message.created", "message.changed"]);
      expect(events[1]!.data).toMatchObject({ text: "Hello", revision: 1 });
      expect(events[2]!.data).toMatchObject({ change: "edited", message: { id: hello, text: "Hello", revision: 1 } });
    }
    expect((await getMyConversation(company.customer, id)).preview).toMatchObject({ id: hello, text: "Hello" });
  });

  it("is for one's own words of the last day", async () => {
    await expect(editMessage(company.agent, id, hello, "Changed")).rejects.toMatchObject({ code: "FORBIDDEN" });
    await expect(editMessage(company.otherCustomer, id, hello, "Changed")).rejects.toMatchObject({ code: "NOT_FOUND" });
    system.clock.advance(25 * 60 * 60 * 1000);
    await expect(editMessage(company.customer, id, hello, "Changed")).rejects.toMatchObject({ code: "TOO_LATE" });
    expect(await eventsOf(company.agent)).toHaveLength(2);
  });

  it("of a note stays with the staff", async () => {
    const note = await send(company.agent, { kind: "note", text: "He is nice" });
    await editMessage(company.agent, id, note, "She is nice");
    await expect(editMessage(company.customer, id, note, "Mine")).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect((await eventsOf(company.customer)).map((event) => event.seq)).toEqual([1, 2]);
    expect((await eventsOf(company.agent)).map((event) => event.seq)).toEqual([1, 2, 3, 4]);
  });
});

describe("deleting", () => {
  it("takes the words out of the database and leaves the place", async () => {
    await editMessage(company.customer, id, hello, "My password is pw-4711");
    await deleteMessage(company.customer, id, hello);
    await deleteMessage(company.customer, id, hello);
    const events = await eventsOf(company.agent);
    expect(events.map((event) => event.kind).slice(2)).toEqual(["message.changed", "message.changed"]);
    expect(events[1]!.data).toMatchObject({ text: "", deletedAt: expect.any(String) });
    expect(JSON.stringify(events)).not.toMatch(/Helo|4711/);
    await expect(editMessage(company.customer, id, hello, "Back")).rejects.toMatchObject({ code: "MESSAGE_DELETED" });
    const reaction = { emoji: "👍", on: true };
    await expect(reactToMessage(company.agent, id, hello, reaction)).rejects.toMatchObject({ code: "MESSAGE_DELETED" });
  });

  it("of others needs the permission", async () => {
    const { actor } = company.agent;
    if (actor.type !== "agent") throw new Error("not an agent");
    const permissions = new Set([...actor.permissions].filter((name) => name !== "conversations.moderate"));
    const plain: Ctx = { ...company.agent, actor: { ...actor, permissions } };
    await expect(deleteMessage(plain, id, hello)).rejects.toMatchObject({ code: "FORBIDDEN" });
    await deleteMessage(company.admin, id, hello);
    const answer = await send(company.agent, text("Gone?"));
    await expect(deleteMessage(company.customer, id, answer)).rejects.toMatchObject({ code: "FORBIDDEN" });
  });
});

describe("reactions", () => {
  it("are counted by emoji and person, and can be taken back", async () => {
    await reactToMessage(company.agent, id, hello, { emoji: "👍", on: true });
    await reactToMessage(company.agent, id, hello, { emoji: "👍", on: true });
    const both = await reactToMessage(company.customer, id, hello, { emoji: "👍", on: true });
    expect(both.reactions).toMatchObject([{ emoji: "👍", by: [{ type: "agent" }, { type: "contact" }] }]);
    await reactToMessage(company.agent, id, hello, { emoji: "👍", on: false });
    const events = await eventsOf(company.customer);
    expect(events).toHaveLength(5);
    expect(events[1]!.data).toMatchObject({
      reactions: [{ emoji: "👍", by: [{ type: "contact" }] }],
      clientId: expect.any(String),
    });
  });

  it("do not tell the client id to whoever reacts", async () => {
    const reacted = await reactToMessage(company.agent, id, hello, { emoji: "🎉", on: true });
    expect(reacted.clientId).toBeNull();
    const [, , changed] = await eventsOf(company.agent);
    expect(changed!.data).toMatchObject({ message: { clientId: null } });
  });

  it("are one emoji", () => {
    for (const one of ["👍", "👩🏽‍🚀", "🇩🇪", "1️⃣", "❤️"]) expect(emoji.safeParse(one).success, one).toBe(true);
    for (const none of ["", "ok", "👍👍", "<b>", "1", " "]) expect(emoji.safeParse(none).success, none).toBe(false);
  });
});

describe("answers to a message", () => {
  it("show what they answer, as it is now", async () => {
    const reply = await send(company.agent, text("Hello to you", hello));
    await deleteMessage(company.customer, id, hello);
    const events = await eventsOf(company.customer);
    const found = events.find((event) => event.kind === "message.created" && event.data.id === reply);
    expect(found!.data).toMatchObject({ replyTo: { id: hello, text: null, author: { name: "Mia" } } });
  });

  it("never let a customer see a note", async () => {
    const note = await send(company.agent, { kind: "note", text: "secret" });
    await expect(send(company.customer, text("?", note))).rejects.toMatchObject({ code: "VALIDATION" });
    await expect(send(company.agent, text("!", note))).rejects.toMatchObject({ code: "VALIDATION" });
    await send(company.agent, { kind: "note", text: "still secret", replyTo: note });
    expect(await eventsOf(company.customer)).toHaveLength(2);
  });

  it("stay in the conversation", async () => {
    const other = await startConversation(company.otherCustomer, input(text("Somebody else")));
    await expect(send(company.agent, text("?", other.messageId))).rejects.toMatchObject({ code: "VALIDATION" });
  });
});

describe("forms", () => {
  const form: OutgoingMessage = {
    kind: "form",
    text: "Which order?",
    content: {
      type: "form",
      fields: [{ name: "order", label: "Order number", type: "text", required: true }],
      submit: "Send",
    },
  };

  it("are sent by the business and answered by the customer", async () => {
    const asked = await send(company.agent, form);
    const answer: OutgoingMessage = {
      kind: "answer",
      text: "Order number: 7",
      content: { type: "answer", values: { order: "7" } },
      replyTo: asked,
    };
    await expect(send(company.agent, answer)).rejects.toMatchObject({ code: "FORBIDDEN" });
    await send(company.customer, answer);
    const events = await eventsOf(company.agent);
    expect(events.at(-1)!.data).toMatchObject({
      kind: "answer",
      content: { values: { order: "7" } },
      replyTo: { id: asked },
    });
    await expect(send(company.customer, { ...answer, replyTo: hello })).rejects.toMatchObject({ code: "VALIDATION" });
  });

  it("are not for customers to send", async () => {
    await expect(send(company.customer, form)).rejects.toMatchObject({ code: "FORBIDDEN" });
    const chips: OutgoingMessage = { ...text("Yes?"), content: { type: "quick_replies", replies: ["Yes"] } };
    await expect(send(company.customer, chips)).rejects.toMatchObject({ code: "FORBIDDEN" });
    await send(company.agent, chips);
  });
});
