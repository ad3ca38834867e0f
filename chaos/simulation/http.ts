// What devices ask of the servers by HTTP, answered by a process over the simulated database.
import type { AgentId, ConversationId } from "@presszero/contracts";
import { type Plan as WritePlan, planChange, type StaffChange } from "./commit-rule.ts";
import { type Answer, type DatabaseServer, failureOf } from "./database-server.ts";
import type { Process, Ticket } from "./process.ts";
import { findHead, findSummary, listSummaries, readPage, toLaneEvent } from "./reads.ts";
import { keyOf, type Person } from "./tables.ts";

export type Request = {
  /** `METHOD /path` of the contract. */
  key: string;
  params?: { conversationId?: string };
  query?: { after?: number; before?: number; limit?: number };
  body?: { deviceId?: string; agentId?: AgentId | null };
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
    default:
      throw new Error(`The simulation does not know ${request.key}.`);
  }

  function change(how: StaffChange): void {
    const key = keyOf(person.companyId, id);
    const plan = () => {
      const none: WritePlan<number | null> = {
        results: null,
        writes: { conversations: [], messages: [], events: [], marks: [] },
      };
      if (findHead(db.tables, person, id) === null) return none;
      const { results, writes } = planChange(db.tables, person.companyId, id, person, how, new Date(db.now()));
      return results === null ? none : { results: writes.events[0]!.seq, writes };
    };
    db.write({ locks: db.tables.conversations.has(key) ? [key] : [], wait: true, plan }, (result) =>
      process.enter(() => {
        if ("failure" in result) return answer(result);
        if (result.result === null) return answer({ failure: failureOf("NOT_FOUND") });
        const event = db.tables.events.get(key)![result.result - 1]!;
        process.published([toLaneEvent(db.tables, event)]);
        answer({ result: findSummary(db.tables, person, id) });
      }),
    );
  }
}
