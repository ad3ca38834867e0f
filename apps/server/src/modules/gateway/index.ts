import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import {
  type CompanyId,
  type ConversationEvent,
  type ConversationId,
  conversationId,
  realtimePath,
  type realtimeRoutes,
  subProtocol,
} from "@presszero/contracts";
import { type WebSocket, WebSocketServer } from "ws";
import type { RecordedEvent } from "../../kernel/bus.ts";
import type { SystemCtx } from "../../kernel/context.ts";
import { AppError } from "../../kernel/errors.ts";
import type { RouteHandlers } from "../../kernel/http.ts";
import { type LaneEvent, messageWriter, type StoredMessage } from "../conversations/index.ts";
import { createAdmission } from "./admission.ts";
import { createFeed } from "./feed.ts";
import { createGroups } from "./groups.ts";
import { createLine } from "./limits.ts";
import { createPresence } from "./presence.ts";
import { poll } from "./poll.ts";
import { createRegistry } from "./registry.ts";
import { heartbeatMs } from "./session/hello.ts";
import { limits } from "./session/limits.ts";
import { serveSocket } from "./socket.ts";
import { startSweeper } from "./sweeper.ts";
import { readEpoch } from "./views.ts";

/** A socket from which nothing came for this long is gone. */
const silenceMs = 60_000;

const expiryCheckMs = 5 * 60_000;
const pressureCheckMs = 1_000;
/** Checks of access that run at the same moment. */
const checksAtOnce = 4;

/** Sends that are under way when the process ends get this long. */
const lastSendsMs = 10_000;

/**
 * Whether somebody may no longer be who they were after this event: it is about a session, a person or a key, or the
 * company is suspended.
 */
function isAboutAccess(type: string, subjectId: string): boolean {
  return /^(ses|gst|agt|con|key)_/.test(subjectId) || type === "company.suspended";
}

export type Gateway = {
  /** For the HTTP server's `upgrade` event; answers 404 to other paths and 426 to a wrong sub-protocol. */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  handlers: RouteHandlers<(typeof realtimeRoutes)[number]>;
  /** Tells the clients to come back later, closes their sockets (1012) spread over `spreadMs`, and takes no new ones. */
  drain(spreadMs: number): Promise<void>;
};

/**
 * Starts the realtime side of this process. `addressOf` tells where a request comes from, proxies taken into account. While
 * the process `isOverloaded`, nobody new may connect and nothing ephemeral is passed on.
 */
