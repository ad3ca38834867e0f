import type { ClientFrame, ConversationId, OutgoingMessage, ServerFrame } from "@presszero/contracts";
import type { Clock } from "./clock.ts";
import { newUuid } from "./ids.ts";
import type { Action } from "./state.ts";
import type { DeviceStorage } from "./storage.ts";
import type { OutboxItem, State } from "./types.ts";

/** CR2: no answer for this long means: send again. */
const answerMs = 10_000;
const giveUpMs = 24 * 60 * 60 * 1000;
const longestPauseMs = 30_000;

export type OutboxPorts = {
  storage: DeviceStorage;
  clock: Clock;
  getState: () => State;
  dispatch: (action: Action) => void;
  /** Sends a message frame if the connection is live; answers whether it did. */
  transmit: (item: OutboxItem) => boolean;
};

/** The messages of this device on their way: stored first (CR1), one in flight per conversation (CR2), nothing lost (PR5). */
export function createOutbox({ storage, clock, getState, dispatch, transmit }: OutboxPorts) {
  let isRunning = false;
  let isStarted = false;
  let isLoaded = false;
  /** The storage refused a write, so closing the page would lose something. */
  let isFailing = false;
  let writes = Promise.resolve();
  let lastQueuedAt = 0;
  let cancelPump = () => {};
  const stored = new Set<string>();
  const answerTimers = new Map<string, () => void>();
  /** By conversation: when the next try may go out. */
  const pauses = new Map<string, number>();

  /** Strictly rising, because the storage sorts by it. */
  function nextQueuedAt(): number {
    lastQueuedAt = Math.max(clock.now(), lastQueuedAt + 1);
    return lastQueuedAt;
  }

  /** Takes up what an earlier run of this device left behind. */
  async function start(): Promise<void> {
    isRunning = true;
    if (isStarted) return pump();
    isStarted = true;
    const items = await storage.load().catch(() => {
      isFailing = true;
      return [];
    });
    for (const item of items) {
      stored.add(item.clientId);
      lastQueuedAt = Math.max(lastQueuedAt, item.queuedAt);
    }
    isLoaded = true;
    dispatch({ type: "outbox_loaded", items });
    pump();
  }

  function stop(): void {
    isRunning = false;
    disconnected();
  }

  function send(conversationId: ConversationId | null, message: OutgoingMessage): string {
    const clientId = newUuid();
    const item: OutboxItem = {
      clientId,
      conversationId,
      message,
      state: "queued",
      attempts: 0,
      queuedAt: nextQueuedAt(),
      reason: null,
      sent: null,
    };
    dispatch({ type: "queued", item });
    return clientId;
  }

  function retry(clientId: string): void {
    dispatch({ type: "retried", clientId, now: nextQueuedAt() });
    pump();
  }

  function discard(clientId: string): void {
    const item = getState().outbox.find((candidate) => candidate.clientId === clientId);
    if (item?.state === "not_sent") dispatch({ type: "discarded", clientId });
  }

  /** Sends what may be sent now: of every conversation the oldest message, once it is stored. */
  function pump(): void {
    if (!isLoaded || !isRunning) return;
    cancelPump();
    const now = clock.now();
    let next = Number.POSITIVE_INFINITY;
    const lanes = new Set<string>();
    for (const item of getState().outbox) {
      if (item.state === "sent" || item.state === "not_sent") continue;
      const lane = item.conversationId ?? "";
      if (lanes.has(lane)) continue;
      if (item.state === "queued" && now - item.queuedAt >= giveUpMs) {
        dispatch({ type: "refused", clientId: item.clientId, reason: "EXPIRED" });
        continue;
      }
      lanes.add(lane);
      if (item.state === "sending" || !stored.has(item.clientId)) continue;
      next = Math.min(next, item.queuedAt + giveUpMs);
      const pausedUntil = pauses.get(lane) ?? 0;
      if (pausedUntil > now) {
        next = Math.min(next, pausedUntil);
      } else if (transmit(item)) {
        dispatch({ type: "attempted", clientId: item.clientId });
        answerTimers.set(
          item.clientId,
          clock.after(answerMs, () => requeue(item.clientId)),
        );
      }
    }
    if (next < Number.POSITIVE_INFINITY) cancelPump = clock.after(Math.max(0, next - now), pump);
  }

  function requeue(clientId: string): void {
    answered(clientId);
    dispatch({ type: "requeued", clientId });
    pump();
  }

  function answered(clientId: string): void {
    answerTimers.get(clientId)?.();
    answerTimers.delete(clientId);
  }

  /** The server refused: for good, or for now. */
  function refused(clientId: string, error: Extract<ServerFrame, { type: "error" }>): void {
    const item = getState().outbox.find((candidate) => candidate.clientId === clientId);
    if (item?.state !== "sending") return;
    answered(clientId);
    if (error.retry) {
      const backoff = clock.random() * Math.min(longestPauseMs, 1000 * 2 ** item.attempts);
      pauses.set(item.conversationId ?? "", clock.now() + (error.retryAfterMs ?? backoff));
      dispatch({ type: "requeued", clientId });
    } else {
      dispatch({ type: "refused", clientId, reason: error.code });
    }
    pump();
  }

  function disconnected(): void {
    cancelPump();
    for (const cancel of answerTimers.values()) cancel();
    answerTimers.clear();
  }

  /** Brings the storage in line with a change of the state, and lets a new message go once it is written (CR1). */
  function persist(before: readonly OutboxItem[], after: readonly OutboxItem[]): void {
    if (before === after) return;
    const old = new Map(before.map((item) => [item.clientId, item]));
    let isFreed = false;
    for (const item of after) {
      const previous = old.get(item.clientId);
      old.delete(item.clientId);
      if (item.state === "sent") {
        if (previous?.state === "sent") continue;
        forget(item.clientId);
        isFreed = true;
      } else if (previous === undefined ? !stored.has(item.clientId) : isChanged(previous, item)) {
        write(item);
      }
    }
    for (const item of old.values()) {
      if (item.state === "sent") continue;
      forget(item.clientId);
      isFreed = true;
    }
    if (isFreed) pump();
  }

  function write(item: OutboxItem): void {
    writes = writes
      .then(() => storage.put(item))
      .catch(() => {
        isFailing = true;
      })
      .then(() => {
        stored.add(item.clientId);
        pump();
      });
  }

  function forget(clientId: string): void {
    answered(clientId);
    writes = writes
      .then(() => storage.remove(clientId))
      .catch(() => {
        isFailing = true;
      })
      .then(() => void stored.delete(clientId));
  }

  function warnOnUnload(): boolean {
    const unsent = getState().outbox.filter((item) => item.state !== "sent");
    return unsent.some((item) => isFailing || storage.warnOnUnload || !stored.has(item.clientId));
  }

  return { start, stop, send, retry, discard, pump, refused, disconnected, persist, warnOnUnload };
}

/** Attempts are not worth a write: an item that was tried is simply tried again, under the same client id. */
function isChanged(before: OutboxItem, after: OutboxItem): boolean {
  return (
    before.state === "sent" ||
    before.conversationId !== after.conversationId ||
    before.reason !== after.reason ||
    before.queuedAt !== after.queuedAt
  );
}

/** The frame of an attempt. */
export function sendFrame(item: OutboxItem, id: number): ClientFrame {
  const { conversationId, clientId, message, queuedAt } = item;
  return { type: "send", id, conversationId, clientId, message, at: queuedAt };
}
