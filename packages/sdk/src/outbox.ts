import type { ServerFrame } from "@presszero/contracts";
import type { Engine, Input } from "./engine.ts";
import { advance } from "./link.ts";
import { apply, keepConfirmed } from "./persist.ts";
import { reofferRefused } from "./reoffer.ts";
import { atRest } from "./state.ts";
import { change, clearTimer, request, setTimer, type Turn } from "./turn.ts";
import type { OutboxItem } from "./types.ts";

/** CR2: no answer for this long means: send again. */
const answerMs = 10_000;
const giveUpMs = 24 * 60 * 60 * 1000;
const longestPauseMs = 30_000;
const reofferAgainMs = 1_000;

/** Takes up what an earlier run of this device left behind. */
export function loadOutbox(turn: Turn): void {
  if (turn.engine.outbox.storage !== "unread") return;
  change(turn, { outbox: { ...turn.engine.outbox, storage: "loading" } });
  turn.effects.push({ type: "load" });
}

/** CR9: another tab may have written to it. */
export function readStorageAgain(turn: Turn): void {
  if (turn.engine.outbox.storage !== "unread") turn.effects.push({ type: "load" });
}

export function outboxLoaded(turn: Turn, items: readonly OutboxItem[]): void {
  const { outbox, confirmed } = turn.engine;
  const lastQueuedAt = items.reduce((last, item) => Math.max(last, item.queuedAt), outbox.lastQueuedAt);
  change(turn, { outbox: { ...outbox, lastQueuedAt, storage: "loaded" } });
  const known = new Set(confirmed.map((item) => item.clientId));
  const news = items.filter((item) => !known.has(item.clientId));
  const sent = news.filter((item) => item.state === "sent");
  if (sent.length > 0) keepConfirmed(turn, [...turn.engine.confirmed, ...sent]);
  apply(turn, { type: "outbox_loaded", items: news.filter((item) => item.state !== "sent").map(atRest) });
}

export function send(turn: Turn, { clientId, conversationId, message }: Extract<Input, { type: "send" }>): void {
  const queuedAt = nextQueuedAt(turn);
  apply(turn, {
    type: "queued",
    item: {
      clientId,
      conversationId,
      message,
      state: "queued",
      attempts: 0,
      queuedAt,
      reason: null,
      sent: null,
    },
  });
}

export function retry(turn: Turn, clientId: string): void {
  apply(turn, { type: "retried", clientId, now: nextQueuedAt(turn) });
}

export function discard(turn: Turn, clientId: string): void {
  if (findItem(turn, clientId)?.state === "not_sent") apply(turn, { type: "discarded", clientId });
}

/** Sends what may be sent now: of every conversation the oldest message, once it is stored (CR1, CR2). */
export function pump(turn: Turn): void {
  const { isRunning, outbox } = turn.engine;
  if (outbox.storage !== "loaded" || !isRunning) return;
  let next = Number.POSITIVE_INFINITY;
  const lanes = new Set<string>();
  for (const item of turn.engine.state.outbox) {
    if (item.state === "sent" || item.state === "not_sent") continue;
    const lane = item.conversationId ?? "";
    if (lanes.has(lane)) continue;
    const expiresAt = item.quiet ? Number.POSITIVE_INFINITY : turn.now + item.queuedAt + giveUpMs - turn.date;
    if (item.state === "queued" && turn.now >= expiresAt) {
      apply(turn, { type: "refused", clientId: item.clientId, reason: "EXPIRED" });
      continue;
    }
    lanes.add(lane);
    if (item.state === "sending" || outbox.writing[item.clientId] !== undefined) continue;
    next = Math.min(next, expiresAt);
    const pausedUntil = outbox.pauses[lane] ?? 0;
    if (pausedUntil > turn.now) next = Math.min(next, pausedUntil);
    else if (transmitItem(turn, item)) setTimer(turn, `answer ${item.clientId}`, answerMs);
  }
  if (next === Number.POSITIVE_INFINITY) clearTimer(turn, "pump");
  else if (turn.engine.timers.pump !== next) setTimer(turn, "pump", next - turn.now);
}

function transmitItem(turn: Turn, { clientId, conversationId, message, queuedAt }: OutboxItem): boolean {
  const isSent = request(turn, { type: "send", clientId }, (id) => ({
    type: "send",
    id,
    conversationId,
    clientId,
    message,
    at: queuedAt,
  }));
  if (isSent) apply(turn, { type: "attempted", clientId });
  return isSent;
}

export function requeue(turn: Turn, clientId: string): void {
  apply(turn, { type: "requeued", clientId });
}

/** The server refused: for good, or for now. */
export function sendRefused(turn: Turn, clientId: string, error: Extract<ServerFrame, { type: "error" }>): void {
  const item = findItem(turn, clientId);
  if (item?.state !== "sending") return;
  if (error.retry) {
    const backoff = turn.random * Math.min(longestPauseMs, 1000 * 2 ** item.attempts);
    pause(turn, item, error.retryAfterMs ?? backoff);
    requeue(turn, clientId);
    // Nothing of ours comes before this one (CR2), so what the server waits for will not come: it was shown by its event
    // before its answer, or given up. A new connection begins without that debt (SR4).
    if (error.code === "ORDER_BROKEN") advance(turn, { type: "drop" });
  } else if (item.quiet) {
    if (reofferRefused(turn, item, error.code)) return;
    pause(turn, item, reofferAgainMs);
    requeue(turn, clientId);
  } else {
    apply(turn, { type: "refused", clientId, reason: error.code });
  }
}

function pause(turn: Turn, item: OutboxItem, ms: number): void {
  const { outbox } = turn.engine;
  const current = Object.entries(outbox.pauses).filter(([, until]) => until > turn.now);
  const pauses = { ...Object.fromEntries(current), [item.conversationId ?? ""]: turn.now + ms };
  change(turn, { outbox: { ...outbox, pauses } });
}

function findItem(turn: Turn, clientId: string): OutboxItem | undefined {
  return turn.engine.state.outbox.find((item) => item.clientId === clientId);
}

/** Whether closing the page now would lose a message that was not sent (CR1). */
export function hasUnsafe({ state, outbox }: Engine, isStorageUnsafe: boolean): boolean {
  return state.outbox.some(
    ({ clientId, state: at, quiet }) =>
      at !== "sent" && !quiet && (isStorageUnsafe || outbox.writing[clientId] || outbox.refused[clientId]),
  );
}

/** Strictly rising, because the storage sorts by it. */
function nextQueuedAt(turn: Turn): number {
  const { outbox } = turn.engine;
  const lastQueuedAt = Math.max(turn.date, outbox.lastQueuedAt + 1);
  change(turn, { outbox: { ...outbox, lastQueuedAt } });
  return lastQueuedAt;
}
