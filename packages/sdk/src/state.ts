import type { ConversationEvent, ConversationId, EventsPage, ServerFrame } from "@presszero/contracts";
import {
  unsynced,
  withEvents,
  withGap,
  withPage,
  withRead,
  withReceipt,
  withSummary,
  withSynced,
  withSigns,
} from "./record.ts";
import { recordsOf, valuesOf, withoutRecord, withRecord } from "./records.ts";
import type { ConnectionStatus, ConversationRecord, NotSentReason, OutboxItem, Side, State, Summary } from "./types.ts";

/** Everything that changes the state. Times come in with the action: the reducer has no clock. */
export type Action =
  | { type: "frame"; frame: ServerFrame; now: number }
  /** Answers of REST: summaries of a list or of one conversation, or a page of events. */
  | { type: "summaries"; items: readonly Summary[] }
  | { type: "page"; conversationId: ConversationId; page: EventsPage }
  | { type: "gone"; conversationId: ConversationId; why: "deleted" | "access" }
  | { type: "read"; conversationId: ConversationId; seq: number }
  /** Items of the storage. */
  | { type: "outbox_loaded"; items: readonly OutboxItem[] }
  | { type: "queued"; item: OutboxItem }
  | { type: "attempted"; clientId: string }
  /** No answer, or one that allows another try. */
  | { type: "requeued"; clientId: string }
  | { type: "refused"; clientId: string; reason: NotSentReason }
  | { type: "retried"; clientId: string; now: number }
  | { type: "discarded"; clientId: string }
  /** CR7: confirmed messages that a restored database may lack; and those whose conversation it lacks start a new one. */
  | { type: "reoffered"; items: readonly OutboxItem[] }
  | { type: "restarted"; conversationId: ConversationId }
  | { type: "typing_expired"; conversationId: ConversationId; now: number }
  /** No longer live: one conversation that was let go, or all because the connection ended. */
  | { type: "released"; conversationId: ConversationId }
  | { type: "disconnected" }
  /** The feed went too far ahead: everything but `keep` is dropped and loaded again. */
  | { type: "feed_reset"; keep: ReadonlySet<string> }
  | { type: "connection"; status: ConnectionStatus };

export function initialState(side: Side): State {
  return {
    side,
    conversations: recordsOf({}),
    outbox: [],
    started: null,
    gone: {},
    epoch: null,
    feed: null,
    connection: { name: "offline", retryAt: null },
  };
}

export function reduce(state: State, action: Action): State {
  switch (action.type) {
    case "frame":
      return reduceFrame(state, action.frame, action.now);
    case "summaries":
      return mergeSummaries(state, action.items, true);
    case "page":
      return change(state, action.conversationId, (record) => withPage(record, action.page, state.side));
    case "gone":
      return removeConversation(state, action.conversationId, action.why);
    case "read":
      return change(state, action.conversationId, (record) => withRead(record, action.seq, state.side));
    case "outbox_loaded": {
      // What was queued before the start is in the storage as well by then.
      const queued = new Set(state.outbox.map((item) => item.clientId));
      const loaded = action.items.filter((item) => !queued.has(item.clientId));
      const outbox = [...loaded, ...state.outbox].toSorted((a, b) => a.queuedAt - b.queuedAt);
      const shown = new Set(action.items.map((item) => item.conversationId));
      return [...shown].reduce<State>(
        (next, id) => (id === null ? next : withoutConfirmed(next, id, next.conversations[id]?.events ?? [])),
        { ...state, outbox },
      );
    }
    case "queued":
      return {
        ...state,
        outbox: [...state.outbox, action.item],
        started: action.item.conversationId === null ? null : state.started,
      };
    case "attempted":
      return changeItem(state, action.clientId, (item) => ({ ...item, state: "sending", attempts: item.attempts + 1 }));
    case "requeued":
      return changeItem(state, action.clientId, atRest);
    case "refused":
      return changeItem(state, action.clientId, (item) => ({
        ...aloud(item),
        state: "not_sent",
        reason: action.reason,
      }));
    case "retried":
      return retryItem(state, action.clientId, action.now);
    case "discarded":
      return { ...state, outbox: state.outbox.filter((item) => item.clientId !== action.clientId) };
    case "reoffered":
      return { ...state, outbox: [...action.items.map(quietly), ...state.outbox] };
    case "restarted":
      return changeItems(state, (item) =>
        item.quiet && item.conversationId === action.conversationId
          ? { ...item, state: "queued", conversationId: null }
          : item,
      );
    case "typing_expired":
      return change(state, action.conversationId, (record) => withoutTypingBefore(record, action.now));
    case "released":
      return change(state, action.conversationId, unsynced);
    case "disconnected":
      return changeItems(changeAll(state, unsynced), atRest);
    case "feed_reset":
      return {
        ...state,
        conversations: recordsOf(
          Object.fromEntries(Object.entries(state.conversations).filter(([id]) => action.keep.has(id))),
        ),
      };
    case "connection":
      if (state.connection.name === "connecting" && action.status.name === "connecting") return state;
      return { ...state, connection: action.status };
  }
}

