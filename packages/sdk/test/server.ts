import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import {
  type ClientFrame,
  clientFrame,
  eventsPage,
  type ServerFrame,
  serverFrame,
  subProtocol,
} from "@presszero/contracts";
import { type WebSocket, WebSocketServer } from "ws";
import { createLane, type Fact, type Lane } from "./lane.ts";
import type { Side } from "../src/types.ts";

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
  const subscribers = new Map<string, Set<WebSocket>>();
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
      for (const socket of sockets) push(socket, frame);
    },
    /** Ends all connections; without a code like a cut line. */
    disconnect(code?: number): void {
      for (const socket of sockets) {
        if (code === undefined) socket.terminate();
        else socket.close(code);
      }
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

  function push(socket: WebSocket, frame: ServerFrame): void {
    socket.send(JSON.stringify(serverFrame.parse(frame)));
  }

  function replay(socket: WebSocket, conversationId: string, after: number, id: number | null): void {
    const lane = lanes.get(conversationId);
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

  function store(socket: WebSocket, deviceId: string, frame: Extract<ClientFrame, { type: "send" }>): void {
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

  const http = createServer((request, response) => {
    const url = new URL(request.url!, "http://localhost");
    server.requests.push(`${request.method} ${url.pathname}`);
    const answer = (body: unknown) => response.setHeader("content-type", "application/json").end(JSON.stringify(body));
    const problem = (status: number, code: string) =>
      response
        .writeHead(status, { "content-type": "application/problem+json" })
        .end(JSON.stringify({ type: "about:blank", title: code, status, code, retry: status >= 500 }));
    if (url.pathname === "/v1/realtime/tickets") {
      if (server.ticketStatus !== 200)
        return problem(server.ticketStatus, server.ticketStatus === 401 ? "UNAUTHENTICATED" : "UNAVAILABLE");
      return answer({ ticket: "ticket", expiresAt: "2026-01-01T00:00:00.000Z" });
    }
    if (url.pathname === "/v1/widgets/demo") {
      return answer({
        widgetKey: "demo",
        companyName: "Demo",
        accentColor: "#000000",
        consent: { version: "1", required: true },
      });
    }
    if (url.pathname === "/v1/widgets/demo/guests") return answer({ token: "guest", me: null });
    const [, conversationId, part] = /conversations(?:\/(cnv_\w+))?(?:\/(events))?$/.exec(url.pathname) ?? [];
    if (conversationId === undefined)
      return answer({ items: [...lanes.values()].map((lane) => lane.summary()), next: null });
    const lane = lanes.get(conversationId);
    if (lane === undefined) return problem(404, "NOT_FOUND");
    if (part === undefined) return answer(lane.summary());
    const before = Number(url.searchParams.get("before") ?? lane.events.length + 1);
    const events = lane.events.slice(Math.max(0, before - 11), before - 1);
    return answer(eventsPage.parse({ events, head: lane.events.length, more: (events[0]?.seq ?? 1) > 1 }));
  });

  new WebSocketServer({
    server: http,
    path: "/v1/realtime",
    handleProtocols: (offered) => offered.has(subProtocol) && subProtocol,
  }).on("connection", (socket) => {
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
          push(socket, {
            type: "welcome",
            session: "s",
            epoch: server.epoch,
            now: 0,
            heartbeatMs: 25_000,
            feed: "f1",
            limits: { frameBytes: 65_536, textLength: 16_000, subscriptions: 200 },
            resume: "ok",
          });
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
