import type { ConversationId, EventsPage, ServerFrame } from "@presszero/contracts";
import { withEvents, withGap, withPage, withRead, withReceipt, withSummary, withSynced, withTyping } from "./record.ts";
import type { ConnectionStatus, ConversationRecord, NotSentReason, OutboxItem, Side, State, Summary } from "./types.ts";

/** Everything that changes the state. Times come in with the action: the reducer has no clock. */
export type Action =
  | { type: "frame"; frame: ServerFrame; now: number }
  /** Answers of REST: summaries of a list or of one conversation, or a page of events. */
  | { type: "summaries"; items: readonly Summary[] }
  | { type: "page"; conversationId: ConversationId; page: EventsPage }
  | { type: "gone"; conversationId: ConversationId; why: "deleted" | "access" }
  | { type: "read"; conversationId: ConversationId; seq: number }
  /** Items of the storage at the start. */
  | { type: "outbox_loaded"; items: readonly OutboxItem[] }
  | { type: "queued"; item: OutboxItem }
  | { type: "attempted"; clientId: string }
  /** No answer, or one that allows another try. */
  | { type: "requeued"; clientId: string }
  | { type: "refused"; clientId: string; reason: NotSentReason }
  | { type: "retried"; clientId: string; now: number }
  | { type: "discarded"; clientId: string }
  | { type: "typing_expired"; now: number }
  /** No longer live: one conversation that was let go, or all because the connection ended. */
  | { type: "released"; conversationId: ConversationId }
  | { type: "disconnected" }
  /** The feed went too far ahead: everything but `keep` is dropped and loaded again. */
  | { type: "feed_reset"; keep: ReadonlySet<string> }
  | { type: "connection"; status: ConnectionStatus };

export function initialState(side: Side): State {
  return {
    side,
    conversations: {},
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
      return { ...state, outbox: [...action.items.filter((item) => !queued.has(item.clientId)), ...state.outbox] };
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
      return changeItem(state, action.clientId, (item) =>
        item.state === "sending" ? { ...item, state: "queued" } : item,
      );
    case "refused":
      return changeItem(state, action.clientId, (item) => ({ ...item, state: "not_sent", reason: action.reason }));
    case "retried":
      return retryItem(state, action.clientId, action.now);
    case "discarded":
      return { ...state, outbox: state.outbox.filter((item) => item.clientId !== action.clientId) };
    case "typing_expired":
      return changeAll(state, (record) => withoutTypingBefore(record, action.now));
    case "released":
      return change(state, action.conversationId, unsynced);
    case "disconnected":
      return {
        ...changeAll(state, unsynced),
        outbox: state.outbox.map((item) => (item.state === "sending" ? { ...item, state: "queued" } : item)),
      };
    case "feed_reset":
      return {
        ...state,
        conversations: Object.fromEntries(Object.entries(state.conversations).filter(([id]) => action.keep.has(id))),
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
      if (frame.kind !== "typing") return state;
      return change(state, frame.conversationId, (record) => withTyping(record, frame, now));
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
      return confirmSent(state, frame);
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
  return { ...state, epoch, feed: null, conversations: {}, gone: {}, outbox };
}

/** The message is stored. CR4: it takes its place, at the latest when its event arrives. */
function confirmSent(state: State, frame: Extract<ServerFrame, { type: "ok" }>): State {
  const { clientId, conversationId, messageId, seq, at } = frame;
  const item = state.outbox.find((candidate) => candidate.clientId === clientId);
  if (item === undefined) return state;
  const starts = item.conversationId === null;
  const outbox = state.outbox.map((other): OutboxItem => {
    if (other === item) return { ...item, conversationId, state: "sent", reason: null, sent: { messageId, seq, at } };
    // What waited behind the message that started the conversation now knows where it belongs.
    return starts && other.conversationId === null ? { ...other, conversationId } : other;
  });
  return change({ ...state, outbox, started: starts ? conversationId : state.started }, conversationId, (record) =>
    seq > record.head ? { ...record, head: seq } : record,
  );
}

function mergeSummaries(state: State, items: readonly Summary[], marksKnown: boolean): State {
  if (items.length === 0) return state;
  const conversations = { ...state.conversations };
  const gone = { ...state.gone };
  for (const item of items) {
    conversations[item.id] = withSummary(conversations[item.id], item, state.side, marksKnown);
    delete gone[item.id];
  }
  return items.reduce((next, item) => withoutConfirmed(next, item.id), { ...state, conversations, gone });
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
    changed === record ? state : { ...state, conversations: { ...state.conversations, [conversationId]: changed } };
  return withoutConfirmed(next, conversationId);
}

/** CR3, CR4: an outbox item leaves as soon as its message is part of the window, told by its client id or its seq. */
function withoutConfirmed(state: State, conversationId: string): State {
  const record = state.conversations[conversationId];
  if (record === undefined || state.outbox.length === 0) return state;
  const applied = new Set(
    record.events.map((event) => (event.kind === "message.created" ? event.data.clientId : null)),
  );
  // Without a window (never opened), the summary is all that shows the message.
  const reached = record.last === 0 && !record.synced ? record.summary.head : record.last;
  const outbox = state.outbox.filter((item) => {
    if (applied.has(item.clientId)) return false;
    return !(item.sent !== null && item.conversationId === conversationId && item.sent.seq <= reached);
  });
  return outbox.length === state.outbox.length ? state : { ...state, outbox };
}

/** The client deletes its copy. PR5: what was to be sent there is shown as not sent. */
function removeConversation(state: State, conversationId: ConversationId, why: "deleted" | "access"): State {
  const { [conversationId]: _, ...conversations } = state.conversations;
  const outbox = state.outbox
    .filter((item) => item.conversationId !== conversationId || item.state !== "sent")
    .map((item): OutboxItem =>
      item.conversationId === conversationId ? { ...item, state: "not_sent", reason: "NOT_FOUND" } : item,
    );
  return { ...state, conversations, outbox, gone: { ...state.gone, [conversationId]: why } };
}

/** To the end of the queue: it is sent after everything that was sent in the meantime. */
function retryItem(state: State, clientId: string, now: number): State {
  const item = state.outbox.find((candidate) => candidate.clientId === clientId);
  if (item?.state !== "not_sent") return state;
  const queued: OutboxItem = { ...item, state: "queued", reason: null, queuedAt: now };
  return { ...state, outbox: [...state.outbox.filter((other) => other !== item), queued] };
}

function changeItem(state: State, clientId: string, update: (item: OutboxItem) => OutboxItem): State {
  return { ...state, outbox: state.outbox.map((item) => (item.clientId === clientId ? update(item) : item)) };
}

function changeAll(state: State, update: (record: ConversationRecord) => ConversationRecord): State {
  const entries = Object.entries(state.conversations).map(([id, record]) => [id, update(record)] as const);
  if (entries.every(([id, record]) => record === state.conversations[id])) return state;
  return { ...state, conversations: Object.fromEntries(entries) };
}

function unsynced(record: ConversationRecord): ConversationRecord {
  if (!record.synced && Object.keys(record.typing).length === 0) return record;
  return { ...record, synced: false, typing: {} };
}

function withoutTypingBefore(record: ConversationRecord, now: number): ConversationRecord {
  const entries = Object.entries(record.typing);
  const current = entries.filter(([, notice]) => notice.until > now);
  return current.length === entries.length ? record : { ...record, typing: Object.fromEntries(current) };
}