function reduceFrame(state: State, frame: ServerFrame, now: number): State {
  const { side } = state;
  switch (frame.type) {
    case "welcome":
      if (state.epoch !== null && state.epoch !== frame.epoch) return changeEpoch(state, frame.epoch);
      return { ...state, epoch: frame.epoch, feed: frame.feed ?? state.feed };
    case "event": {
      const { type: _, ...event } = frame;
      return change(state, event.conversationId, (record) => withEvents(record, [event], side));
    }
    case "page":
      return change(state, frame.conversationId, (record) => withPage(record, frame, side));
    case "synced":
      return change(state, frame.conversationId, (record) => withSynced(record, frame, side));
    case "gap":
      return change(state, frame.conversationId, (record) => withGap(record, frame, side));
    case "receipt":
      return change(state, frame.conversationId, (record) => withReceipt(record, frame, side));
    case "ephemeral":
      return change(state, frame.conversationId, (record) => withSigns(record, frame, now));
    case "feed": {
      const items = frame.items.map((item) => {
        const marks = state.conversations[item.id]?.summary.marks ?? { myRead: 0, otherDelivered: 0, otherRead: 0 };
        return { ...item, marks, unread: 0 };
      });
      return { ...mergeSummaries(state, items, false), feed: frame.cursor };
    }
    case "gone":
      return removeConversation(state, frame.conversationId, frame.why);
    case "ok":
      return confirmSent(state, frame, now);
    case "error":
    case "drain":
    case "pong":
      return state;
  }
}

/** CR7: after a restore of the database nothing that was read counts any more; what was sent last is sent again. */
function changeEpoch(state: State, epoch: string): State {
  const outbox = state.outbox.map((item): OutboxItem =>
    item.state === "sent" ? { ...item, state: "queued", sent: null } : item,
  );
  return { ...state, epoch, feed: null, conversations: recordsOf({}), gone: {}, outbox };
}

/** The message is stored. CR4: it takes its place, at the latest when its event arrives. */
function confirmSent(state: State, frame: Extract<ServerFrame, { type: "ok" }>, now: number): State {
  const { clientId, conversationId, messageId, seq, at } = frame;
  const item = state.outbox.find((candidate) => candidate.clientId === clientId);
  if (item === undefined) return state;
  const sent = { messageId, seq, at, epoch: state.epoch, confirmedAt: now };
  let next = changeItem(state, clientId, () => ({ ...item, conversationId, state: "sent", reason: null, sent }));
  if (item.conversationId === null) next = withStarted(next, item, conversationId);
  return change(next, conversationId, (record) => (seq > record.head ? { ...record, head: seq } : record));
}

function mergeSummaries(state: State, items: readonly Summary[], marksKnown: boolean): State {
  if (items.length === 0) return state;
  let { conversations } = state;
  const gone = { ...state.gone };
  for (const item of items) {
    conversations = withRecord(
      conversations,
      item.id,
      withSummary(conversations[item.id], item, state.side, marksKnown),
    );
    delete gone[item.id];
  }
  return items.reduce((next, item) => withoutConfirmed(next, item.id, []), { ...state, conversations, gone });
}

function change(
  state: State,
  conversationId: string,
  update: (record: ConversationRecord) => ConversationRecord,
): State {
  const record = state.conversations[conversationId];
  if (record === undefined) return state;
  const changed = update(record);
  const next =
    changed === record ? state : { ...state, conversations: withRecord(state.conversations, conversationId, changed) };
  return withoutConfirmed(next, conversationId, newEvents(record, changed));
}

