import type { ClientFrame, ConversationId, NewMessage, NewStaffMessage, ServerFrame } from "@presszero/contracts";
import { type CloseCode, maxPolledConversations } from "@presszero/contracts/protocol";
import { getEvents } from "./api-calls.ts";
import type { Clock } from "./clock.ts";
import { ApiError, type ApiClient } from "./http.ts";
import type { Transport, TransportListener } from "./transport.ts";
import type { Side } from "./types.ts";

/** So much longer than the server waits may a poll take. */
const pollTimeoutMs = 45_000;
/** Between two polls of which the first one brought nothing, whatever the reason for its haste. */
const restMs = 500;
/** With more conversations than one poll may name they take turns, each for so many seconds. */
const shortWait = 2;

type Followed = {
  /** The last event passed on. */
  after: number;
  /** Subscribes that wait for their `synced`. */
  requests: number[];
  marks: readonly number[];
};
type FrameOf<T extends ClientFrame["type"]> = Extract<ClientFrame, { type: T }>;

export type PollingPorts = { api: ApiClient; side: Side; clock: Clock };

/**
 * CR8: the same frames without a WebSocket. What the server says comes as answers to `GET /v1/events`, what the client says
 * goes out as requests. Typing and viewing have no route, and are left out.
 */
export function openPolling({ api, side, clock }: PollingPorts, on: TransportListener): Transport {
  const followed = new Map<ConversationId, Followed>();
  let isOver = false;
  let deviceId = "";
  let epoch: string | undefined;
  let cursor: string | undefined;
  let running = new AbortController();
  let pinged: number | null = null;
  let isNew = true;
  let turn = 0;
  clock.after(0, () => isOver || on.open());

  async function poll(): Promise<void> {
    while (!isOver) {
      running = new AbortController();
      const { signal } = running;
      try {
        const { frames } = await api("GET /v1/events", { query: question(), signal, timeoutMs: pollTimeoutMs });
        if (isOver) return;
        let isNews = false;
        for (const frame of frames) isNews = receive(frame) || isNews;
        if (pinged !== null) put({ type: "pong", n: pinged });
        pinged = null;
        if (!isNews) await new Promise<void>((resolve) => clock.after(restMs, resolve));
      } catch (error) {
        // Broken off, because there is something else to ask for.
        if (!signal.aborted) return end(error);
      }
    }
  }

  function question() {
    const all = [...followed];
    const isMany = all.length > maxPolledConversations;
    const from = isMany ? (turn++ * maxPolledConversations) % all.length : 0;
    const named = all.slice(from, from + maxPolledConversations);
    const conversations = named.map(([id, { after, marks }]) => [id, after, ...marks].join(":")).join(",");
    const wait = pinged !== null ? 0 : isMany ? shortWait : undefined;
    return { deviceId, epoch, cursor, conversations: conversations === "" ? undefined : conversations, wait };
  }

  /** Passes on what the client does not know; answers whether there was anything. */
  function receive(frame: ServerFrame): boolean {
    const one = "conversationId" in frame && frame.conversationId ? followed.get(frame.conversationId) : undefined;
    switch (frame.type) {
      case "welcome": {
        const isTold = isNew || epoch !== frame.epoch || frame.resume === "reset";
        isNew = false;
        epoch = frame.epoch;
        cursor = frame.feed ?? cursor;
        return isTold && put(frame);
      }
      case "feed":
        cursor = frame.cursor;
        return put(frame);
      case "event":
        if (one === undefined || frame.seq <= one.after) return false; // Let go meanwhile, or told twice.
        one.after = frame.seq;
        return put(frame);
      case "gap":
        if (one === undefined) return false;
        one.after = frame.from - 1;
        return put(frame);
      case "synced": {
        if (one === undefined) return false;
        const marks = [frame.mine.read, frame.other.delivered, frame.other.read];
        const isTold = one.requests.length > 0 || marks.some((mark, index) => mark !== one.marks[index]);
        one.marks = marks;
        for (const id of one.requests.length > 0 ? one.requests.splice(0) : isTold ? [null] : []) put({ ...frame, id });
        return isTold;
      }
      case "gone":
        followed.delete(frame.conversationId);
        for (const id of one?.requests ?? []) put({ type: "error", id, code: "NOT_FOUND", retry: false });
        return (one?.requests.length ?? 0) > 0 || put(frame);
      default:
        return put(frame);
    }
  }

  function put(frame: ServerFrame): true {
    if (!isOver) on.frame(frame);
    return true;
  }

  /** A refusal is what a socket is told by its close code. */
  function end(error: unknown): void {
    if (isOver) return;
    isOver = true;
    running.abort();
    if (!(error instanceof ApiError)) throw error;
    on.close(closeCodeOf(error));
  }

  function send(frame: ClientFrame): void {
    switch (frame.type) {
      case "hello":
        ({ deviceId } = frame);
        epoch = frame.epoch ?? undefined;
        cursor = frame.feed === null ? "" : frame.feed;
        for (const { conversationId, after } of frame.subscriptions) follow(conversationId, after, []);
        return void poll();
      case "subscribe":
        follow(frame.conversationId, frame.after, [frame.id]);
        return running.abort();
      case "unsubscribe":
        return void followed.delete(frame.conversationId as ConversationId);
      case "ping":
        pinged = frame.n;
        return running.abort();
      case "send":
        return void answer(frame.id, () => sendMessage(frame));
      case "fetch":
        return void answer(frame.id, () => fetchEvents(frame));
      case "ack":
      case "read":
        return void mark(frame);
      case "typing":
      case "viewing":
    }
  }

  function follow(conversationId: string, after: number, requests: number[]): void {
    const before = followed.get(conversationId as ConversationId)?.requests ?? [];
    followed.set(conversationId as ConversationId, { after, requests: [...before, ...requests], marks: [] });
  }

  async function answer(id: number, ask: () => Promise<ServerFrame>): Promise<void> {
    try {
      put(await ask());
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      const { code, retry, retryAfterMs } = error;
      put({ type: "error", id, code, retry, ...(retryAfterMs !== null && { retryAfterMs }) });
    }
  }

  async function sendMessage({ id, clientId, conversationId, message }: FrameOf<"send">): Promise<ServerFrame> {
    const params = { conversationId: conversationId as ConversationId };
    const common = { clientId, deviceId };
    if (side === "business") {
      const path = "POST /v1/conversations/:conversationId/messages";
      return { type: "ok", id, ...(await api(path, { params, body: message as NewStaffMessage, ...common })) };
    }
    const body = message as NewMessage;
    const sent =
      conversationId === null
        ? await api("POST /v1/my/conversations", { body, ...common })
        : await api("POST /v1/my/conversations/:conversationId/messages", { params, body, ...common });
    return { type: "ok", id, ...sent };
  }

  async function fetchEvents({ id, conversationId, after, before, limit }: FrameOf<"fetch">): Promise<ServerFrame> {
    const page = await getEvents(api, side, conversationId, { after, before, limit });
    return { type: "page", id, conversationId: conversationId as ConversationId, ...page };
  }

  /** What does not arrive is told again after the next connection. */
  async function mark({ type, conversationId, seq }: FrameOf<"ack" | "read">): Promise<void> {
    const input = { params: { conversationId }, body: { seq } };
    const path = `/:conversationId/${type}` as const;
    const done =
      side === "business"
        ? api(`POST /v1/conversations${path}`, input)
        : api(`POST /v1/my/conversations${path}`, input);
    await done.catch((error: unknown) => {
      if (!(error instanceof ApiError)) throw error;
    });
  }

  return {
    send,
    close: () => {
      isOver = true;
      running.abort();
    },
  };
}

function closeCodeOf({ code, retry }: ApiError): CloseCode {
  if (code === "UNAUTHENTICATED") return 4401;
  if (code === "FORBIDDEN" || code === "ORIGIN_NOT_ALLOWED") return 4403;
  if (code === "RATE_LIMITED") return 4429;
  return retry ? 1013 : 4400;
}
