import type { ConversationId, ErrorCode } from "@presszero/contracts";
import { apply, keepConfirmed, remove } from "./persist.ts";
import type { Turn } from "./turn.ts";
import type { OutboxItem } from "./types.ts";

/**
 * CR7: a database that was restored may lack the latest messages, though it had confirmed them. Whoever sent one has it
 * still, and offers it again under its old client id: what the database has, it knows by that; what it lacks comes back.
 */
export function reofferLost(turn: Turn): void {
  const { state, confirmed } = turn.engine;
  if (state.epoch === null) return;
  keepConfirmed(turn, confirmed); // Without those that have grown too old.
  const unsent = new Set(state.outbox.map((item) => item.clientId));
  const items = turn.engine.confirmed.filter((item) => item.sent!.epoch !== state.epoch && !unsent.has(item.clientId));
  if (items.length > 0) apply(turn, { type: "reoffered", items });
}

/** It is in the database, as before or again, and was on screen all the time. */
export function reofferAnswered(turn: Turn, clientId: string): void {
  const item = turn.engine.state.outbox.find((candidate) => candidate.clientId === clientId);
  if (item?.quiet && item.state === "sent") apply(turn, { type: "discarded", clientId });
}

/**
 * Refused for good. A conflict means that it is there. A customer's message whose conversation is lost begins a new one;
 * everything else is lost, and shown as not sent. Answers false if it has to wait, for another one begins just now.
 */
export function reofferRefused(turn: Turn, item: OutboxItem, code: ErrorCode): boolean {
  const { clientId, conversationId } = item;
  if (code === "CLIENT_ID_CONFLICT") {
    apply(turn, { type: "discarded", clientId });
  } else if (code === "NOT_FOUND" && turn.engine.side === "contact" && conversationId !== null) {
    if (turn.engine.state.outbox.some((other) => other.conversationId === null)) return false;
    apply(turn, { type: "restarted", conversationId });
  } else {
    apply(turn, { type: "refused", clientId, reason: code });
  }
  return true;
}

/** A conversation that the person may not see any more: its messages are not offered again. */
export function forgetConversation(turn: Turn, conversationId: ConversationId): void {
  const { confirmed, state } = turn.engine;
  for (const { clientId, conversationId: place, sent } of confirmed) {
    if (place === conversationId && sent!.epoch === state.epoch) remove(turn, clientId);
  }
}