/** What the change added at either end of the window. */
function newEvents(before: ConversationRecord, after: ConversationRecord): ConversationEvent[] {
  if (before.events === after.events) return [];
  const first = before.events[0]?.seq ?? before.last + 1;
  const older = after.events.findIndex((event) => event.seq >= first);
  const newer = after.events.findLastIndex((event) => event.seq <= before.last);
  return [...after.events.slice(0, Math.max(0, older)), ...after.events.slice(newer + 1)];
}

/** CR3, CR4: an outbox item leaves as soon as its message is part of the window, told by its client id or its seq. */
function withoutConfirmed(state: State, conversationId: string, added: readonly ConversationEvent[]): State {
  const record = state.conversations[conversationId];
  if (record === undefined || state.outbox.length === 0) return state;
  const applied = new Set(added.map((event) => (event.kind === "message.created" ? event.data.clientId : null)));
  // Without a window (never opened), the summary is all that shows the message.
  const reached = record.last === 0 && !record.synced ? record.summary.head : record.last;
  const outbox = state.outbox.filter((item) => {
    if (applied.has(item.clientId)) return false;
    return !(item.sent !== null && item.conversationId === conversationId && item.sent.seq <= reached);
  });
  if (outbox.length === state.outbox.length) return state;
  const starter = state.outbox.find((item) => item.conversationId === null && applied.has(item.clientId));
  return starter === undefined ? { ...state, outbox } : withStarted({ ...state, outbox }, starter, record.id);
}

/** The conversation that this message has started is known: what waited behind it follows. */
function withStarted(state: State, starter: OutboxItem, conversationId: ConversationId): State {
  const next = changeItems(state, (item) => (item.conversationId === null ? { ...item, conversationId } : item));
  return starter.quiet ? next : { ...next, started: conversationId };
}

/** What was on its way when the line or the device stopped is simply queued again. */
export function atRest(item: OutboxItem): OutboxItem {
  return item.state === "sending" ? { ...item, state: "queued" } : item;
}

/** CR7: what the person hears of again. */
export function aloud(item: OutboxItem): OutboxItem {
  const { quiet: _, ...rest } = item;
  return rest;
}

/** Queued as it was, without a word to the person. */
function quietly(item: OutboxItem): OutboxItem {
  return { ...item, state: "queued", attempts: 0, sent: null, quiet: true };
}

/** The client deletes its copy. PR5: what was to be sent there is shown as not sent; a quiet one hears of it by itself. */
function removeConversation(state: State, conversationId: ConversationId, why: "deleted" | "access"): State {
  const conversations = withoutRecord(state.conversations, conversationId);
  const outbox = state.outbox.filter((item) => item.conversationId !== conversationId || item.state !== "sent");
  const gone = { ...state.gone, [conversationId]: why };
  return changeItems({ ...state, conversations, outbox, gone }, (item) =>
    item.conversationId === conversationId && !item.quiet ? { ...item, state: "not_sent", reason: "NOT_FOUND" } : item,
  );
}

/** To the end of the queue: it is sent after everything that was sent in the meantime. */
function retryItem(state: State, clientId: string, now: number): State {
  const item = state.outbox.find((candidate) => candidate.clientId === clientId);
  if (item?.state !== "not_sent") return state;
  const queued: OutboxItem = { ...item, state: "queued", reason: null, queuedAt: now };
  return { ...state, outbox: [...state.outbox.filter((other) => other !== item), queued] };
}

function changeItem(state: State, clientId: string, update: (item: OutboxItem) => OutboxItem): State {
  return changeItems(state, (item) => (item.clientId === clientId ? update(item) : item));
}

function changeItems(state: State, update: (item: OutboxItem) => OutboxItem): State {
  const outbox = state.outbox.map(update);
  return outbox.every((item, index) => item === state.outbox[index]) ? state : { ...state, outbox };
}

function changeAll(state: State, update: (record: ConversationRecord) => ConversationRecord): State {
  let { conversations } = state;
  for (const record of valuesOf(conversations)) {
    const changed = update(record);
    if (changed !== record) conversations = withRecord(conversations, record.id, changed);
  }
  return conversations === state.conversations ? state : { ...state, conversations };
}

function withoutTypingBefore(record: ConversationRecord, now: number): ConversationRecord {
  const entries = Object.entries(record.typing);
  const current = entries.filter(([, notice]) => notice.until > now);
  return current.length === entries.length ? record : { ...record, typing: Object.fromEntries(current) };
}
