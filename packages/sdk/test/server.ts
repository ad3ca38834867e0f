import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import {
  type ClientFrame,
  clientFrame,
  type ConversationId,
  errorCodes,
  type ErrorCode,
  eventsPage,
  realtimeRoutes,
  type ServerFrame,
  serverFrame,
  subProtocol,
} from "@presszero/contracts";
import { type WebSocket, WebSocketServer } from "ws";
import { createLane, type Fact, type Lane } from "./lane.ts";
import type { Side } from "../src/types.ts";

/** Whom frames go to: a socket, or a poll that waits. */
type Receiver = { send: (text: string) => void };

export type TestServer = Awaited<ReturnType<typeof startTestServer>>;

/**
 * The other end of the protocol, over real HTTP and a real WebSocket. It stands for the contract, not for our server:
 * every frame of the client has to fit `clientFrame`, every frame of its own fits `serverFrame`.
 */
export async function startTestServer(side: Side) {
  const lanes = new Map<string, Lane>();
  const stored = new Map<string, { lane: Lane; seq: number }>();
  const frames: ClientFrame[] = [];
  const sockets = new Set<WebSocket>();
  const subscribers = new Map<string, Set<Receiver>>();
  /** Polls that wait, and how to end them. */
  const polls = new Map<Receiver, (status: number) => void>();
  const server = {
    lanes,
    /** Everything that clients have sent, oldest first. */
    frames,
    baseUrl: "",
    epoch: "e1",
    /** What a send is answered with: stored and confirmed, stored without a word, an error, or nothing at all. */
    onSend: "ok" as
      | "ok"
      | "store_silently"
      | "ignore"
      | { code: "VALIDATION" | "RATE_LIMITED"; retry: boolean; retryAfterMs?: number },
    /** Events are pushed live; without, the client has to find out by itself. */
    isPushing: true,
    ticketStatus: 200,
    /** What becomes of sockets: admitted, refused, or closed before they bring anything. */
    onSocket: "admit" as "admit" | "refuse" | "cut",
    /** What polls are answered with. */
    pollStatus: 200,
    /** The queries of polls, oldest first. */
    polls: [] as URLSearchParams[],
    requests: [] as string[],
    addLane(): Lane {
      const lane = createLane(side, lanes.size + 1);
      lanes.set(lane.id, lane);
      return lane;
    },
    happen(lane: Lane, fact: Fact): void {
      const event = lane.add(fact);
      if (server.isPushing)
        for (const socket of subscribers.get(lane.id) ?? []) push(socket, { type: "event", ...event });
    },
    broadcast(frame: ServerFrame): void {
      for (const receiver of [...sockets, ...polls.keys()]) push(receiver, frame);
    },
    /** Ends all connections; without a code like a cut line. */
    disconnect(code?: number): void {
      for (const socket of sockets) {
        if (code === undefined) socket.terminate();
        else socket.close(code);
      }
      for (const end of polls.values()) end(503);
    },
    /** The database goes back to an earlier state, without the events that are not kept, and all connections end. */
    restore(epoch: string, isKept: (lane: Lane, seq: number) => boolean): void {
      server.epoch = epoch;
      for (const lane of lanes.values())
        lane.events.splice(0, Infinity, ...lane.events.filter((event) => isKept(lane, event.seq)));
      for (const [key, { lane, seq }] of stored) if (!isKept(lane, seq)) stored.delete(key);
      server.disconnect();
    },
    framesOf<T extends ClientFrame["type"]>(type: T) {
      return frames.filter((frame): frame is Extract<ClientFrame, { type: T }> => frame.type === type);
    },
    async stop(): Promise<void> {
      server.disconnect();
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };

  function push(receiver: Receiver, frame: ServerFrame): void {
    receiver.send(JSON.stringify(serverFrame.parse(frame)));
  }

  function welcome(receiver: Receiver): void {
    push(receiver, {
      type: "welcome",
      session: "s",
      epoch: server.epoch,
      now: 0,
      heartbeatMs: 25_000,
      feed: "f1",
      limits: { frameBytes: 65_536, textLength: 16_000, subscriptions: 200 },
      resume: "ok",
    });
  }

  function replay(socket: Receiver, conversationId: string, after: number, id: number | null): void {
    const lane = lanes.get(conversationId);
    if (lane === undefined && id === null) {
      return push(socket, { type: "gone", conversationId: conversationId as ConversationId, why: "access" });
    }
    if (lane === undefined) return push(socket, { type: "error", id, code: "NOT_FOUND", retry: false });
    const set = subscribers.get(lane.id) ?? new Set();
    subscribers.set(lane.id, set.add(socket));
    for (const event of lane.events.slice(after)) push(socket, { type: "event", ...event });
    const head = lane.events.length;
    push(socket, {
      type: "synced",
      id,
      conversationId: lane.id,
      head,
      from: after,
      to: head,
      mine: { read: 0 },
      other: { delivered: 0, read: 0 },
    });
  }

  function store(socket: Receiver, deviceId: string, frame: Extract<ClientFrame, { type: "send" }>): void {
    if (typeof server.onSend === "object") return push(socket, { type: "error", id: frame.id, ...server.onSend });
    if (server.onSend === "ignore") return;
    const key = `${deviceId} ${frame.clientId}`;
    const known = stored.get(key);
    const lane = known?.lane ?? (frame.conversationId === null ? server.addLane() : lanes.get(frame.conversationId));
    if (lane === undefined) return push(socket, { type: "error", id: frame.id, code: "NOT_FOUND", retry: false });
    const by = side === "contact" ? "contact" : "agent";
    if (known === undefined) {
      stored.set(key, { lane, seq: lane.events.length + 1 });
      server.happen(lane, {
        type: "message",
        by,
        kind: frame.message.kind,
        text: frame.message.text,
        clientId: frame.clientId,
      });
    }
    if (server.onSend === "store_silently") return;
    const { seq } = stored.get(key)!;
    const event = lane.events[seq - 1]!;
    if (event.kind !== "message.created") throw new Error("not a message");
    push(socket, {
      type: "ok",
      id: frame.id,
      clientId: frame.clientId,
      messageId: event.data.id,
      conversationId: lane.id,
      seq,
      at: event.at,
      duplicate: known !== undefined,
    });
  }

  /** A connection that lasts until there is something to tell, or its time is over. */
  function answerPoll(url: URL, response: ServerResponse): void {
    const { searchParams } = url;
    server.polls.push(searchParams);
    const query = realtimeRoutes[0]!.query.parse(Object.fromEntries(searchParams));
    const told: ServerFrame[] = [];
    let isArrived = false;
    const receiver: Receiver = {
      send: (text) => {
        told.push(JSON.parse(text) as ServerFrame);
        if (isArrived) setTimeout(end, 5, 200);
      },
    };
    const end = (status: number) => {
      polls.delete(receiver);
      for (const set of subscribers.values()) set.delete(receiver);
      if (response.writableEnded) return;
      if (status === 200) answer(response, { frames: told });
      else refuse(response, status === 401 ? "UNAUTHENTICATED" : status === 403 ? "FORBIDDEN" : "UNAVAILABLE");
    };
    polls.set(receiver, end);
    response.on("close", () => end(0));
    if (server.pollStatus !== 200) return end(server.pollStatus);
    welcome(receiver);
    const conversations = query.conversations ?? [];
    for (const { conversationId, after } of conversations) replay(receiver, conversationId, after, null);
    isArrived = true;
    const isKnown = query.epoch === server.epoch && query.cursor !== "";
    const isNews = told.some((frame) => frame.type === "event" || frame.type === "gone");
    if (!isKnown || isNews || conversations.some(({ marks }) => marks.myRead === undefined)) end(200);
    else setTimeout(end, query.wait * 1_000, 200);
  }

  /** A write over HTTP is answered like the frame that says the same. */
  function answerWrite(request: IncomingMessage, url: URL, body: string, response: ServerResponse): void {
    const [, conversationId = null, part] = /conversations(?:\/(cnv_\w+))?(?:\/(\w+))?$/.exec(url.pathname) ?? [];
    const content = JSON.parse(body) as { seq: number };
    if (part === "ack" || part === "read") {
      frames.push(clientFrame.parse({ type: part, conversationId, seq: content.seq }));
      return void response.writeHead(204).end();
    }
    const clientId = request.headers["idempotency-key"];
    const frame = clientFrame.parse({ type: "send", id: 0, conversationId, clientId, message: content });
    frames.push(frame);
    if (frame.type !== "send") return;
    const receiver: Receiver = {
      send: (text) => {
        const { type, id: _, ...told } = JSON.parse(text) as { type: string; id: number; code: ErrorCode };
        if (type === "ok") return answer(response, told);
        const { code, ...rest } = told;
        refuse(response, code, rest);
      },
    };
    store(receiver, String(request.headers["device-id"]), frame);
  }

  function answer(response: ServerResponse, body: unknown): void {
    response.setHeader("content-type", "application/json").end(JSON.stringify(body));
  }

  function refuse(response: ServerResponse, code: ErrorCode, more: object = {}): void {
    const { status, retry } = errorCodes[code];
    response
      .writeHead(status, { "content-type": "application/problem+json" })
      .end(JSON.stringify({ type: "about:blank", title: code, status, code, retry, ...more }));
  }

  const http = createServer((request, response) => {
    const url = new URL(request.url!, "http://localhost");
    server.requests.push(`${request.method} ${url.pathname}`);
    if (url.pathname === "/v1/events") return answerPoll(url, response);
    if (request.method === "POST" && url.pathname.includes("/conversations")) {
      let body = "";
      request.on("data", (chunk: Buffer) => (body += chunk.toString()));
      request.on("end", () => answerWrite(request, url, body, response));
      return;
    }
    if (url.pathname === "/v1/realtime/tickets") {
      if (server.ticketStatus !== 200)
        return refuse(response, server.ticketStatus === 401 ? "UNAUTHENTICATED" : "UNAVAILABLE");
      return answer(response, { ticket: "ticket", expiresAt: "2026-01-01T00:00:00.000Z" });
    }
    if (url.pathname === "/v1/widgets/demo") {
      return answer(response, {
        widgetKey: "demo",
        companyName: "Demo",
        accentColor: "#000000",
        consent: { version: "1", required: true },
      });
    }
    if (url.pathname === "/v1/widgets/demo/guests") return answer(response, { token: "guest", me: null });
    const [, conversationId, part] = /conversations(?:\/(cnv_\w+))?(?:\/(events))?$/.exec(url.pathname) ?? [];
    if (conversationId === undefined)
      return answer(response, { items: [...lanes.values()].map((lane) => lane.summary()), next: null });
    const lane = lanes.get(conversationId);
    if (lane === undefined) return refuse(response, "NOT_FOUND");
    if (part === undefined) return answer(response, lane.summary());
    const after = url.searchParams.get("after");
    if (after !== null) {
      const following = lane.events.slice(Number(after), Number(after) + Number(url.searchParams.get("limit")));
      return answer(response, eventsPage.parse({ events: following, head: lane.events.length, more: false }));
    }
    const before = Number(url.searchParams.get("before") ?? lane.events.length + 1);
    const events = lane.events.slice(Math.max(0, before - 11), before - 1);
    return answer(response, eventsPage.parse({ events, head: lane.events.length, more: (events[0]?.seq ?? 1) > 1 }));
  });

  const upgrades = new WebSocketServer({
    noServer: true,
    path: "/v1/realtime",
    handleProtocols: (offered) => offered.has(subProtocol) && subProtocol,
  });
  http.on("upgrade", (request, socket, head) => {
    if (server.onSocket === "refuse") return socket.destroy();
    upgrades.handleUpgrade(request, socket, head, (opened) => {
      if (server.onSocket === "cut") opened.close();
      else upgrades.emit("connection", opened, request);
    });
  });
  upgrades.on("connection", (socket: WebSocket) => {
    sockets.add(socket);
    let deviceId = "";
    socket.on("close", () => {
      sockets.delete(socket);
      for (const set of subscribers.values()) set.delete(socket);
    });
    socket.on("message", (data: Buffer) => {
      const frame = clientFrame.parse(JSON.parse(data.toString()));
      frames.push(frame);
      switch (frame.type) {
        case "hello":
          deviceId = frame.deviceId;
          welcome(socket);
          for (const { conversationId, after } of frame.subscriptions) replay(socket, conversationId, after, null);
          return;
        case "subscribe":
          return replay(socket, frame.conversationId, frame.after, frame.id);
        case "unsubscribe":
          return void subscribers.get(frame.conversationId)?.delete(socket);
        case "send":
          return store(socket, deviceId, frame);
        case "fetch": {
          const lane = lanes.get(frame.conversationId)!;
          const after = frame.after ?? 0;
          const events = lane.events.slice(after, after + frame.limit);
          return push(socket, {
            type: "page",
            id: frame.id,
            conversationId: lane.id,
            events,
            head: lane.events.length,
            more: after + events.length < lane.events.length,
          });
        }
        case "ping":
          return push(socket, { type: "pong", n: frame.n });
        default:
          return;
      }
    });
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  server.baseUrl = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  return server;
}

/** Waits until a condition holds; the test's own time limit ends the wait. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 2));
}
