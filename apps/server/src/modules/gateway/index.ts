import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import {
  type ConversationEvent,
  type ConversationId,
  conversationId,
  realtimePath,
  subProtocol,
} from "@presszero/contracts";
import { type WebSocket, WebSocketServer } from "ws";
import type { Signal } from "../../kernel/bus.ts";
import type { SystemCtx } from "../../kernel/context.ts";
import type { RecordedEvent } from "../../kernel/bus.ts";
import { type LaneEvent, type Mark, messageWriter, type StoredMessage } from "../conversations/index.ts";
import { isStillSignedIn } from "../identity/index.ts";
import { createAdmission } from "./admission.ts";
import { type Connection, limits } from "./connection.ts";
import { createFeed } from "./feed.ts";
import { createGroups } from "./groups.ts";
import { heartbeatMs, serveSocket } from "./socket.ts";
import { startSweeper } from "./sweeper.ts";
import { readEpoch } from "./views.ts";

/** A socket from which nothing came for this long is gone. */
const silenceMs = 60_000;

const expiryCheckMs = 5 * 60_000;

/** Events after which somebody may no longer be who they were. */
const accessEvents = new Set([
  "session.revoked",
  "agent.changed",
  "agent.deactivated",
  "api_key.revoked",
  "company.suspended",
]);

export type Gateway = {
  /** For the HTTP server's `upgrade` event; answers 404 to other paths and 426 to a wrong sub-protocol. */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Tells the clients to come back later, closes their sockets (1012) spread over `spreadMs`, and takes no new ones. */
  drain(spreadMs: number): Promise<void>;
};

