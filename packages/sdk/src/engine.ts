import type {
  ClientFrame,
  ConversationId,
  ErrorCode,
  EventsPage,
  OutgoingMessage,
  ServerFrame,
} from "@presszero/contracts";
import { type Connection, idleConnection, type Timer } from "./connection.ts";
import { takeTransport } from "./frames.ts";
import { gapIsDue } from "./gaps.ts";
import { takeHold } from "./holders.ts";
import { advance } from "./link.ts";
import { loadFailed, loaded, loadList, loadOlder, loadWanted, reloadList } from "./loader.ts";
import { discard, loadOutbox, outboxLoaded, pump, requeue, retry, send } from "./outbox.ts";
import { written } from "./persist.ts";
import { ack, expireTyping, markRead, tellTyping, typingIsOver } from "./receipts.ts";
import { initialState } from "./state.ts";
import { subscribeToHeld } from "./subscriptions.ts";
import { takeOver } from "./takeover.ts";
import { takeViewing, tellViewing } from "./viewing.ts";
import { change, clearTimers, type Turn, without } from "./turn.ts";
import type { OutboxItem, Side, State, Summary } from "./types.ts";

/** Which conversations a list shows; a customer's list has no filters. */
export type ListQuery = { status?: "open" | "closed"; assignee?: "me" | "none"; contactId?: string };

/** What is asked over HTTP. */
export type Call =
  | { op: "ticket" }
  | { op: "list"; query: ListQuery; cursor: string | undefined }
  | { op: "summary"; conversationId: ConversationId }
  /** The page before a seq; without one the latest. */
  | { op: "events"; conversationId: ConversationId; before: number | undefined };

/** The answer to the call with the same `op`. */
export type Answer =
  | { op: "ticket"; ticket: string }
  | { op: "list"; items: readonly Summary[]; next: string | null }
  | { op: "summary"; summary: Summary }
  | { op: "events"; page: EventsPage };

/** Why a call failed, as `ApiError` has it. */
export type CallProblem = {
  code: ErrorCode;
  retry: boolean;
  retryAfterMs: number | null;
  title: string;
  details: Record<string, unknown>;
};

/** Timers by name: setting one replaces the one of this name. */
export type TimerName =
  | Timer
  | "pump"
  | "ack"
  | "summaries"
  | `answer ${string}`
  | `gap ${ConversationId}`
  | `typing ${ConversationId}`
  | `viewing ${ConversationId}`
  | `subscribe ${ConversationId}`
  | `reload ${string}`;

/**
 * Everything that happens to a client. `tab` names the window in which a person acts (one client may serve several); what
 * a tab that is gone held is let go by `tab_gone`.
 */
export type Input =
  // What the person and the app do.
  | { type: "start" }
  | { type: "stop" }
  /** The network is back, or the person looks at the page again. */
  | { type: "wake" }
  /** CR9: this engine goes on in another place. What was on its way in the old one is lost, and done again. */
  | { type: "took_over" }
  | { type: "open"; conversationId: ConversationId; tab: string }
  | { type: "release"; conversationId: ConversationId; tab: string }
  | { type: "tab_gone"; tab: string }
  | { type: "send"; clientId: string; conversationId: ConversationId | null; message: OutgoingMessage }
  | { type: "retry"; clientId: string }
  | { type: "discard"; clientId: string }
  | { type: "mark_read"; conversationId: ConversationId }
  | { type: "typing"; conversationId: ConversationId; on: boolean }
  /** The person looks at an open conversation, or no longer does. */
  | { type: "viewing"; conversationId: ConversationId; tab: string; on: boolean }
  /** `key` is the call's; when none is needed, none is made. */
  | { type: "load_list"; key: string; query: ListQuery; cursor: string | undefined }
  | { type: "load_older"; key: string; conversationId: ConversationId }
  // The transport with this number, which `open_transport` has named. What comes of an earlier one is ignored.
  | { type: "opened"; transport: number }
  | { type: "frame"; transport: number; frame: ServerFrame }
  | { type: "closed"; transport: number; code: number }
  | { type: "timer"; timer: TimerName }
  // The storage: everything it holds, once; one for each `put`.
  | { type: "loaded"; items: readonly OutboxItem[] }
  | { type: "load_failed" }
  | { type: "written"; clientId: string }
  | { type: "write_failed"; clientId: string }
  // HTTP: one for each `call`.
  | { type: "answered"; key: string; answer: Answer }
  | { type: "failed"; key: string; problem: CallProblem };

