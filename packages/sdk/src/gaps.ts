import type { ConversationId } from "@presszero/contracts";
import { maxFetchedEvents } from "@presszero/contracts/protocol";
import { isMissingEvents } from "./record.ts";
import { change, clearTimer, clearTimers, request, setTimer, type Turn, without } from "./turn.ts";

/** CR3: how long a gap may close by itself before its events are fetched; doubles while fetching does not help. */
const fetchAfterMs = 250;
const longestPauseMs = 10_000;

/** After any change of a conversation: fetches missing events until none is missing, so a lost answer does no harm (CR3). */
export function checkGap(turn: Turn, conversationId: ConversationId): void {
  if (!isMissing(turn, conversationId)) forgetGap(turn, conversationId);
  else if (turn.engine.gaps[conversationId] === undefined) fetchAfter(turn, conversationId, fetchAfterMs);
}

export function gapIsDue(turn: Turn, conversationId: ConversationId): void {
  const ms = turn.engine.gaps[conversationId] ?? fetchAfterMs;
  fetch(turn, conversationId);
  fetchAfter(turn, conversationId, Math.min(ms * 2, longestPauseMs));
}

/** A page that helped and was not enough: the next one at once. */
export function gapProgressed(turn: Turn, conversationId: ConversationId): void {
  forgetGap(turn, conversationId);
  if (!isMissing(turn, conversationId)) return;
  fetch(turn, conversationId);
  fetchAfter(turn, conversationId, 2 * fetchAfterMs);
}

export function forgetGap(turn: Turn, conversationId: ConversationId): void {
  if (turn.engine.gaps[conversationId] === undefined) return;
  clearTimer(turn, `gap ${conversationId}`);
  change(turn, { gaps: without(turn.engine.gaps, conversationId) });
}

export function gapsDisconnected(turn: Turn): void {
  clearTimers(turn, "gap ");
  change(turn, { gaps: {} });
}

function isMissing(turn: Turn, conversationId: ConversationId): boolean {
  const record = turn.engine.state.conversations[conversationId];
  return record !== undefined && isMissingEvents(record);
}

function fetchAfter(turn: Turn, conversationId: ConversationId, ms: number): void {
  change(turn, { gaps: { ...turn.engine.gaps, [conversationId]: ms } });
  setTimer(turn, `gap ${conversationId}`, ms);
}

/** Asks for the events after the last one held. */
function fetch(turn: Turn, conversationId: ConversationId): void {
  const after = turn.engine.state.conversations[conversationId]!.last;
  request(turn, { type: "fetch", conversationId }, (id) => ({
    type: "fetch",
    id,
    conversationId,
    after,
    limit: maxFetchedEvents,
  }));
}