/** Starts the realtime side of this process. `addressOf` tells where a request comes from, proxies taken into account. */
export async function startGateway(
  system: SystemCtx,
  addressOf: (request: IncomingMessage) => string,
): Promise<Gateway> {
  const { metrics } = system;
  const connections = new Set<Connection>();
  const byPerson = new Map<string, Set<Connection>>();
  let isDraining = false;
  const groups = createGroups(system);
  const feed = createFeed(system);
  const admission = createAdmission(system.settings.limits, metrics);
  const epoch = await readEpoch(system.database.worker);
  const sweeper = await startSweeper(system, accessEvents, {
    changed: (companyId, subjectId, seq) => {
      const conversation = conversationId.safeParse(subjectId);
      if (!conversation.success) return;
      if (groups.heardOf(companyId, conversation.data, seq)) metrics.hintGaps.inc();
      feed.changed(companyId, conversation.data);
    },
    accessChanged: (companyId) => void recheck(companyId),
    swept: (position) => {
      feed.reached(position);
      groups.retry();
    },
  });

  const environment = {
    system,
    groups,
    feed,
    epoch: () => epoch,
    opened: (connection: Connection) => {
      connections.add(connection);
      const person = personOf(connection.ctx.companyId, connection.ctx.actor.id);
      byPerson.set(person, (byPerson.get(person) ?? new Set()).add(connection));
      if (isDraining) connection.close(1012);
      // It may have been signed out between the ticket and now.
      else void check(connection);
    },
    closed: (connection: Connection) => {
      connections.delete(connection);
      const person = personOf(connection.ctx.companyId, connection.ctx.actor.id);
      const theirs = byPerson.get(person);
      if (theirs?.delete(connection) && theirs.size === 0) byPerson.delete(person);
    },
    admission,
  };

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

  const stopEvents = system.bus.onEvents((events) => {
    for (const event of events) {
      if (accessEvents.has(event.type)) void recheck(event.companyId);
      const conversation = conversationId.safeParse(event.subjectId);
      if (!conversation.success) continue;
      sweeper.known(event);
      groups.offer(toLaneEvent(event, conversation.data));
      feed.changed(event.companyId, conversation.data);
    }
  });
  const stopHints = system.bus.onHint(({ companyId, subjectId, seq, type }) => {
    if (accessEvents.has(type)) void recheck(companyId);
    const conversation = conversationId.safeParse(subjectId);
    if (!conversation.success) return;
    groups.heardOf(companyId, conversation.data, seq);
    feed.changed(companyId, conversation.data);
  });
  const stopSignals = system.bus.onSignal((signal) => {
    if (signal.kind === "typing") passTyping(signal);
    if (signal.kind === "mark") passMark(signal);
  });

  /** Closes the sockets of people of this company whose sign-in has ended. */
  async function recheck(companyId: string): Promise<void> {
    for (const connection of connections) {
      if (connection.ctx.companyId === companyId) await check(connection);
    }
  }

  async function check(connection: Connection): Promise<void> {
    try {
      if (!(await isStillSignedIn(connection.ctx))) connection.close(4491);
    } catch (error) {
      // Unknown is not allowed: the client comes back with a new ticket.
      system.log.warn({ err: error }, "could not check a session");
      connection.close(1013);
    }
  }

  /** Sessions and keys that expire tell nobody. */
  const expiryCheck = setInterval(() => {
    void (async () => {
      for (const connection of connections) await check(connection);
    })();
  }, expiryCheckMs);

  function passTyping(signal: Signal): void {
    const { on } = signal.data as { on: boolean };
    const id = signal.subjectId as ConversationId;
    for (const connection of groups.connectionsOf(signal.companyId, id)) {
      if (connection.ctx.actor.id === signal.by.id) continue;
      connection.send({ type: "ephemeral", kind: "typing", conversationId: id, data: { by: signal.by, on } });
    }
  }

  function passMark(signal: Signal): void {
    const mark = signal.data as Mark;
    const id = signal.subjectId as ConversationId;
    const fromContact = signal.by.type === "contact";
    for (const connection of groups.connectionsOf(signal.companyId, id)) {
      if ((connection.side === "contact") === fromContact) continue;
      const inLane =
        connection.side === "business"
          ? { delivered: mark.deliveredSeq, read: mark.readSeq }
          : { delivered: mark.deliveredPublicSeq, read: mark.readPublicSeq };
      connection.send({ type: "receipt", conversationId: id, side: "other", ...inLane });
    }
    for (const connection of byPerson.get(personOf(signal.companyId, signal.by.id)) ?? []) {
      const inLane = fromContact
        ? { delivered: mark.deliveredPublicSeq, read: mark.readPublicSeq }
        : { delivered: mark.deliveredSeq, read: mark.readSeq };
      connection.send({ type: "receipt", conversationId: id, side: "mine", ...inLane, seen: mark.seen });
    }
  }

  return {
    handleUpgrade(request, socket, head) {
      const path = request.url?.split("?", 1)[0];
      const offered = (request.headers["sec-websocket-protocol"] ?? "").split(",").map((name) => name.trim());
      if (path !== realtimePath) return refuseUpgrade(socket, "404 Not Found");
      if (isDraining) return refuseUpgrade(socket, "503 Service Unavailable", "Retry-After: 5");
      if (!offered.includes(subProtocol))
        return refuseUpgrade(socket, "426 Upgrade Required", `Sec-WebSocket-Protocol: ${subProtocol}`);
      const place = admission.enter(performance.now());
      if (typeof place === "number") return refuseUpgrade(socket, "503 Service Unavailable", `Retry-After: ${place}`);
      socket.once("close", place);
      server.handleUpgrade(request, socket, head, (ws) => server.emit("connection", ws, request, place));
    },
    async drain(spreadMs) {
      isDraining = true;
      const open = [...connections];
      for (const connection of open) connection.send({ type: "drain", spreadMs });
      for (const connection of open) {
        connection.close(1012);
        if (open.length > 1) await sleep(spreadMs / open.length);
      }
      // Sends that came in before the close are still committed.
      await messageWriter(system.database).idle();
      stopEvents();
      stopHints();
      stopSignals();
      feed.stop();
      clearInterval(heartbeat);
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

const personOf = (companyId: string, id: string) => `${companyId} ${id}`;

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