/** What is to be done, in this order. */
export type Effect =
  /** Answered by `opened`, then frames, then `closed`; or by `closed` alone. */
  | { type: "open_transport"; transport: number }
  | { type: "transmit"; transport: number; frame: ClientFrame }
  /** Nothing of this transport is heard any more. */
  | { type: "close_transport"; transport: number; code: number }
  /** Storage: done one after the other. `remove` needs no answer. */
  | { type: "load" }
  | { type: "put"; item: OutboxItem }
  | { type: "remove"; clientId: string }
  | { type: "call"; key: string; call: Call }
  | { type: "set_timer"; timer: TimerName; ms: number }
  | { type: "clear_timer"; timer: TimerName };

/** What a step may know beside the engine: the time (ms since 1970) and one random number, at least 0 and below 1. */
export type Around = { now: number; random: number };

/** What a numbered frame was about, to understand its answer. */
export type Request =
  | { type: "send"; clientId: string }
  | { type: "subscribe" | "fetch"; conversationId: ConversationId };

/** Everything a client knows. Immutable plain data: a step makes a new one, and what did not change keeps its identity. */
export type Engine = {
  readonly side: Side;
  readonly deviceId: string;
  /** Name and version of this client, as the server is told. */
  readonly client: string;
  /** What screens show. */
  readonly state: State;
  readonly isRunning: boolean;
  /**
   * The time that waiting is measured by: the device's clock as long as that goes forwards. When it is set back, `ahead`
   * makes up for it, or a dead connection would be taken for live until the clock has caught up.
   */
  readonly time: { readonly now: number; readonly ahead: number };
  readonly connection: Connection;
  /** The number of the latest transport, and whether it is in use. */
  readonly transport: { readonly number: number; readonly isOpen: boolean };
  readonly pings: number;
  /** When each timer that is set falls due. */
  readonly timers: Readonly<Partial<Record<TimerName, number>>>;
  /** Calls without an answer, by key. */
  readonly calls: Readonly<Record<string, Call>>;
  /** Frames without an answer on this connection, by id. */
  readonly requests: Readonly<Record<number, Request>>;
  readonly lastRequest: number;
  /** Conversations on screen, the one opened last at the end, with the tabs that show them. */
  readonly holders: Readonly<Record<ConversationId, readonly string[]>>;
  /** Subscribed on this connection. */
  readonly subscribed: Readonly<Record<ConversationId, true>>;
  readonly outbox: {
    readonly storage: "unread" | "loading" | "loaded";
    readonly lastQueuedAt: number;
    /** Writes on their way, by client id. */
    readonly writing: Readonly<Record<string, number>>;
    /** What the storage refused: closing the page would lose it. */
    readonly refused: Readonly<Record<string, true>>;
    /** By conversation ("" for the one to be started): when the next try may go out. */
    readonly pauses: Readonly<Record<string, number>>;
  };
  /** CR7: own messages that the server has confirmed in the last 24 hours, oldest first. */
  readonly confirmed: readonly OutboxItem[];
  /** CR3: conversations with a gap, and how long the next try to fill it waits. */
  readonly gaps: Readonly<Record<ConversationId, number>>;
  readonly acks: {
    /** Conversations with something to acknowledge, and how many events that is together. */
    readonly due: Readonly<Record<ConversationId, true>>;
    readonly events: number;
    readonly lastAt: number;
    /** Acknowledged on this connection. */
    readonly sent: Readonly<Record<ConversationId, number>>;
  };
  /** Conversations that a person looks at, with the tabs. */
  readonly viewing: Readonly<Record<ConversationId, readonly string[]>>;
  readonly typingSent: Readonly<Record<ConversationId, { readonly at: number; readonly on: boolean }>>;
  /** Lists that were asked for, to load them again. */
  readonly lists: Readonly<Record<string, ListQuery>>;
  /** Conversations whose summary is to be loaded, one after the other. */
  readonly wanted: readonly ConversationId[];
};

export function initialEngine({ side, deviceId, client }: Pick<Engine, "side" | "deviceId" | "client">): Engine {
  return {
    side,
    deviceId,
    client,
    state: initialState(side),
    isRunning: false,
    time: { now: Number.NEGATIVE_INFINITY, ahead: 0 },
    connection: idleConnection,
    transport: { number: 0, isOpen: false },
    pings: 0,
    timers: {},
    calls: {},
    requests: {},
    lastRequest: 0,
    holders: {},
    subscribed: {},
    outbox: { storage: "unread", lastQueuedAt: 0, writing: {}, refused: {}, pauses: {} },
    confirmed: [],
    gaps: {},
    acks: { due: {}, events: 0, lastAt: Number.NEGATIVE_INFINITY, sent: {} },
    viewing: {},
    typingSent: {},
    lists: {},
    wanted: [],
  };
}