export async function startGateway(
  system: SystemCtx,
  addressOf: (request: IncomingMessage) => string,
  isOverloaded: () => boolean = () => false,
): Promise<Gateway> {
  const { metrics } = system;
  let isDraining = false;
  const registry = createRegistry();
  const groups = createGroups(system);
  const feed = createFeed(system);
  const admission = createAdmission(system.settings.limits, isOverloaded);
  const presence = createPresence(system, isOverloaded);
  const epoch = await readEpoch(system.database.worker);
  const checks = createLine(checksAtOnce);
  const environment = { system, groups, feed, registry, presence, admission, epoch, checks };
  const sweeper = await startSweeper(system, isAboutAccess, {
    changed: (companyId, subjectId, seq, isPublic) => {
      const conversation = conversationId.safeParse(subjectId);
      if (!conversation.success) return;
      if (groups.heardOf(companyId, conversation.data, seq)) metrics.hintGaps.inc();
      feed.changed(companyId, conversation.data, isPublic);
    },
    accessChanged: recheck,
    swept: (position) => {
      feed.reached(position);
      groups.retry();
    },
  });

  const server = new WebSocketServer({
    noServer: true,
    clientTracking: true,
    maxPayload: limits.frameBytes,
    perMessageDeflate: false,
    handleProtocols: (offered) => (offered.has(subProtocol) ? subProtocol : false),
  });
  const lastHeard = new WeakMap<WebSocket, number>();
  server.on("connection", (socket: WebSocket, request: IncomingMessage, helloIsOver: () => void) => {
    metrics.wsConnections.set(server.clients.size);
    const heard = () => void lastHeard.set(socket, performance.now());
    heard();
    socket.on("pong", heard).on("ping", heard).on("message", heard);
    socket.on("close", () => metrics.wsConnections.set(server.clients.size));
    serveSocket(environment, socket, {
      origin: foreignOrigin(request),
      address: addressOf(request),
      stream: request.socket,
      helloIsOver,
    });
  });
  const heartbeat = setInterval(() => {
    const now = performance.now();
    for (const socket of server.clients) {
      if (now - (lastHeard.get(socket) ?? now) > silenceMs) socket.terminate();
      else socket.ping();
    }
  }, heartbeatMs);
  /** What waits for a client gets older though nothing happens. */
  const pressureCheck = setInterval(() => {
    for (const connection of registry.all) connection.relieved();
  }, pressureCheckMs);

  const stopEvents = system.bus.onEvents((events) => {
    for (const event of events) {
      if (isAboutAccess(event.type, event.subjectId)) recheck(event.companyId, event.subjectId);
      const conversation = conversationId.safeParse(event.subjectId);
      if (!conversation.success) continue;
      sweeper.known(event);
      groups.offer(toLaneEvent(event, conversation.data));
      feed.changed(event.companyId, conversation.data, event.isPublic);
    }
  });
  const stopHints = system.bus.onHint(({ companyId, subjectId, seq, type, isPublic }) => {
    if (isAboutAccess(type, subjectId)) recheck(companyId, subjectId);
    const conversation = conversationId.safeParse(subjectId);
    if (!conversation.success) return;
    groups.heardOf(companyId, conversation.data, seq);
    feed.changed(companyId, conversation.data, isPublic);
  });
  const stopSignals = system.bus.onSignal((signal) => {
    const { companyId, by, kind } = signal;
    presence.signal(signal);
    if (kind !== "mark" && (kind !== "typing" || isOverloaded())) return;
    const members = groups.membersOf(companyId, signal.subjectId as ConversationId);
    for (const connection of members) connection.put({ type: "signal", signal });
    for (const connection of registry.ofPerson(companyId, by.id)) {
      if (!members.has(connection)) connection.put({ type: "signal", signal });
    }
  });

  /** `subjectId`: the session, agent, key or company whose access has changed. */
  function recheck(companyId: CompanyId, subjectId: string): void {
    for (const connection of registry.ofCompany(companyId)) {
      const actor = connection.ctx?.actor;
      const isConcerned =
        !actor ||
        subjectId === companyId ||
        subjectId === actor.id ||
        ("sessionId" in actor && subjectId === actor.sessionId);
      if (isConcerned) connection.put({ type: "accessChanged" });
    }
  }

  /** Sessions and keys that expire tell nobody. */
  const expiryCheck = setInterval(() => {
    for (const connection of registry.all) connection.put({ type: "accessChanged" });
  }, expiryCheckMs);

  return {
    handleUpgrade(request, socket, head) {
      const path = request.url?.split("?", 1)[0];
      const offered = (request.headers["sec-websocket-protocol"] ?? "").split(",").map((name) => name.trim());
      if (path !== realtimePath) return refuseUpgrade(socket, "404 Not Found");
      if (isDraining) return refuseUpgrade(socket, "503 Service Unavailable", "Retry-After: 5");
      if (!offered.includes(subProtocol))
        return refuseUpgrade(socket, "426 Upgrade Required", `Sec-WebSocket-Protocol: ${subProtocol}`);
      const place = admission.enter(performance.now());
      if (typeof place === "number") {
        metrics.rateLimited.inc({ limit: "hellos" });
        return refuseUpgrade(socket, "503 Service Unavailable", `Retry-After: ${place}`);
      }
      socket.once("close", place);
      server.handleUpgrade(request, socket, head, (ws) => server.emit("connection", ws, request, place));
    },
    handlers: {
      "GET /v1/events": (ctx, { query, client, onGone }) => {
        if (isDraining) throw new AppError("UNAVAILABLE", { retryAfterMs: 5_000 });
        return poll(environment, ctx, query, { origin: client.origin, onGone });
      },
    },
    async drain(spreadMs) {
      isDraining = true;
      const open = [...registry.all];
      for (const connection of open) connection.put({ type: "drain", spreadMs });
      for (const connection of open) {
        connection.put({ type: "end", code: 1012 });
        if (open.length > 1) await sleep(spreadMs / open.length);
      }
      // Sends that came in before are still committed and answered.
      const patienceEnds = performance.now() + lastSendsMs;
      while (registry.all.size > 0 && performance.now() < patienceEnds) await sleep(50);
      await messageWriter(system.database).idle();
      stopEvents();
      stopHints();
      stopSignals();
      feed.stop();
      presence.stop();
      clearInterval(heartbeat);
      clearInterval(pressureCheck);
      clearInterval(expiryCheck);
      await sweeper.stop();
      for (const socket of server.clients) socket.terminate();
      server.close();
    },
  };
}

/** The origin of the page that opened the socket; null for our own pages, under whichever name they were called. */
function foreignOrigin({ headers }: IncomingMessage): string | null {
  if (headers.origin === undefined) return null;
  const isOwn = URL.canParse(headers.origin) && new URL(headers.origin).host === headers.host;
  return isOwn ? null : headers.origin;
}

function toLaneEvent(event: RecordedEvent, id: ConversationId): LaneEvent {
  return {
    companyId: event.companyId,
    conversationId: id,
    seq: event.seq,
    publicSeq: event.publicSeq,
    isPublic: event.isPublic,
    kind: event.type as ConversationEvent["kind"],
    by: event.actor,
    at: event.at,
    data: event.data,
    message: (event.content as StoredMessage | undefined) ?? null,
    committedAt: event.committedAt,
  };
}

function refuseUpgrade(socket: Duplex, status: string, ...headers: string[]): void {
  // The HTTP server has let go of the socket: whoever asked may be gone already, and nobody else listens for that.
  socket.on("error", () => socket.destroy());
  const answer = [`HTTP/1.1 ${status}`, "Connection: close", "Content-Length: 0", ...headers, "", ""].join("\r\n");
  // Gone once it is written: the other end may never close its half.
  socket.end(answer, () => socket.destroy());
}
