// State agreement: for every kind of event, a client's old state plus the events equals a fresh fetch, on both sides.
import { randomUUID } from "node:crypto";
import {
  type ConversationEvent,
  type ConversationId,
  conversation,
  conversationEvent,
  myConversation,
} from "@presszero/contracts";
import { applyEvent } from "@presszero/sdk";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createTestCtx, type TestCtx } from "../../kernel/testing.ts";
import { createTestCompany, type TestCompany } from "../testing.ts";
import { assignConversation } from "./service/assign.ts";
import { deleteMessage, editMessage, reactToMessage } from "./service/change.ts";
import { closeConversation, reopenConversation } from "./service/close.ts";
import { getConversation, getMyConversation, listEvents } from "./service/read.ts";
import { sendMessage } from "./service/send.ts";
import { startConversation } from "./service/start.ts";

let system: TestCtx;
let company: TestCompany;

beforeAll(async () => {
  system = await createTestCtx();
  company = await createTestCompany(system);
});
afterAll(() => system.close());

const ids = () => ({ deviceId: randomUUID(), clientId: randomUUID() });
const message = (kind: "text" | "note", text: string) => ({ ...ids(), message: { kind, text } });
const long = `${"Ünïcödé 👩‍👩‍👧‍👦 ".repeat(30)}\n\n end`;

/** What happens to a conversation, and the kinds of events that it stands for. */
const actions: { kinds: ConversationEvent["kind"][]; act: (id: ConversationId) => Promise<unknown> }[] = [
  { kinds: ["message.created"], act: (id) => sendMessage(company.customer, id, message("text", "a question")) },
  { kinds: ["message.created"], act: (id) => sendMessage(company.agent, id, message("text", long)) },
  { kinds: ["message.created"], act: (id) => sendMessage(company.agent, id, message("note", "for us")) },
  { kinds: ["message.changed"], act: async (id) => editMessage(company.agent, id, await newest(id), "for us alone") },
  { kinds: ["message.created"], act: (id) => sendMessage(company.agent, id, message("text", "Of cours")) },
  { kinds: ["message.changed"], act: async (id) => editMessage(company.agent, id, await newest(id), "Of course") },
  {
    kinds: ["message.changed"],
    act: async (id) => reactToMessage(company.customer, id, await newest(id), { emoji: "👍", on: true }),
  },
  { kinds: ["message.changed"], act: async (id) => deleteMessage(company.agent, id, await newest(id)) },
  { kinds: ["conversation.assigned"], act: (id) => assignConversation(company.admin, id, agentId()) },
  { kinds: ["conversation.assigned"], act: (id) => assignConversation(company.admin, id, null) },
  { kinds: ["conversation.closed"], act: (id) => closeConversation(company.agent, id) },
  { kinds: ["conversation.reopened"], act: (id) => reopenConversation(company.agent, id) },
  { kinds: ["conversation.closed"], act: (id) => closeConversation(company.customer, id) },
  {
    kinds: ["conversation.reopened", "message.created"],
    act: (id) => sendMessage(company.customer, id, message("text", "back again")),
  },
];

async function newest(id: ConversationId) {
  return (await getConversation(company.agent, id)).preview!.id;
}

function agentId() {
  if (company.agent.actor.type !== "agent") throw new Error("not an agent");
  return company.agent.actor.id;
}

it("holds after every step of a conversation's life", async () => {
  const { conversationId: id } = await startConversation(company.customer, message("text", "Hello"));
  const seen = new Set<string>(["conversation.started"]);
  for (const { kinds, act } of actions) {
    const [staffBefore, customerBefore] = [
      await getConversation(company.agent, id),
      await getMyConversation(company.customer, id),
    ];
    await act(id);
    const staffEvents = (await listEvents(company.agent, id, { after: staffBefore.head, limit: 10 })).events;
    const customerEvents = (await listEvents(company.customer, id, { after: customerBefore.head, limit: 10 })).events;
    expect(staffEvents.map((event) => event.kind)).toEqual(kinds);
    for (const event of [...staffEvents, ...customerEvents]) conversationEvent.parse(event);
    for (const { kind } of staffEvents) seen.add(kind);

    const staffAfter = staffEvents.reduce((state, event) => applyEvent(state, event, "business"), staffBefore);
    const customerAfter = customerEvents.reduce((state, event) => applyEvent(state, event, "contact"), customerBefore);
    expect(staffAfter).toEqual(conversation.parse(await getConversation(company.agent, id)));
    expect(customerAfter).toEqual(myConversation.parse(await getMyConversation(company.customer, id)));
  }
  // A kind of event that this test does not know has no proof of agreement.
  expect([...seen].sort()).toEqual(conversationEvent.options.map((option) => option.shape.kind.value).sort());
});
