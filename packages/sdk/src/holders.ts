import type { ConversationId } from "@presszero/contracts";
import type { Input } from "./engine.ts";
import { forgetGap } from "./gaps.ts";
import { loadSummary } from "./loader.ts";
import { readStorageAgain } from "./outbox.ts";
import { apply } from "./persist.ts";
import { subscribeToHeld } from "./subscriptions.ts";
import { takeViewing } from "./viewing.ts";
import { change, clearTimer, type Turn, without } from "./turn.ts";

/** A tab shows a conversation, or no longer does. */
export function takeHold(turn: Turn, input: Extract<Input, { type: "open" | "release" | "tab_gone" }>): void {
  if (input.type === "open") return open(turn, input.conversationId, input.tab);
  if (input.type === "release") return release(turn, input.conversationId, input.tab);
  readStorageAgain(turn); // It may have stored a message and not told.
  for (const id of Object.keys(turn.engine.viewing)) takeViewing(turn, id as ConversationId, input.tab, false);
  for (const [id, tabs] of Object.entries(turn.engine.holders)) {
    if (tabs.includes(input.tab)) release(turn, id as ConversationId, input.tab);
  }
}

function open(turn: Turn, conversationId: ConversationId, tab: string): void {
  const { holders, state } = turn.engine;
  const tabs = holders[conversationId] ?? [];
  if (tabs.includes(tab)) return;
  change(turn, { holders: { ...holders, [conversationId]: [...tabs, tab] } });
  if (tabs.length > 0) return;
  if (state.conversations[conversationId] === undefined) loadSummary(turn, conversationId);
  subscribeToHeld(turn);
}

function release(turn: Turn, conversationId: ConversationId, tab: string): void {
  const { holders } = turn.engine;
  const tabs = holders[conversationId] ?? [];
  if (!tabs.includes(tab)) return;
  const others = tabs.filter((other) => other !== tab);
  if (others.length > 0) return change(turn, { holders: { ...holders, [conversationId]: others } });
  change(turn, { holders: without(holders, conversationId) });
  forgetGap(turn, conversationId);
  clearTimer(turn, `subscribe ${conversationId}`);
  subscribeToHeld(turn);
  apply(turn, { type: "released", conversationId });
}
