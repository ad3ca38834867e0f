import type { Duplex } from "node:stream";
import { type CloseCode, closeCodes } from "@presszero/contracts";
import type { WebSocket } from "ws";
import { AppError } from "../../kernel/errors.ts";
import { closeLabel } from "../../kernel/metrics.ts";
import { parseToken } from "../../kernel/tokens.ts";
import { isOriginAllowed, redeemTicket } from "../identity/index.ts";
import { type Connection, type Environment, openConnection } from "./connection.ts";
import { createOutlet } from "./outlet.ts";

/** The other end of a socket. */
export type Peer = {
  /** Of the page that opened it, if that is not one of ours. */
  origin: string | null;
  address: string;
  /** Beneath the WebSocket. */
  stream: Duplex;
  /** Frees the place that its hello took. */
  helloIsOver(): void;
};

/** A client gets this long to answer the close frame. */
const closeMs = 2_000;

/** Serves one socket from its first frame to its end. Bad input is answered or closes the socket; it never throws. */
export function serveSocket(environment: Environment, socket: WebSocket, peer: Peer): void {
  const { system } = environment;
  /** Our reason, which a client that does not read never answers. */
  let closedWith: CloseCode | null = null;
  const outlet = createOutlet(socket, peer.stream, () => connection.relieved());

  const connection: Connection = openConnection(environment, {
    send: outlet.send,
    pressure: () => outlet.pressure(performance.now()),
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    close(code) {
      closedWith = code;
      outlet.drop();
      closeSocket(socket, code);
    },
    companyOf: (ticket) => parseToken(ticket)?.companyId ?? null,
    async identify(ticket, deviceId) {
      const ctx = { ...(await redeemTicket(system, ticket, deviceId)), address: peer.address };
      if (peer.origin !== null && !(await isOriginAllowed(system, peer.origin, ctx.companyId))) {
        throw new AppError("FORBIDDEN");
      }
      return ctx;
    },
    arrived: peer.helloIsOver,
  });

  socket.on("message", (data, isBinary) => {
    // A socket that is being closed still delivers what a client sends that ignores the close frame.
    if (socket.readyState !== socket.OPEN) return;
    connection.put(isBinary ? { type: "binary" } : { type: "frame", text: (data as Buffer).toString() });
  });
  socket.on("close", (code) => {
    system.metrics.wsCloses.inc({ code: closeLabel(closedWith ?? code) });
    connection.put({ type: "closed" });
  });
  // A protocol violation: ws has chosen the close code and closes by itself.
  socket.on("error", (error) => system.log.debug({ err: error }, "socket error"));
}

function closeSocket(socket: WebSocket, code: CloseCode): void {
  socket.close(code, closeCodes[code].name);
  setTimeout(() => socket.terminate(), closeMs).unref();
}
