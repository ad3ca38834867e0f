import type { ConversationId, OutgoingMessage } from "@presszero/contracts";
import { errorOf } from "./api-calls.ts";
import { type Clock, systemClock } from "./clock.ts";
import { createCore } from "./core.ts";
import { type Answer, initialEngine, type Input, type ListQuery } from "./engine.ts";
import { ApiError, type ApiClient } from "./http.ts";
import { newUuid } from "./ids.ts";
import { hasUnsafe } from "./outbox.ts";
import { ownView } from "./own-view.ts";
import { createPerformer } from "./performer.ts";
import type { DeviceStorage } from "./storage.ts";
import { createTabs } from "./tabs.ts";
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
  /**
   * Tells colleagues that this person looks at an open conversation, until told otherwise (staff only). Say it for the
   * conversation that is on screen while the page is looked at.
   */
  viewing: (conversationId: ConversationId, on: boolean) => void;
  /** True while leaving the page would lose a message (CR1). */
  warnOnUnload: () => boolean;
};

/** Runs the engine: alone, or with the other tabs of this browser; and shows its state. */
export function createSync(options: SyncOptions): Sync {
  const { api, baseUrl, side, client, storage, WebSocket } = options;
  const clock = options.clock ?? systemClock;
  const tab = newUuid();
  const listeners = new Set<() => void>();
  /** By conversation: how many screens hold it open. */
  const screens = new Map<ConversationId, number>();
  const looksAt = new Set<ConversationId>();
  const asked = new Map<string, { resolve: (answer: Answer | null) => void; reject: (error: Error) => void }>();
  let lastKey = 0;
  let stopListening = () => {};
  const view = ownView();

  const ports = {
    initial: initialEngine({ side, deviceId: storage.deviceId, client }),
    clock,
    openPerformer: (tell: (input: Input) => void) =>
      createPerformer({ api, baseUrl, side, storage, WebSocket, clock, tell }),
    changed,
    taken: (input: Input) => {
      view.taken(input);
      settle(input);
    },
  };
  const core =
    storage.group === undefined
      ? createCore(ports)
      : createTabs({ ...ports, tab, storage, group: storage.group, replaced });
  let state = core.engine().state;

  function changed(): void {
    const next = view.show(core.engine().state);
    if (next === state) return;
    state = next;
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
      core.take(input(key));
    });
  }

  function settle(input: Input): void {
    if (!("key" in input)) return;
    const waiting = asked.get(input.key);
    const isAnswered = input.type === "answered" || input.type === "failed";
    if (waiting === undefined || (!isAnswered && core.engine().calls[input.key] !== undefined)) return;
    asked.delete(input.key);
    if (input.type === "failed") waiting.reject(errorOf(input.problem));
    else waiting.resolve(input.type === "answered" ? input.answer : null);
  }

  /** What another tab's engine does not know of this one is said again; what it has answered meanwhile is not known here. */
  function replaced(): void {
    const { holders, viewing, calls } = core.engine();
    for (const [conversationId, count] of screens) {
      const type = count > 0 ? "open" : "release";
      if ((holders[conversationId]?.includes(tab) ?? false) !== count > 0) core.take({ type, conversationId, tab });
    }
    for (const conversationId of looksAt) {
      if (!viewing[conversationId]?.includes(tab)) core.take({ type: "viewing", conversationId, tab, on: true });
    }
    for (const [key, { reject }] of asked) {
      if (calls[key] !== undefined) continue;
      asked.delete(key);
      reject(new ApiError({ code: "UNAVAILABLE", retry: true }));
    }
  }

  function open(conversationId: ConversationId): () => void {
    screens.set(conversationId, (screens.get(conversationId) ?? 0) + 1);
    core.take({ type: "open", conversationId, tab });
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      const left = screens.get(conversationId)! - 1;
      screens.set(conversationId, left);
      if (left === 0) core.take({ type: "release", conversationId, tab });
    };
  }

  return {
    getState: () => state,
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    start: () => {
      stopListening();
      stopListening = onWake(() => core.take({ type: "wake" }));
      core.start();
    },
    stop: () => {
      stopListening();
      core.stop();
    },
    wake: () => core.take({ type: "wake" }),
    loadConversations: async (query = {}, cursor) => {
      const answer = await ask((key) => ({ type: "load_list", key, query, cursor }));
      return { next: answer?.op === "list" ? answer.next : null };
    },
    open,
    loadOlder: async (conversationId) => void (await ask((key) => ({ type: "load_older", key, conversationId }))),
    send: (conversationId, message) => {
      const clientId = newUuid();
      if (conversationId === null) view.sent(clientId);
      core.take({ type: "send", clientId, conversationId, message });
      return clientId;
    },
    retry: (clientId) => core.take({ type: "retry", clientId }),
    discard: (clientId) => core.take({ type: "discard", clientId }),
    markRead: (conversationId) => core.take({ type: "mark_read", conversationId }),
    typing: (conversationId, on) => core.take({ type: "typing", conversationId, on }),
    viewing: (conversationId, on) => {
      if (on) looksAt.add(conversationId);
      else looksAt.delete(conversationId);
      core.take({ type: "viewing", conversationId, tab, on });
    },
    warnOnUnload: () => hasUnsafe(core.engine(), storage.warnOnUnload),
  };
}
