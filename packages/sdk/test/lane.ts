import {
  type AgentId,
  type Author,
  type CompanyId,
  type ContactId,
  type ConversationEvent,
  type ConversationId,
  type MessageId,
  type MessageKind,
  previewOf,
} from "@presszero/contracts";
import type { Side, Summary } from "../src/types.ts";

const pad = (n: number) => String(n).padStart(26, "0");
const companyId = `cmp_${pad(1)}` as CompanyId;
const contactAuthor: Author = { type: "contact", id: `con_${pad(1)}`, name: null };
export const agentAuthor: Author = { type: "agent", id: `agt_${pad(1)}`, name: "Ada" };
export const conversationIdOf = (n: number) => `cnv_${pad(n)}` as ConversationId;
const timeOf = (n: number) => new Date(Date.UTC(2026, 0, 1) + n * 1000).toISOString();

/** What happens in a conversation, as the server sees it. */
export type Fact =
  | { type: "message"; by: "contact" | "agent"; kind: MessageKind; text: string; clientId?: string }
  | { type: "assign"; to: "agent" | "nobody" }
  | { type: "close" }
  | { type: "reopen" };

export type Lane = ReturnType<typeof createLane>;

/** A conversation of the protocol's other end: its events in one reader's lane, and what `GET` would answer at any head. */
export function createLane(side: Side, n = 1) {
  const id = conversationIdOf(n);
  const events: ConversationEvent[] = [
    {
      conversationId: id,
      seq: 1,
      at: timeOf(0),
      by: contactAuthor,
      kind: "conversation.started",
      data: { channel: "web" },
    },
  ];

  function add(fact: Fact): ConversationEvent {
    const seq = events.length + 1;
    const base = { conversationId: id, seq, at: timeOf(seq) };
    const event = eventOf(base, fact, n);
    events.push(event);
    return event;
  }

  /** Counted afresh from all events, on purpose in another way than the reducer does it. */
  function summary(
    marks: Summary["marks"] = { myRead: 0, otherDelivered: 0, otherRead: 0 },
    head = events.length,
  ): Summary {
    const past = events.slice(0, head);
    const messages = past.flatMap((event) => (event.kind === "message.created" ? [event.data] : []));
    const texts = messages.filter((message) => message.kind === "text");
    const newest = messages.at(-1);
    const statuses = past.filter(
      (event) => event.kind === "conversation.closed" || event.kind === "conversation.reopened",
    );
    const assigned = past.findLast((event) => event.kind === "conversation.assigned");
    const others = texts.filter((message) => message.createdBy === (side === "business" ? "user" : "system"));
    const base: Summary = {
      id,
      companyId,
      status: statuses.at(-1)?.kind === "conversation.closed" ? "closed" : "open",
      channel: "web",
      head,
      startedAt: timeOf(0),
      activityAt: newest?.createdAt ?? timeOf(0),
      preview: newest
        ? { id: newest.id, text: previewOf(newest.text), by: newest.author, kind: newest.kind, at: newest.createdAt }
        : null,
      unread: others.filter((message) => message.seq > marks.myRead).length,
      messages: {
        contact: texts.filter((message) => message.createdBy === "user").length,
        business: texts.filter((message) => message.createdBy === "system").length,
      },
      marks,
    };
    if (side === "contact") return base;
    return {
      ...base,
      contact: { id: contactAuthor.id as ContactId, name: null, email: null },
      assignee: assigned?.kind === "conversation.assigned" ? assigned.data.assignee : null,
    };
  }

  return { id, events, add, summary };
}

function eventOf(
  base: { conversationId: ConversationId; seq: number; at: string },
  fact: Fact,
  n: number,
): ConversationEvent {
  switch (fact.type) {
    case "message": {
      const by = fact.by === "contact" ? contactAuthor : agentAuthor;
      return {
        ...base,
        by,
        kind: "message.created",
        data: {
          id: `msg_${String(n).padStart(13, "0")}${String(base.seq).padStart(13, "0")}` as MessageId,
          companyId,
          conversationId: base.conversationId,
          seq: base.seq,
          clientId: fact.clientId ?? null,
          createdBy: fact.by === "contact" ? "user" : "system",
          author: by,
          kind: fact.kind,
          text: fact.text,
          content: null,
          replyTo: null,
          reactions: [],
          status: "sent",
          revision: 0,
          editedAt: null,
          deletedAt: null,
          createdAt: base.at,
        },
      };
    }
    case "assign": {
      const assignee = fact.to === "agent" ? { id: agentAuthor.id as AgentId, name: "Ada" } : null;
      return { ...base, by: agentAuthor, kind: "conversation.assigned", data: { assignee } };
    }
    case "close":
      return { ...base, by: agentAuthor, kind: "conversation.closed", data: {} };
    case "reopen":
      return { ...base, by: agentAuthor, kind: "conversation.reopened", data: {} };
  }
}