/**
 * What one thing that happens makes of a client. Pure: everything it does to the world is told as effects, in order. A
 * crash is the loss of the engine; what `put` has written is then loaded by the next one.
 */
export function step(engine: Engine, input: Input, around: Around): [Engine, Effect[]] {
  const ahead = Math.max(engine.time.ahead, engine.time.now - around.now);
  const now = around.now + ahead;
  const turn: Turn = { now, date: around.now, random: around.random, engine, effects: [] };
  change(turn, { time: { now, ahead } });
  take(turn, input);
  const { state, outbox, connection } = turn.engine;
  if (state.outbox !== engine.state.outbox || outbox !== engine.outbox || connection.phase !== engine.connection.phase)
    pump(turn);
  return [turn.engine, turn.effects];
}

function take(turn: Turn, input: Input): void {
  switch (input.type) {
    case "start":
      change(turn, { isRunning: true });
      loadWanted(turn);
      loadOutbox(turn);
      return advance(turn, { type: "start" });
    case "stop":
      advance(turn, { type: "stop" });
      change(turn, { isRunning: false });
      return clearTimers(turn, "");
    case "wake":
      return advance(turn, { type: "wake" });
    case "took_over":
      return takeOver(turn);
    case "open":
    case "release":
    case "tab_gone":
      return takeHold(turn, input);
    case "send":
      if (input.conversationId !== null) typingIsOver(turn, input.conversationId);
      return send(turn, input);
    case "retry":
      return retry(turn, input.clientId);
    case "discard":
      return discard(turn, input.clientId);
    case "mark_read":
      return markRead(turn, input.conversationId);
    case "typing":
      return tellTyping(turn, input.conversationId, input.on);
    case "viewing":
      return takeViewing(turn, input.conversationId, input.tab, input.on);
    case "load_list":
      return loadList(turn, input);
    case "load_older":
      return loadOlder(turn, input.key, input.conversationId);
    case "opened":
    case "closed":
    case "frame":
      return takeTransport(turn, input);
    case "timer":
      return takeTimer(turn, input.timer);
    case "loaded":
      return outboxLoaded(turn, input.items);
    case "load_failed":
      return outboxLoaded(turn, []);
    case "written":
    case "write_failed":
      return written(turn, input.clientId, input.type === "write_failed");
    case "answered":
    case "failed":
      return takeAnswer(turn, input);
  }
}

/** One that was cleared meanwhile is not heard. */
function takeTimer(turn: Turn, timer: TimerName): void {
  if (turn.engine.timers[timer] === undefined) return;
  change(turn, { timers: without(turn.engine.timers, timer) });
  switch (timer) {
    case "retry":
    case "connect":
    case "ping":
    case "silence":
    case "stable":
      return advance(turn, { type: "timer", timer });
    case "pump":
      return pump(turn);
    case "ack":
      return ack(turn);
    case "summaries":
      return loadWanted(turn);
  }
  const [kind, name] = split(timer);
  switch (kind) {
    case "answer":
      return requeue(turn, name);
    case "gap":
      return gapIsDue(turn, name as ConversationId);
    case "typing":
      return expireTyping(turn, name as ConversationId);
    case "viewing":
      return tellViewing(turn, name as ConversationId);
    case "subscribe":
      return subscribeToHeld(turn);
    case "reload":
      return reloadList(turn, name);
  }
}

function split(timer: string): [kind: string, name: string] {
  const space = timer.indexOf(" ");
  return [timer.slice(0, space), timer.slice(space + 1)];
}

function takeAnswer(turn: Turn, input: Extract<Input, { type: "answered" | "failed" }>): void {
  const about = turn.engine.calls[input.key];
  if (about === undefined) return;
  change(turn, { calls: without(turn.engine.calls, input.key) });
  if (input.type === "answered") {
    if (input.answer.op === "ticket") return advance(turn, { type: "ticket", ticket: input.answer.ticket });
    loaded(turn, about, input.answer);
    return subscribeToHeld(turn);
  }
  const { code, retry: mayRetry, retryAfterMs } = input.problem;
  if (about.op === "ticket") return advance(turn, { type: "ticket_failed", code, retry: mayRetry, retryAfterMs });
  loadFailed(turn, input.key, about, input.problem);
}
