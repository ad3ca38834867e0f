import type { CompanyId, ConversationId, Message, MessageId } from "@presszero/contracts";
import type { ThreadItem } from "@presszero/sdk";
import { describe, expect, it } from "vitest";
import { threadRows } from "./thread-rows.ts";

const conversationId = "cnv_1" as ConversationId;

function message(seq: number, minute: number, over: Partial<Message> = {}): ThreadItem {
  const createdAt = new Date(2026, 10, 20, 12, minute).toISOString();
  const text: Message = {
    id: `msg_${seq}` as MessageId,
    companyId: "cmp_1" as CompanyId,
    conversationId,
    seq,
    clientId: null,
    createdBy: "user",
    author: { type: "contact", id: "con_1", name: null },
    kind: "text",
    text: "hello",
    content: null,
    replyTo: null,
    reactions: [],
    status: "sent",
    revision: 0,
    editedAt: null,
    deletedAt: null,
    createdAt,
    ...over,
  };
  return { type: "message", key: text.id, message: text, own: false, status: null };
}

function closed(seq: number, minute: number): ThreadItem {
  const at = new Date(2026, 10, 20, 12, minute).toISOString();
  return {
    type: "event",
    key: `event ${seq}`,
    event: {
      conversationId,
      seq,
      at,
      by: { type: "agent", id: "agt_1", name: "Ada" },
      kind: "conversation.closed",
      data: {},
    },
  };
}

function pending(minute: number): ThreadItem {
  return {
    type: "pending",
    key: "pending",
    status: "sending",
    item: {
      clientId: "5f0f1f7e-6f0e-4b6c-8f1e-000000000000",
      conversationId,
      message: { kind: "text", text: "on its way" },
      state: "sending",
      attempts: 1,
      queuedAt: new Date(2026, 10, 20, 12, minute).getTime(),
      reason: null,
      sent: null,
    },
  };
}

const agent = { createdBy: "system", author: { type: "agent", id: "agt_1", name: "Ada" } } as const;

function groups(items: ThreadItem[], newAfter: number | null = null, older = false): string {
  return threadRows(items, "agt_1", newAfter, older)
    .map(
      (row) =>
        `${row.startsDay ? "D" : ""}${row.startsNew ? "N" : ""}${row.startsGroup ? "[" : ""}${row.item.type[0]}${row.endsGroup ? "]" : ""}`,
    )
    .join(" ");
}

describe("threadRows", () => {
  it("groups one author's messages within five minutes of each other", () => {
    expect(groups([message(1, 0), message(2, 5), message(3, 11)])).toBe("D[m m] [m]");
  });

  it("separates authors", () => {
    expect(groups([message(1, 0), message(2, 0, agent), message(3, 0)])).toBe("D[m] [m] [m]");
  });

  it("separates a note from a reply of the same author", () => {
    expect(groups([message(1, 0, agent), message(2, 0, { ...agent, kind: "note" })])).toBe("D[m] [m]");
  });

  it("separates around an event", () => {
    expect(groups([message(1, 0), closed(2, 1), message(3, 2)])).toBe("D[m] [e] [m]");
  });

  it("groups what this agent sends now with what they sent just before", () => {
    expect(groups([message(1, 0, agent), pending(1)])).toBe("D[m p]");
  });

  it("starts each day with a line and a new group", () => {
    const later = message(2, 1, { createdAt: new Date(2026, 10, 21, 0, 1).toISOString() });
    const before = message(1, 0, { createdAt: new Date(2026, 10, 20, 23, 59).toISOString() });
    expect(groups([before, later])).toBe("D[m] D[m]");
  });

  it("draws the line of the new above the first unread message of the customer alone", () => {
    expect(groups([message(1, 0), message(2, 0, agent), message(3, 1), message(4, 1)], 1)).toBe("D[m] [m] N[m m]");
    expect(groups([message(1, 0), message(2, 0)], 1)).toBe("D[m] N[m]");
    expect(groups([message(1, 0), message(2, 0, agent)], 1)).toBe("D[m] [m]");
  });

  it("draws no date above the first item held when there are older ones", () => {
    expect(groups([message(7, 0), message(8, 0, agent)], null, true)).toBe("[m] [m]");
  });
});
