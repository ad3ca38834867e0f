// What people do: carries out an action of the plan with what there is at that moment.
import type { AgentId, CompanyId, ConversationId, Message, MessageId } from "@presszero/contracts";
import { thread } from "@presszero/sdk";
import type { MessageRow } from "../../apps/server/src/modules/conversations/message-writer.ts";
import { bodyHash } from "../../apps/server/src/modules/conversations/rules.ts";
import { markText } from "../history.ts";
import { planMessages } from "./commit-rule.ts";
import type { Device } from "./device.ts";
import type { Action } from "./plan.ts";
import { findHead } from "./reads.ts";
import { keyOf, type Person } from "./tables.ts";
import type { World } from "./world.ts";

const emojis = ["👍", "🎉"];

export function act(world: World, action: Action): void {
  const { device } = world.seats.get(action.device) ?? {};
  const state = device?.state();
  if (!device || !state) return;
  const pick = <T>(list: readonly T[]): T | undefined => list[action.pick % Math.max(1, list.length)];
  const listed = Object.keys(state.conversations).sort() as ConversationId[];
  const shown = [...device.shown()].filter((c) => listed.includes(c));
  const c = pick(shown) ?? pick(listed);
  if (c !== undefined) world.tell(() => `${device.name}: ${action.do} in ${c}`);
  if (c === undefined && action.do !== "start" && action.do !== "wake" && action.do !== "trespass") return;
  switch (action.do) {
    case "start":
      if (device.spec.side === "contact") say(world, device, null, "text");
      return;
    case "say":
    case "note":
      for (let n = 0; n < action.count; n++) say(world, device, c!, action.do === "note" ? "note" : "text");
      return;
    case "answer": {
      const target = pick(messagesOf(device, c!));
      if (target) say(world, device, c!, target.kind === "note" ? "note" : "text", target.id);
      return;
    }
    case "show":
      return device.show(pick(listed)!);
    case "hide":
      return shown.length > 1 ? device.hide(c!) : undefined;
    case "read":
      return device.markRead(c!);
    case "older":
      return shown.includes(c!) ? device.loadOlder(c!) : undefined;
    case "type":
      return device.type(c!);
    case "wake":
      return device.wake();
    case "retry":
    case "discard": {
      const item = pick(state.outbox.filter((one) => one.state === "not_sent"));
      if (!item) return;
      if (action.do === "retry") {
        world.watch.retried(item.clientId);
        return device.retry(item.clientId);
      }
      world.lost.add(item.clientId);
      return device.discard(item.clientId);
    }
    case "close":
    case "reopen":
      return device.ask(`POST /:conversationId/${action.do}`, { conversationId: c! });
    case "assign": {
      const { companyId } = device.person;
      const agents = [...world.people.values()].filter((one) => one.companyId === companyId && one.type === "agent");
      const agentId = (pick([...agents, null])?.id ?? null) as AgentId | null;
      return device.ask("POST /:conversationId/assign", { conversationId: c! }, { agentId });
    }
    case "edit":
    case "delete":
    case "react": {
      const messages = messagesOf(device, c!);
      const isMine = (one: Message) => one.author.id === device.person.id;
      const target = pick(action.do === "edit" ? messages.filter(isMine) : messages);
      if (!target) return;
      const params = { conversationId: c!, messageId: target.id };
      const path = "/:conversationId/messages/:messageId";
      if (action.do === "delete") return device.ask(`DELETE ${path}`, params);
      if (action.do === "react")
        return device.ask(`POST ${path}/reactions`, params, { emoji: pick(emojis)!, on: action.pick % 3 > 0 });
      const text = markText(device.spec.company, target.kind === "note" ? "note" : "text", `${++world.words} edited`);
      world.watch.mayRead(text);
      return device.ask(`PATCH ${path}`, params, { text });
    }
    case "trespass": {
      const all = [...world.db.tables.conversations.values()];
      const foreign = pick(all.filter(({ id }) => findHead(world.db.tables, device.person, id) === null));
      return foreign && device.trespass(foreign.id);
    }
    case "import":
      return importMessages(world, device.person.companyId, c!, action);
  }
}

/** What is written says whose it is and for whom, so that a leak shows in any frame. */
function say(world: World, device: Device, c: ConversationId | null, kind: "text" | "note", replyTo?: MessageId): void {
  const text = markText(device.spec.company, kind, `${++world.words} by ${device.name}`);
  device.say(c, { kind, text, ...(replyTo && { replyTo }) });
}

function messagesOf(device: Device, c: ConversationId): Message[] {
  return thread(device.state()!, c).flatMap((item) => (item.type === "message" ? item.message : []));
}

/** By an API key, in one batch of the writer. */
function importMessages(
  { db, newId, watch }: World,
  companyId: CompanyId,
  c: ConversationId,
  { count, length }: { count: number; length: number },
): void {
  const author: Person = { companyId, type: "agent", id: newId("key"), name: "import" };
  db.tables.people.set(keyOf(companyId, author.id), author);
  const rows = Array.from({ length: count }, (_, n): MessageRow => {
    const message = { kind: "text" as const, text: `imported ${n} `.padEnd(length, "x") };
    watch.mayRead(message.text);
    return {
      companyId,
      conversationId: c,
      messageId: newId("msg") as MessageId,
      deviceId: author.id,
      clientId: `00000000-0000-4000-9000-${String(n).padStart(12, "0")}`,
      bodyHash: bodyHash(message),
      authorType: "api_key",
      authorId: author.id,
      ...message,
      content: null,
      replyTo: null,
    };
  });
  const locks = [keyOf(companyId, c)].filter((key) => db.tables.conversations.has(key));
  db.write(
    { locks, wait: true, plan: (tables, held) => planMessages(tables, rows, held, new Date(db.now())) },
    () => {},
  );
}
