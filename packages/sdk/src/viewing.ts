import type { ConversationId } from "@presszero/contracts";
import { change, clearTimer, setTimer, transmit, type Turn, without } from "./turn.ts";

/** The server forgets it after 30 s. */
const againMs = 20_000;

/** A tab begins or ends to look at a conversation; colleagues are told of the first and of the last one. */
export function takeViewing(turn: Turn, conversationId: ConversationId, tab: string, on: boolean): void {
  const { viewing, side } = turn.engine;
  const tabs = viewing[conversationId] ?? [];
  if (side !== "business" || tabs.includes(tab) === on) return;
  const now = on ? [...tabs, tab] : tabs.filter((other) => other !== tab);
  change(turn, {
    viewing: now.length > 0 ? { ...viewing, [conversationId]: now } : without(viewing, conversationId),
  });
  if (tabs.length === 0) tellViewing(turn, conversationId);
  if (now.length > 0) return;
  clearTimer(turn, `viewing ${conversationId}`);
  if (turn.engine.subscribed[conversationId]) transmit(turn, { type: "viewing", conversationId, on: false });
}

/** Says so now, and again as long as it lasts; on a new connection once the conversation is followed there. */
export function tellViewing(turn: Turn, conversationId: ConversationId): void {
  if (turn.engine.viewing[conversationId] === undefined || !turn.engine.subscribed[conversationId]) return;
  if (transmit(turn, { type: "viewing", conversationId, on: true }))
    setTimer(turn, `viewing ${conversationId}`, againMs);
}
