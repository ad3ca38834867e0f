import type { ConversationEvent } from "@presszero/contracts";
import { type Action, aloud, reduce } from "./state.ts";
import { change, clearTimer, type Turn, without } from "./turn.ts";
import type { OutboxItem, State } from "./types.ts";

/** CR7: how long, and how many of, the confirmed messages are kept. */
const keepMs = 24 * 60 * 60 * 1000;
const keepAtMost = 500;

/** Changes the state, and brings the storage in line with it (CR1). */
export function apply(turn: Turn, action: Action): void {
  const before = turn.engine.state;
  const after = reduce(before, action);
  if (after === before) return;
  change(turn, { state: after });
  if (after.outbox === before.outbox) return;
  const previous = new Map(before.outbox.map((item) => [item.clientId, item]));
  for (const item of after.outbox) {
    if (item.state !== "sending") clearTimer(turn, `answer ${item.clientId}`);
    if (item.state !== "sent" && isNews(previous.get(item.clientId), item)) write(turn, item);
  }
  // Only now: what waits for the conversation that one of these starts is stored with its id first.
  for (const item of after.outbox) {
    if (item.state === "sent" && previous.get(item.clientId)?.state !== "sent") confirm(turn, item);
    previous.delete(item.clientId);
  }
  for (const item of previous.values()) {
    clearTimer(turn, `answer ${item.clientId}`);
    if (item.state === "sent") continue;
    const sent = action.type === "discarded" ? null : (placeOf(item, after, turn.date) ?? answerTo(item, action, turn));
    if (sent === null) remove(turn, item.clientId);
    else confirm(turn, { ...item, state: "sent", reason: null, sent });
  }
}

/** What to keep of the messages that the storage holds as confirmed; the rest is deleted. */
export function keepConfirmed(turn: Turn, items: readonly OutboxItem[]): void {
  // In the order in which they were sent; the clock by which they were confirmed may have been set back.
  const sorted = items.toSorted((a, b) => a.queuedAt - b.queuedAt);
  const kept = sorted.slice(-keepAtMost).filter((item) => confirmedAt(item) > turn.date - keepMs);
  const keptIds = new Set(kept.map((item) => item.clientId));
  change(turn, { confirmed: kept });
  for (const { clientId } of items) if (!keptIds.has(clientId)) remove(turn, clientId);
}

function confirm(turn: Turn, confirmed: OutboxItem): void {
  const item = aloud(confirmed);
  write(turn, item);
  keepConfirmed(turn, [...turn.engine.confirmed.filter(({ clientId }) => clientId !== item.clientId), item]);
}

function write(turn: Turn, item: OutboxItem): void {
  if (item.state !== "sent") forgetConfirmed(turn, item.clientId);
  const { outbox } = turn.engine;
  const writing = { ...outbox.writing, [item.clientId]: (outbox.writing[item.clientId] ?? 0) + 1 };
  change(turn, { outbox: { ...outbox, writing } });
  turn.effects.push({ type: "put", item });
}

export function remove(turn: Turn, clientId: string): void {
  forgetConfirmed(turn, clientId);
  const { outbox } = turn.engine;
  if (outbox.refused[clientId]) change(turn, { outbox: { ...outbox, refused: without(outbox.refused, clientId) } });
  turn.effects.push({ type: "remove", clientId });
}

/** Whether the storage has what was on its way to it is not known: all of that once more. */
export function rewrite(turn: Turn): void {
  const { outbox, state, confirmed } = turn.engine;
  change(turn, { outbox: { ...outbox, writing: {} } });
  const unsent = state.outbox.filter((item) => item.state !== "sent" && !item.quiet);
  for (const item of [...unsent, ...confirmed]) if (outbox.writing[item.clientId]) write(turn, item);
}

/** A write is over. What the storage refuses may go out all the same, but closing the page loses it. */
export function written(turn: Turn, clientId: string, isRefused: boolean): void {
  const { outbox } = turn.engine;
  const left = (outbox.writing[clientId] ?? 1) - 1;
  const writing = left > 0 ? { ...outbox.writing, [clientId]: left } : without(outbox.writing, clientId);
  let { refused } = outbox;
  if (isRefused) refused = { ...refused, [clientId]: true };
  else if (refused[clientId]) refused = without(refused, clientId);
  change(turn, { outbox: { ...outbox, writing, refused } });
}

/** Attempts are not worth a write: an item that was tried is simply tried again, under the same client id. */
function isNews(before: OutboxItem | undefined, after: OutboxItem): boolean {
  if (after.quiet) return false; // The storage has it as confirmed, from where it is offered again.
  return (
    before === undefined ||
    before.state === "sent" ||
    before.conversationId !== after.conversationId ||
    before.reason !== after.reason ||
    before.queuedAt !== after.queuedAt
  );
}

/** Where an item that has left is in its conversation: its event came before the answer. */
function placeOf(item: OutboxItem, state: State, now: number): OutboxItem["sent"] {
  const record = state.conversations[item.conversationId ?? state.started ?? ""];
  const isIt = (event: ConversationEvent) => event.kind === "message.created" && event.data.clientId === item.clientId;
  const event = record?.events.findLast(isIt);
  if (event?.kind !== "message.created") return null;
  return { messageId: event.data.id, seq: event.seq, at: event.at, epoch: state.epoch, confirmedAt: now };
}

/** Where it is by its answer alone: a conversation that is not open shows no event of it. */
function answerTo({ clientId }: OutboxItem, action: Action, { engine, date }: Turn): OutboxItem["sent"] {
  if (action.type !== "frame" || action.frame.type !== "ok" || action.frame.clientId !== clientId) return null;
  const { messageId, seq, at } = action.frame;
  return { messageId, seq, at, epoch: engine.state.epoch, confirmedAt: date };
}

function forgetConfirmed(turn: Turn, clientId: string): void {
  const confirmed = turn.engine.confirmed.filter((item) => item.clientId !== clientId);
  if (confirmed.length < turn.engine.confirmed.length) change(turn, { confirmed });
}

function confirmedAt(item: OutboxItem): number {
  return item.sent?.confirmedAt ?? 0;
}
