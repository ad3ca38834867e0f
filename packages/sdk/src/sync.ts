import type { ConversationId, OutgoingMessage } from "@presszero/contracts";
import { errorOf } from "./api-calls.ts";
import { type Clock, systemClock } from "./clock.ts";
import { type Answer, type Effect, initialEngine, type Input, type ListQuery, step } from "./engine.ts";
import type { ApiClient } from "./http.ts";
import { newUuid } from "./ids.ts";
import { hasUnsafe } from "./outbox.ts";
import { createPerformer } from "./performer.ts";
import type { DeviceStorage } from "./storage.ts";
import type { Side, State } from "./types.ts";
import { onWake } from "./wake.ts";

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

/** Runs the engine: hands it what happens, does what it asks for, and shows its state. */
export function createSync(options: SyncOptions): Sync {
  const { api, baseUrl, side, client, storage, WebSocket } = options;
  const clock = options.clock ?? systemClock;
  const tab = newUuid();
  let engine = initialEngine({ side, deviceId: storage.deviceId, client });
  const listeners = new Set<() => void>();
  const { perform } = createPerformer({ api, baseUrl, side, storage, WebSocket, clock, tell });
  const waiting: Effect[] = [];
  let isPerforming = false;
  /** By conversation: how many screens hold it open. */
  const screens = new Map<ConversationId, number>();
  const asked = new Map<string, { resolve: (answer: Answer | null) => void; reject: (error: Error) => void }>();
  let lastKey = 0;
  let stopListening = () => {};

  function tell(input: Input): void {
    const before = engine;
    const [next, effects] = step(engine, input, { now: clock.now(), random: clock.random() });
    engine = next;
    waiting.push(...effects);
    performWaiting();
    if (engine.state !== before.state) notify();
    settle(input);
  }

  /** In order, also when one of them has another thing happen at once. */
  function performWaiting(): void {
    if (isPerforming) return;
    isPerforming = true;
    try {
      for (let effect = waiting.shift(); effect !== undefined; effect = waiting.shift()) perform(effect);
    } finally {
      isPerforming = false;
    }
  }

  function notify(): void {
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

  /** A call that somebody waits for; null when there is nothing to ask for. */
  function ask(input: (key: string) => Input): Promise<Answer | null> {
    const key = `${tab} ${++lastKey}`;
    return new Promise((resolve, reject) => {
      asked.set(key, { resolve, reject });
      tell(input(key));
      if (engine.calls[key] !== undefined) return;
      asked.delete(key);
      resolve(null);
    });
  }

  function settle(input: Input): void {
    if (input.type !== "answered" && input.type !== "failed") return;
    const promise = asked.get(input.key);
    asked.delete(input.key);
    if (input.type === "answered") promise?.resolve(input.answer);
    else promise?.reject(errorOf(input.problem));
  }

  function open(conversationId: ConversationId): () => void {
    screens.set(conversationId, (screens.get(conversationId) ?? 0) + 1);
    tell({ type: "open", conversationId, tab });
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      const left = screens.get(conversationId)! - 1;
      screens.set(conversationId, left);
      if (left === 0) tell({ type: "release", conversationId, tab });
    };
  }

  return {
    getState: () => engine.state,
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    start: () => {
      stopListening();
      stopListening = onWake(() => tell({ type: "wake" }));
      tell({ type: "start" });
    },
    stop: () => {
      stopListening();
      tell({ type: "stop" });
    },
    wake: () => tell({ type: "wake" }),
    loadConversations: async (query = {}, cursor) => {
      const answer = await ask((key) => ({ type: "load_list", key, query, cursor }));
      return { next: answer?.op === "list" ? answer.next : null };
    },
    open,
    loadOlder: async (conversationId) => void (await ask((key) => ({ type: "load_older", key, conversationId }))),
    send: (conversationId, message) => {
      const clientId = newUuid();
      tell({ type: "send", clientId, conversationId, message });
      return clientId;
    },
    retry: (clientId) => tell({ type: "retry", clientId }),
    discard: (clientId) => tell({ type: "discard", clientId }),
    markRead: (conversationId) => tell({ type: "mark_read", conversationId }),
    typing: (conversationId, on) => tell({ type: "typing", conversationId, on }),
    warnOnUnload: () => hasUnsafe(engine, storage.warnOnUnload),
  };
}
