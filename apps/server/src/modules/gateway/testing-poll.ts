// For tests only: the client of test-client.ts by HTTP alone.
import type { ClientFrame, ConversationId, ServerFrame } from "@presszero/contracts";
import { createInbox, type TestClient } from "./test-client.ts";

type Hello = Extract<ClientFrame, { type: "hello" }>;
type Marks = { myRead: number; otherDelivered: number; otherRead: number };
type Followed = { after: number; requests: number[]; marks: Marks | null };

/** The close code that says the same as the status of a refused poll. */
const codeOfStatus: Record<number, number> = { 401: 4491, 403: 4403, 429: 4429, 503: 1012 };

/**
 * CR8: the same client by HTTP alone. Frames go out as requests, what comes back are frames; `hello` sets off the polls,
 * each of which says what the client holds by then.
 */
export function openPollClient(port: number, token: string, side: "business" | "contact"): TestClient {
  const { frames, put, next } = createInbox();
  const conversations = side === "business" ? "/v1/conversations" : "/v1/my/conversations";
  const followed = new Map<ConversationId, Followed>();
  const lines = new Map<string, Promise<void>>();
  let closeWith = (_code: number) => {};
  const closed = new Promise<number>((resolve) => (closeWith = resolve));
  let isOpen = true;
  let isNew = true;
  let deviceId = "";
  let epoch: string | undefined;
  let cursor: string | undefined;
  let running = new AbortController();

  async function call(method: "GET" | "POST", path: string, body?: object, more: Record<string, string> = {}) {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(body && { "content-type": "application/json" }), ...more },
      ...(body && { body: JSON.stringify(body) }),
      ...(path.startsWith("/v1/events") && { signal: running.signal }),
    });
    const answer = response.status === 204 ? null : ((await response.json()) as Record<string, unknown>);
    return { status: response.status, answer };
  }

  async function poll(): Promise<void> {
    while (isOpen) {
      const list = [...followed].map(([id, { after, marks }]) => [id, after, ...Object.values(marks ?? {})].join(":"));
      const query = new URLSearchParams({ deviceId, conversations: list.join(",") });
      if (epoch !== undefined) query.set("epoch", epoch);
      if (cursor !== undefined) query.set("cursor", cursor);
      running = new AbortController();
      const { signal } = running;
      const { status, answer } = await call("GET", `/v1/events?${query.toString()}`).catch(() => ({
        status: signal.aborted ? 0 : 503,
        answer: null,
      }));
      if (status === 200) for (const frame of answer!.frames as ServerFrame[]) receive(frame);
      if (status >= 400) {
        isOpen = false;
        closeWith(codeOfStatus[status] ?? 1011);
      }
    }
  }

  function receive(frame: ServerFrame): void {
    if (frame.type === "welcome") {
      epoch = frame.epoch;
      cursor = frame.feed ?? cursor;
      if (isNew) put(frame);
      isNew = false;
      return;
    }
    if (frame.type === "feed") cursor = frame.cursor;
    const one = "conversationId" in frame && frame.conversationId ? followed.get(frame.conversationId) : undefined;
    // The client has stopped following meanwhile, or asks for older events in the next poll.
    if (!one && ["event", "gap", "synced"].includes(frame.type)) return;
    if (frame.type === "event") {
      if (frame.seq !== one!.after + 1) return;
      one!.after = frame.seq;
    }
    if (frame.type === "gap") one!.after = frame.from - 1;
    if (frame.type === "gone") {
      followed.delete(frame.conversationId);
      const { requests = [] } = one ?? {};
      const { conversationId } = frame;
      for (const id of requests) put({ type: "error", id, code: "NOT_FOUND", retry: false, conversationId });
      if (requests.length > 0) return;
    }
    if (frame.type === "synced") {
      const { mine, other, conversationId } = frame;
      const known = one!.marks;
      one!.marks = { myRead: mine.read, otherDelivered: other.delivered, otherRead: other.read };
      const ids = one!.requests.length > 0 ? one!.requests.splice(0) : known ? [] : [null];
      for (const id of ids) put({ ...frame, id });
      // A mark that moved between two polls.
      if (known && (other.delivered > known.otherDelivered || other.read > known.otherRead)) {
        put({ type: "receipt", conversationId, side: "other", ...other });
      }
      return;
    }
    if (frame.type === "receipt" && frame.side === "other" && one?.marks) {
      Object.assign(one.marks, { otherDelivered: frame.delivered, otherRead: frame.read });
    }
    put(frame);
  }

  async function write(id: number | null, path: string, body: object, headers: Record<string, string> = {}) {
    const { status, answer } = await call("POST", path, body, headers);
    if (status >= 400) put({ type: "error", id, code: answer!.code, retry: answer!.retry });
    else if (answer) put({ type: "ok", id, ...answer });
  }

  function follow(conversationId: ConversationId, after: number, requests: number[]): void {
    followed.set(conversationId, { after, requests, marks: null });
  }

  function start(hello: Hello): void {
    deviceId = hello.deviceId;
    epoch = hello.epoch ?? undefined;
    cursor = hello.feed === null ? "" : hello.feed;
    for (const { conversationId, after } of hello.subscriptions) {
      follow(conversationId as ConversationId, after, []);
    }
    void poll();
  }

  function send(frame: ClientFrame): void {
    const id = "conversationId" in frame ? (frame.conversationId as ConversationId | null) : null;
    const path = id === null ? conversations : `${conversations}/${id}`;
    switch (frame.type) {
      case "hello":
        return start(frame);
      case "subscribe":
        follow(id!, frame.after, [...(followed.get(id!)?.requests ?? []), frame.id]);
        return running.abort();
      case "unsubscribe":
        return void followed.delete(id!);
      case "send": {
        const headers = { "idempotency-key": frame.clientId, "device-id": deviceId };
        const to = id === null ? path : `${path}/messages`;
        const line = (lines.get(to) ?? Promise.resolve()).then(() => write(frame.id, to, frame.message, headers));
        return void lines.set(to, line);
      }
      case "ack":
      case "read":
        return void write(null, `${path}/${frame.type}`, { seq: frame.seq });
      case "fetch": {
        const query = new URLSearchParams();
        for (const name of ["after", "before", "limit"] as const) {
          if (frame[name] !== undefined) query.set(name, String(frame[name]));
        }
        return void call("GET", `${path}/events?${query.toString()}`).then(({ status, answer }) => {
          if (status === 200) return put({ type: "page", id: frame.id, conversationId: id, ...answer });
          put({ type: "error", id: frame.id, code: answer!.code, retry: answer!.retry });
        });
      }
      case "ping":
        return put({ type: "pong", n: frame.n });
      case "typing":
      case "viewing":
        return;
    }
  }

  return {
    frames,
    next,
    closed,
    send,
    sendRaw() {
      throw new Error("there is no socket");
    },
    close() {
      isOpen = false;
      running.abort();
      closeWith(1000);
    },
    deafen() {},
    listen() {},
  };
}
