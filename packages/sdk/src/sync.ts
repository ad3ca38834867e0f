import type { ClientFrame, ConversationId, OutgoingMessage, ServerFrame } from "@presszero/contracts";
import { protocolVersion } from "@presszero/contracts/protocol";
import { type Clock, systemClock } from "./clock.ts";
import { createConversationLoader, type ListQuery } from "./conversation-loader.ts";
import { createGapFiller } from "./gaps.ts";
import type { ApiClient } from "./http.ts";
import { createOutbox, sendFrame } from "./outbox.ts";
import { createRealtime } from "./realtime.ts";
import { createReceipts } from "./receipts.ts";
import { type Action, initialState, reduce } from "./state.ts";
import type { DeviceStorage } from "./storage.ts";
import type { Side, State } from "./types.ts";

/** §6: the longest pause between two tries to connect. */
const backoffCapMs = { business: 60_000, contact: 120_000 };
const maxSubscriptions = 200;
const subscribeAgainMs = 10_000;

export type SyncOptions = {
  api: ApiClient;
  /** As for `createApi`. */
  baseUrl: string;
  side: Side;
  /** Name and version of this client, such as `web/1.4.2`. */
  client: string;
  storage: DeviceStorage;
  WebSocket?: typeof globalThis.WebSocket;
  clock?: Clock;
};

export type Sync = {
  /** The current state; the same object until something changes. */
  getState: () => State;
  /** Calls back after every change; the answer ends it. */
  subscribe: (listener: () => void) => () => void;
  /** Connects and keeps connected until `stop` or a terminal close; after one, tries again. */
  start: () => void;
  /** Closes the connection. Unsent messages stay in the storage. */
  stop: () => void;
  /** Tries to connect now instead of later, at most every 10 s. Browsers do so by themselves; an app calls it on resume. */
  wake: () => void;
  /** Loads a page of the list into the state and answers the next page's cursor. Throws `ApiError`. */
  loadConversations: (query?: ListQuery, cursor?: string) => Promise<{ next: string | null }>;
  /**
   * Keeps a conversation's events live until the answer is called; any number of screens may hold it open. A conversation
   * that cannot be shown appears in `state.gone`.
   */
  open: (conversationId: ConversationId) => () => void;
  /** Loads the page before the events held. Throws `ApiError`. */
  loadOlder: (conversationId: ConversationId) => Promise<void>;
  /**
   * Queues a message, stores it and sends it as soon as possible; answers its client id. Null starts a conversation
   * (customers only), whose id then appears as `state.started`.
   */
  send: (conversationId: ConversationId | null, message: OutgoingMessage) => string;
  /** Tries a message that was not sent again, under the same client id. */
  retry: (clientId: string) => void;
  /** Deletes a message that was not sent. */
  discard: (clientId: string) => void;
  /** Marks an open conversation as read up to the newest event held. */
  markRead: (conversationId: ConversationId) => void;
  /** Tells the other side that this person types, or no longer does. Call it on every key; it limits itself. */
  typing: (conversationId: ConversationId, on: boolean) => void;
  /** True while leaving the page would lose a message (CR1). */
  warnOnUnload: () => boolean;
};

/** What a numbered frame was about, to understand its answer. */
type Request = { type: "send"; clientId: string } | { type: "subscribe" | "fetch"; conversationId: ConversationId };

