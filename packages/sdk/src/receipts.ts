import type { ConversationId, ServerFrame } from "@presszero/contracts";
import { apply } from "./persist.ts";
import { change, clearTimer, setTimer, transmit, type Turn } from "./turn.ts";
import type { State } from "./types.ts";

/** §3: at least one ack per second or 50 events. */
const ackEveryMs = 1_000;
const ackEveryEvents = 50;
const typingEveryMs = 3_000;

/** CR5: acknowledges what is part of the state; cumulative, so one frame stands for many events. */
export function ack(turn: Turn): void {
  clearTimer(turn, "ack");
  const sent = { ...turn.engine.acks.sent };
  for (const id of Object.keys(turn.engine.acks.due) as ConversationId[]) {
    const seq = turn.engine.state.conversations[id]?.last ?? 0;
    if (seq > (sent[id] ?? 0) && transmit(turn, { type: "ack", conversationId: id, seq })) sent[id] = seq;
  }
  change(turn, { acks: { due: {}, events: 0, lastAt: turn.now, sent } });
}

/** Events may have been added to a conversation since `before`. */
export function received(turn: Turn, before: State, conversationId: ConversationId): void {
  const last = turn.engine.state.conversations[conversationId]?.last ?? 0;
  const events = last - (before.conversations[conversationId]?.last ?? 0);
  if (events > 0) scheduleAck(turn, conversationId, events);
}

/** The end of a replay tells what the server knows: what it does not know yet is told again. */
export function receiptsSynced(turn: Turn, frame: Extract<ServerFrame, { type: "synced" }>): void {
  const { conversationId } = frame;
  scheduleAck(turn, conversationId, 0);
  const read = turn.engine.state.conversations[conversationId]?.summary.marks.myRead ?? 0;
  if (read > frame.mine.read) transmit(turn, { type: "read", conversationId, seq: read });
}

export function markRead(turn: Turn, conversationId: ConversationId): void {
  const record = turn.engine.state.conversations[conversationId];
  if (record === undefined || record.last <= record.summary.marks.myRead) return;
  apply(turn, { type: "read", conversationId, seq: record.last });
  transmit(turn, { type: "read", conversationId, seq: record.last });
}

/** Tells the other side that this person types, at most every 3 s, or no longer does. */
export function tellTyping(turn: Turn, conversationId: ConversationId, on: boolean): void {
  const { typingSent } = turn.engine;
  const told = typingSent[conversationId] ?? { at: Number.NEGATIVE_INFINITY, on: false };
  if (on ? turn.now - told.at < typingEveryMs : !told.on) return;
  if (transmit(turn, { type: "typing", conversationId, on }))
    change(turn, { typingSent: { ...typingSent, [conversationId]: { at: on ? turn.now : told.at, on } } });
}

/** The message itself ends the notice on the other side. */
export function typingIsOver(turn: Turn, conversationId: ConversationId): void {
  const { typingSent } = turn.engine;
  const told = typingSent[conversationId];
  if (told?.on) change(turn, { typingSent: { ...typingSent, [conversationId]: { ...told, on: false } } });
}

/** A notice of the other side ends by itself. */
export function expireTyping(turn: Turn, conversationId: ConversationId): void {
  apply(turn, { type: "typing_expired", conversationId, now: turn.now });
  const notices = Object.values(turn.engine.state.conversations[conversationId]?.typing ?? {});
  if (notices.length === 0) clearTimer(turn, `typing ${conversationId}`);
  else setTimer(turn, `typing ${conversationId}`, Math.min(...notices.map((notice) => notice.until)) - turn.now);
}

export function receiptsDisconnected(turn: Turn): void {
  clearTimer(turn, "ack");
  change(turn, { acks: { ...turn.engine.acks, due: {}, events: 0, sent: {} } });
}

function scheduleAck(turn: Turn, conversationId: ConversationId, more: number): void {
  const { acks, timers } = turn.engine;
  const events = acks.events + more;
  change(turn, { acks: { ...acks, due: { ...acks.due, [conversationId]: true }, events } });
  if (events >= ackEveryEvents) ack(turn);
  else if (timers.ack === undefined) setTimer(turn, "ack", Math.max(0, acks.lastAt + ackEveryMs - turn.now));
}
