import type { ConversationId } from "@presszero/contracts";
import type { Clock } from "./clock.ts";
import { isMissingEvents } from "./record.ts";
import type { State } from "./types.ts";

/** CR3: how long a gap may close by itself before its events are fetched; doubles while fetching does not help. */
const fetchAfterMs = 250;
const longestPauseMs = 10_000;

export type GapPorts = {
  clock: Clock;
  getState: () => State;
  /** Asks for the events after the last one held. */
  fetch: (conversationId: ConversationId) => void;
};

/** CR3: fetches missing events until none is missing, so a lost answer or an error does no harm. */
export function createGapFiller({ clock, getState, fetch }: GapPorts) {
  const waiting = new Map<ConversationId, () => void>();

  function isMissing(conversationId: ConversationId): boolean {
    const record = getState().conversations[conversationId];
    return record !== undefined && isMissingEvents(record);
  }

  function fetchAfter(conversationId: ConversationId, ms: number): void {
    const cancel = clock.after(ms, () => {
      fetch(conversationId);
      fetchAfter(conversationId, Math.min(ms * 2, longestPauseMs));
    });
    waiting.set(conversationId, cancel);
  }

  function forget(conversationId: ConversationId): void {
    waiting.get(conversationId)?.();
    waiting.delete(conversationId);
  }

  /** After any change of a conversation. */
  function check(conversationId: ConversationId): void {
    if (!isMissing(conversationId)) forget(conversationId);
    else if (!waiting.has(conversationId)) fetchAfter(conversationId, fetchAfterMs);
  }

  /** A page that helped and was not enough: the next one at once. */
  function progressed(conversationId: ConversationId): void {
    forget(conversationId);
    if (!isMissing(conversationId)) return;
    fetch(conversationId);
    fetchAfter(conversationId, 2 * fetchAfterMs);
  }

  function disconnected(): void {
    for (const conversationId of waiting.keys()) forget(conversationId);
  }

  return { check, progressed, forget, disconnected };
}
