// What devices ask of the servers by HTTP, answered by a process over the simulated database.
import type { AgentId, ConversationId, MessageId } from "@presszero/contracts";
import {
  type MessageChange,
  planChange,
  planMessageChange,
  type Plan as WritePlan,
  type StaffChange,
} from "./commit-rule.ts";
import { type Answer, type DatabaseServer, failureOf } from "./database-server.ts";
import type { Process, Ticket } from "./process.ts";
import { findHead, findSummary, listSummaries, readPage, toLaneEvent } from "./reads.ts";
import { keyOf, noWrites, type Person, type Tables } from "./tables.ts";

export type Request = {
  /** `METHOD /path` of the contract. */
  key: string;
  params?: { conversationId?: string; messageId?: string };
  query?: { after?: number; before?: number; limit?: number };
  body?: { deviceId?: string; agentId?: AgentId | null; text?: string; emoji?: string; on?: boolean };
};

export type HttpPorts = {
  db: DatabaseServer;
  tickets: Map<string, Ticket>;
  isSignedIn: (person: Person, deviceId: string) => boolean;
};

export function serve(
  { db, tickets, isSignedIn }: HttpPorts,
  process: Process,
  { person, deviceId }: { person: Person; deviceId: string },
  request: Request,
  answer: (answer: Answer<unknown>) => void,
): void {
  const id = request.params?.conversationId as ConversationId;
  const found = (result: Answer<unknown>) =>
    answer("result" in result && result.result === null ? { failure: failureOf("NOT_FOUND") } : result);
  if (!isSignedIn(person, deviceId)) return answer({ failure: failureOf("UNAUTHENTICATED") });
  switch (request.key.replace("/my/", "/")) {
    case "POST /v1/realtime/tickets":
      return db.read(() => {
        const ticket = `ticket ${tickets.size}`;
        tickets.set(ticket, { person, deviceId: request.body!.deviceId!, isUsed: false });
        return { ticket, expiresAt: "" };
      }, answer);
    case "GET /v1/conversations":
      return db.read((tables) => ({ items: listSummaries(tables, person), next: null }), answer);
    case "GET /v1/conversations/:conversationId":
      return db.read((tables) => findSummary(tables, person, id), found);
    case "GET /v1/conversations/:conversationId/events":
      return db.read((tables) => {
        const head = findHead(tables, person, id);
        return head && readPage(tables, person, head, { limit: 20, ...request.query });
      }, found);
    case "POST /v1/conversations/:conversationId/close":
      return change({ to: "closed" });
    case "POST /v1/conversations/:conversationId/reopen":
      return change({ to: "open" });
    case "POST /v1/conversations/:conversationId/assign": {
      const agentId = request.body?.agentId ?? null;
      const assignee = agentId === null ? null : db.tables.people.get(keyOf(person.companyId, agentId))!;
      return change({ to: "assigned", assignee });
    }
    case "PATCH /v1/conversations/:conversationId/messages/:messageId":
      return changeMessage({ change: "edited", text: request.body!.text! });
    case "DELETE /v1/conversations/:conversationId/messages/:messageId":
      return changeMessage({ change: "deleted" });
    case "POST /v1/conversations/:conversationId/messages/:messageId/reactions":
      return changeMessage({ change: "reacted", emoji: request.body!.emoji!, on: request.body!.on! });
    default:
      throw new Error(`The simulation does not know ${request.key}.`);
  }

  function change(how: StaffChange): void {
    // Customers may end their chat, and nothing else.
    if (person.type === "contact" && how.to !== "closed") return answer({ failure: failureOf("FORBIDDEN") });
    write((tables, at) => {
      if (findHead(tables, person, id) === null) return { results: null, writes: noWrites() };
      const { results, writes } = planChange(tables, person.companyId, id, person, how, at);
      return { results: results === null ? null : writes.events[0]!.seq, writes };
    });
  }

  function changeMessage(how: MessageChange): void {
    const messageId = request.params!.messageId as MessageId;
    write((tables, at) => {
      const { results, writes } = planMessageChange(tables, person, id, messageId, how, at);
      return { results: typeof results === "number" ? results : null, writes };
    });
  }

  /** `plan` answers the seq of the event, null when there is none. */
  function write(plan: (tables: Tables, at: Date) => WritePlan<number | null>): void {
    const key = keyOf(person.companyId, id);
    const locks = db.tables.conversations.has(key) ? [key] : [];
    db.write({ locks, wait: true, plan: (tables) => plan(tables, new Date(db.now())) }, (result) =>
      process.enter(() => {
        if ("failure" in result) return answer(result);
        const event = result.result === null ? undefined : db.tables.events.get(key)?.[result.result - 1];
        if (event === undefined) return answer({ failure: failureOf("NOT_FOUND") });
        process.published([toLaneEvent(db.tables, event)]);
        answer({ result: null });
      }),
    );
  }
}