/** Keeps a client's state in agreement with the server: feeds the reducer, and does what its state asks for. */
export function createSync(options: SyncOptions): Sync {
  const { api, side, storage } = options;
  const clock = options.clock ?? systemClock;
  let state = initialState(side);
  const listeners = new Set<() => void>();

  let nextRequestId = 1;
  const requests = new Map<number, Request>();
  /** By conversation: how many screens hold it open. */
  const holders = new Map<ConversationId, number>();
  /** Subscribed on the present connection. */
  const subscribed = new Set<ConversationId>();
  let cancelTypingExpiry = () => {};

  const getState = () => state;

  function dispatch(action: Action): void {
    const before = state;
    state = reduce(state, action);
    if (state === before) return;
    outbox.persist(before.outbox, state.outbox);
    for (const listener of listeners) {
      try {
        listener();
      } catch (error) {
        // A screen that fails is reported like any error nobody caught, and does not keep the state from going on.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  const realtime = createRealtime({
    api,
    baseUrl: options.baseUrl,
    deviceId: storage.deviceId,
    WebSocket: options.WebSocket,
    clock,
    backoffCapMs: backoffCapMs[side],
    hello,
    onFrame: receive,
    onStatus: (status) => dispatch({ type: "connection", status }),
    onDown: disconnected,
  });

  function request(about: Request, frame: (id: number) => ClientFrame): boolean {
    if (!realtime.send(frame(nextRequestId))) return false;
    requests.set(nextRequestId++, about);
    return true;
  }

  const outbox = createOutbox({
    storage,
    clock,
    getState,
    dispatch,
    transmit: (item) => request({ type: "send", clientId: item.clientId }, (id) => sendFrame(item, id)),
  });
  const receipts = createReceipts({ clock, transmit: realtime.send, getState });
  const loader = createConversationLoader({ api, side, clock, dispatch, onLoaded: subscribeIfReady });
  const gaps = createGapFiller({
    clock,
    getState,
    fetch: (conversationId) => {
      const after = state.conversations[conversationId]!.last;
      request({ type: "fetch", conversationId }, (id) => ({ type: "fetch", id, conversationId, after, limit: 200 }));
    },
  });

  function hello(ticket: string): ClientFrame {
    const ready = [...holders.keys()].filter((id) => state.conversations[id] !== undefined).slice(0, maxSubscriptions);
    subscribed.clear();
    for (const id of ready) subscribed.add(id);
    return {
      type: "hello",
      version: protocolVersion,
      ticket,
      deviceId: storage.deviceId,
      client: options.client,
      epoch: state.epoch,
      feed: state.feed,
      subscriptions: ready.map((conversationId) => ({
        conversationId,
        after: state.conversations[conversationId]!.last,
      })),
    };
  }

  function disconnected(): void {
    requests.clear();
    subscribed.clear();
    gaps.disconnected();
    receipts.disconnected();
    outbox.disconnected();
    dispatch({ type: "disconnected" });
    outbox.pump();
  }

  function receive(frame: ServerFrame): void {
    if (frame.type === "pong" || frame.type === "drain") return;
    if (frame.type === "welcome") return welcomed(frame);
    if (frame.type === "error") return refused(frame);
    const before = state;
    dispatch({ type: "frame", frame, now: clock.now() });
    switch (frame.type) {
      case "feed":
        for (const item of frame.items) check(item.id);
        return;
      case "event":
      case "page":
        receipts.received(before, frame.conversationId);
        if (frame.type === "page") pageArrived(frame, before);
        return check(frame.conversationId);
      case "synced":
        if (frame.id !== null) requests.delete(frame.id);
        receipts.synced(frame);
        return check(frame.conversationId);
      case "ok":
        requests.delete(frame.id);
        return check(frame.conversationId);
      case "gap":
      case "receipt":
        return check(frame.conversationId);
      case "gone":
        subscribed.delete(frame.conversationId);
        return gaps.forget(frame.conversationId);
      case "ephemeral":
        return expireTyping();
    }
  }

  function welcomed(frame: Extract<ServerFrame, { type: "welcome" }>): void {
    const isOtherEpoch = state.epoch !== null && state.epoch !== frame.epoch;
    // The feed begins here, so a list that was loaded earlier may lack what happened in between.
    const isFeedNew = state.feed === null || frame.resume === "reset";
    dispatch({ type: "frame", frame, now: clock.now() });
    if (isOtherEpoch) {
      // CR7: what was asked for with the cursors of another epoch is worth nothing. Begin again, with none.
      subscribed.clear();
      return realtime.advance({ type: "renew" });
    }
    realtime.advance({ type: "welcome", heartbeatMs: frame.heartbeatMs });
    if (frame.resume === "reset") dispatch({ type: "feed_reset", keep: new Set(holders.keys()) });
    if (isFeedNew) loader.reload([...holders.keys()]);
    for (const id of subscribed) if (!holders.has(id)) unsubscribe(id);
    for (const id of holders.keys()) subscribeIfReady(id);
    outbox.pump();
  }

  function refused(frame: Extract<ServerFrame, { type: "error" }>): void {
    const about = frame.id === null ? undefined : requests.get(frame.id);
    if (about === undefined) return;
    requests.delete(frame.id!);
    if (about.type === "send") return outbox.refused(about.clientId, frame);
    if (about.type === "fetch") return; // The next try is scheduled already.
    subscribed.delete(about.conversationId);
    if (frame.retry) clock.after(frame.retryAfterMs ?? subscribeAgainMs, () => subscribeIfReady(about.conversationId));
    else if (frame.code === "NOT_FOUND")
      dispatch({ type: "gone", conversationId: about.conversationId, why: "access" });
  }

  /** After a change of a conversation: have fetched what is missing, and its summary loaded if it has become old. */
  function check(conversationId: ConversationId): void {
    const record = state.conversations[conversationId];
    if (record === undefined) return;
    loader.checkSummary(record);
    gaps.check(conversationId);
  }

  function pageArrived(frame: Extract<ServerFrame, { type: "page" }>, before: State): void {
    requests.delete(frame.id);
    const last = state.conversations[frame.conversationId]?.last ?? 0;
    if (last > (before.conversations[frame.conversationId]?.last ?? 0)) gaps.progressed(frame.conversationId);
  }

  function open(conversationId: ConversationId): () => void {
    const count = holders.get(conversationId) ?? 0;
    holders.set(conversationId, count + 1);
    if (count === 0) {
      if (state.conversations[conversationId] === undefined) loader.loadSummary(conversationId);
      subscribeIfReady(conversationId);
    }
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      const left = holders.get(conversationId)! - 1;
      if (left > 0) holders.set(conversationId, left);
      else release(conversationId);
    };
  }

  function subscribeIfReady(conversationId: ConversationId): void {
    const record = state.conversations[conversationId];
    if (record === undefined || !holders.has(conversationId) || subscribed.has(conversationId)) return;
    const after = record.last;
    const isAsked = request({ type: "subscribe", conversationId }, (id) => ({
      type: "subscribe",
      id,
      conversationId,
      after,
    }));
    if (isAsked) subscribed.add(conversationId);
  }

  function release(conversationId: ConversationId): void {
    holders.delete(conversationId);
    gaps.forget(conversationId);
    unsubscribe(conversationId);
    dispatch({ type: "released", conversationId });
  }

  /** During a hello nothing can be sent: what it asked for is then let go after the welcome. */
  function unsubscribe(conversationId: ConversationId): void {
    if (!subscribed.has(conversationId)) return;
    if (realtime.send({ type: "unsubscribe", conversationId })) subscribed.delete(conversationId);
  }

  function expireTyping(): void {
    cancelTypingExpiry();
    const notices = Object.values(state.conversations).flatMap((record) => Object.values(record.typing));
    if (notices.length === 0) return;
    const next = Math.min(...notices.map((notice) => notice.until));
    cancelTypingExpiry = clock.after(Math.max(0, next - clock.now()), () => {
      dispatch({ type: "typing_expired", now: clock.now() });
      expireTyping();
    });
  }

  function markRead(conversationId: ConversationId): void {
    const record = state.conversations[conversationId];
    if (record === undefined || record.last <= record.summary.marks.myRead) return;
    dispatch({ type: "read", conversationId, seq: record.last });
    realtime.send({ type: "read", conversationId, seq: record.last });
  }

  return {
    getState,
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    start: () => {
      loader.start();
      void outbox.start();
      realtime.start();
    },
    stop: () => {
      cancelTypingExpiry();
      realtime.stop();
      loader.stop();
      outbox.stop();
    },
    wake: () => realtime.advance({ type: "wake" }),
    loadConversations: loader.loadList,
    open,
    loadOlder: (conversationId) => loader.loadOlder(conversationId, state.conversations[conversationId]),
    send: (conversationId, message) => {
      if (conversationId !== null) receipts.sent(conversationId);
      return outbox.send(conversationId, message);
    },
    retry: outbox.retry,
    discard: outbox.discard,
    markRead,
    typing: receipts.typing,
    warnOnUnload: outbox.warnOnUnload,
  };
}
