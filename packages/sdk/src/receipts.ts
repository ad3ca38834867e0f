import type { ClientFrame, ConversationId, ServerFrame } from "@presszero/contracts";
import type { Clock } from "./clock.ts";
import type { State } from "./types.ts";

/** §3: at least one ack per second or 50 events. */
const ackEveryMs = 1_000;
const ackEveryEvents = 50;
const typingEveryMs = 3_000;

export type ReceiptPorts = {
  clock: Clock;
  getState: () => State;
  transmit: (frame: ClientFrame) => boolean;
};

/** What this client tells about itself: what it has received (ack), what was read while it was away, and typing. */
export function createReceipts({ clock, getState, transmit }: ReceiptPorts) {
  const toAck = new Set<ConversationId>();
  const acked = new Map<ConversationId, number>();
  let waitingEvents = 0;
  let lastAckAt = Number.NEGATIVE_INFINITY;
  let cancelAck: (() => void) | null = null;
  const typingSent = new Map<ConversationId, { at: number; on: boolean }>();

  /** CR5: acknowledges what is part of the state; cumulative, so one frame stands for many events. */
  function ack(): void {
    cancelAck?.();
    cancelAck = null;
    waitingEvents = 0;
    lastAckAt = clock.now();
    for (const conversationId of toAck) {
      const seq = getState().conversations[conversationId]?.last ?? 0;
      if (seq > (acked.get(conversationId) ?? 0) && transmit({ type: "ack", conversationId, seq }))
        acked.set(conversationId, seq);
    }
    toAck.clear();
  }

  function scheduleAck(conversationId: ConversationId, events: number): void {
    toAck.add(conversationId);
    waitingEvents += events;
    if (waitingEvents >= ackEveryEvents) return ack();
    cancelAck ??= clock.after(Math.max(0, lastAckAt + ackEveryMs - clock.now()), ack);
  }

  /** Events may have been added to a conversation since `before`. */
  function received(before: State, conversationId: ConversationId): void {
    const last = getState().conversations[conversationId]?.last ?? 0;
    const events = last - (before.conversations[conversationId]?.last ?? 0);
    if (events > 0) scheduleAck(conversationId, events);
  }

  /** The end of a replay tells what the server knows: what it does not know yet is told again. */
  function synced(frame: Extract<ServerFrame, { type: "synced" }>): void {
    const { conversationId } = frame;
    scheduleAck(conversationId, 0);
    const read = getState().conversations[conversationId]?.summary.marks.myRead ?? 0;
    if (read > frame.mine.read) transmit({ type: "read", conversationId, seq: read });
  }

  function typing(conversationId: ConversationId, on: boolean): void {
    const now = clock.now();
    const sent = typingSent.get(conversationId) ?? { at: Number.NEGATIVE_INFINITY, on: false };
    if (on ? now - sent.at < typingEveryMs : !sent.on) return;
    if (transmit({ type: "typing", conversationId, on }))
      typingSent.set(conversationId, { at: on ? now : sent.at, on });
  }

  /** The message itself ends the notice on the other side. */
  function sent(conversationId: ConversationId): void {
    const notice = typingSent.get(conversationId);
    if (notice) notice.on = false;
  }

  function disconnected(): void {
    cancelAck?.();
    cancelAck = null;
    toAck.clear();
    acked.clear();
  }

  return { received, synced, typing, sent, disconnected };
}
