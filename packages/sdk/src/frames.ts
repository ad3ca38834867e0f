import type { ConversationId, ServerFrame } from "@presszero/contracts";
import type { Input } from "./engine.ts";
import { checkGap, forgetGap, gapProgressed } from "./gaps.ts";
import { advance } from "./link.ts";
import { checkSummary, lose, reload } from "./loader.ts";
import { sendRefused } from "./outbox.ts";
import { apply } from "./persist.ts";
import { expireTyping, received, receiptsSynced } from "./receipts.ts";
import { forgetConversation, reofferAnswered, reofferLost } from "./reoffer.ts";
import { subscribeRefused, subscribeToHeld } from "./subscriptions.ts";
import { change, takeRequest, type Turn, without } from "./turn.ts";
import type { State } from "./types.ts";

/** What the transport says. Of one that was let go nothing is heard any more. */
export function takeTransport(turn: Turn, input: Extract<Input, { type: "opened" | "closed" | "frame" }>): void {
  const { transport } = turn.engine;
  if (input.transport !== transport.number || !transport.isOpen) return;
  if (input.type === "opened") return advance(turn, { type: "opened" });
  if (input.type === "closed") {
    change(turn, { transport: { ...transport, isOpen: false } });
    return advance(turn, { type: "closed", code: input.code });
  }
  advance(turn, { type: "data" });
  receive(turn, input.frame);
}

function receive(turn: Turn, frame: ServerFrame): void {
  if (frame.type === "pong") return;
  if (frame.type === "drain") return advance(turn, { type: "drain", spreadMs: frame.spreadMs });
  if (frame.type === "welcome") return welcomed(turn, frame);
  if (frame.type === "error") return refused(turn, frame);
  const before = turn.engine.state;
  apply(turn, { type: "frame", frame, now: turn.now });
  switch (frame.type) {
    case "feed":
      for (const item of frame.items) check(turn, item.id);
      return;
    case "event":
      received(turn, before, frame.conversationId);
      return check(turn, frame.conversationId);
    case "page":
      takeRequest(turn, frame.id);
      received(turn, before, frame.conversationId);
      if (lastOf(turn.engine.state, frame.conversationId) > lastOf(before, frame.conversationId))
        gapProgressed(turn, frame.conversationId);
      return check(turn, frame.conversationId);
    case "synced":
      takeRequest(turn, frame.id);
      receiptsSynced(turn, frame);
      return check(turn, frame.conversationId);
    case "ok":
      takeRequest(turn, frame.id);
      reofferAnswered(turn, frame.clientId);
      return check(turn, frame.conversationId);
    case "gap":
    case "receipt":
      return check(turn, frame.conversationId);
    case "gone":
      change(turn, { subscribed: without(turn.engine.subscribed, frame.conversationId) });
      forgetGap(turn, frame.conversationId);
      return forgetConversation(turn, frame.conversationId);
    case "ephemeral":
      return expireTyping(turn, frame.conversationId);
  }
}

function welcomed(turn: Turn, frame: Extract<ServerFrame, { type: "welcome" }>): void {
  const { epoch, feed } = turn.engine.state;
  // The feed begins here, so a list that was loaded earlier may lack what happened in between.
  const isFeedNew = feed === null || frame.resume === "reset";
  apply(turn, { type: "frame", frame, now: turn.now });
  reofferLost(turn);
  if (epoch !== null && epoch !== frame.epoch) {
    // CR7: what was asked for with the cursors of another epoch is worth nothing. Begin again, with none.
    change(turn, { subscribed: {} });
    return advance(turn, { type: "renew" });
  }
  advance(turn, { type: "welcome", heartbeatMs: frame.heartbeatMs });
  if (frame.resume === "reset") apply(turn, { type: "feed_reset", keep: new Set(Object.keys(turn.engine.holders)) });
  if (isFeedNew) reload(turn);
  subscribeToHeld(turn);
}

function refused(turn: Turn, frame: Extract<ServerFrame, { type: "error" }>): void {
  const about = takeRequest(turn, frame.id);
  if (about?.type === "send") return sendRefused(turn, about.clientId, frame);
  // Of a fetch the next try is scheduled already.
  if (about?.type !== "subscribe") return;
  if (subscribeRefused(turn, about.conversationId, frame)) lose(turn, about.conversationId);
}

/** After a change of a conversation: have fetched what is missing, and its summary loaded if it has become old. */
function check(turn: Turn, conversationId: ConversationId): void {
  checkSummary(turn, conversationId);
  checkGap(turn, conversationId);
}

function lastOf(state: State, conversationId: ConversationId): number {
  return state.conversations[conversationId]?.last ?? 0;
}
