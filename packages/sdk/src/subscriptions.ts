import type { ClientFrame, ConversationId, ServerFrame } from "@presszero/contracts";
import { maxSubscriptions, protocolVersion } from "@presszero/contracts/protocol";
import type { Engine } from "./engine.ts";
import { change, request, setTimer, transmit, type Turn, without } from "./turn.ts";

const subscribeAgainMs = 10_000;

/** The first frame of a connection: it subscribes to what is on screen. */
export function hello(turn: Turn, ticket: string): ClientFrame {
  const { deviceId, client, state } = turn.engine;
  const ready = wanted(turn.engine).filter((id) => state.conversations[id] !== undefined);
  change(turn, { subscribed: Object.fromEntries(ready.map((id) => [id, true])) });
  return {
    type: "hello",
    version: protocolVersion,
    ticket,
    deviceId,
    client,
    epoch: state.epoch,
    feed: state.feed,
    subscriptions: ready.map((conversationId) => ({
      conversationId,
      after: state.conversations[conversationId]!.last,
    })),
  };
}

/** Makes the subscriptions those of what is on screen. */
export function subscribeToHeld(turn: Turn): void {
  const ids = wanted(turn.engine);
  const isWanted = new Set<string>(ids);
  for (const id of Object.keys(turn.engine.subscribed)) {
    if (!isWanted.has(id)) unsubscribe(turn, id as ConversationId);
  }
  for (const id of ids) subscribe(turn, id);
}

/** Refused: later again, or never. Answers whether the conversation does not exist for this person. */
export function subscribeRefused(
  turn: Turn,
  conversationId: ConversationId,
  error: Extract<ServerFrame, { type: "error" }>,
): boolean {
  change(turn, { subscribed: without(turn.engine.subscribed, conversationId) });
  if (error.retry) setTimer(turn, `subscribe ${conversationId}`, error.retryAfterMs ?? subscribeAgainMs);
  return error.code === "NOT_FOUND";
}

/** Conversations on screen; when there are too many, those opened last. */
function wanted({ holders }: Engine): ConversationId[] {
  return (Object.keys(holders) as ConversationId[]).slice(-maxSubscriptions);
}

function subscribe(turn: Turn, conversationId: ConversationId): void {
  const { state, subscribed, timers } = turn.engine;
  const record = state.conversations[conversationId];
  if (record === undefined || subscribed[conversationId] || timers[`subscribe ${conversationId}`] !== undefined) return;
  const after = record.last;
  const isAsked = request(turn, { type: "subscribe", conversationId }, (id) => ({
    type: "subscribe",
    id,
    conversationId,
    after,
  }));
  if (isAsked) change(turn, { subscribed: { ...turn.engine.subscribed, [conversationId]: true } });
}

/** During a hello nothing can be sent: what it asked for is then let go after the welcome. */
function unsubscribe(turn: Turn, conversationId: ConversationId): void {
  if (transmit(turn, { type: "unsubscribe", conversationId }))
    change(turn, { subscribed: without(turn.engine.subscribed, conversationId) });
}
