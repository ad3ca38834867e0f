import { randomUUID } from "node:crypto";
import type { Duplex } from "node:stream";
import { type CloseCode, closeCodes, type ConversationId, type ServerFrame } from "@presszero/contracts";
import type { WebSocket } from "ws";
import type { Ctx, SystemCtx } from "../../kernel/context.ts";
import { translate } from "../../kernel/database.ts";
import { AppError } from "../../kernel/errors.ts";
import { countAnswer } from "../../kernel/metrics.ts";
import { type LaneEvent, type Side, sideOf } from "../conversations/index.ts";

/** Limits of a connection; the welcome tells them to the client. */
export const limits = { frameBytes: 64 * 1024, textLength: 16_000, subscriptions: 200 };
/** A client that reads too slowly is cut off before its queue grows beyond this; it resumes where it was. */
const maxQueuedBytes = 1024 * 1024;

/** One connection that follows one conversation. */
export type Subscription = {
  connection: Connection;
  /** Position in the connection's lane up to which it has been served. */
  last: number;
  /** Live events that arrive while the replay is read; null once it is done. */
  held: LaneEvent[] | null;
};

/** A socket after its hello. */
export type Connection = {
  /** Names the connection in logs; gives no rights. */
  session: string;
  ctx: Ctx;
  deviceId: string;
  side: Side;
  subscriptions: Map<ConversationId, Subscription>;
  /** Sends of one conversation run one after the other (SR4). */
  sending: Map<string, Promise<void>>;
  /** Client id of the send that has to be repeated before others of its conversation go on (SR4). */
  broken: Map<string, string>;
  isOpen(): boolean;
  /** Marks that could not be stored yet; the newest of each conversation. */
  unsavedMarks: Map<ConversationId, { delivered: number; read: number }>;
  send(frame: ServerFrame): void;
  /** A frame that is written already. */
  sendText(text: string): void;
  close(code: CloseCode): void;
};

/** What is sent in one turn of the loop goes out in one write to `stream`, which is the socket's: writes are what costs most. */
export function createConnection(socket: WebSocket, stream: Duplex, ctx: Ctx, deviceId: string): Connection {
  const close = (code: CloseCode) => closeSocket(socket, code);
  let isCorked = false;
  const sendText = (text: string) => {
    if (socket.readyState !== socket.OPEN) return;
    if (socket.bufferedAmount > maxQueuedBytes) {
      ctx.metrics.slowConsumers.inc();
      return close(4490);
    }
    if (!isCorked) {
      isCorked = true;
      stream.cork();
      process.nextTick(() => {
        isCorked = false;
        stream.uncork();
      });
    }
    socket.send(text);
  };
  return {
    session: randomUUID(),
    ctx,
    deviceId,
    side: sideOf(ctx),
    subscriptions: new Map(),
    sending: new Map(),
    broken: new Map(),
    unsavedMarks: new Map(),
    isOpen: () => socket.readyState === socket.OPEN,
    send: (frame) => sendText(JSON.stringify(frame)),
    sendText,
    close,
  };
}

/** A client gets this long to answer the close frame. */
const closeMs = 2_000;

export function closeSocket(socket: WebSocket, code: CloseCode): void {
  socket.close(code, closeCodes[code].name);
  setTimeout(() => socket.terminate(), closeMs).unref();
}

/** Answers a frame that failed; `id` is the frame's, null when it has none. */
export function answerError(
  system: SystemCtx,
  connection: Connection,
  id: number | null,
  conversationId: ConversationId | null,
  error: unknown,
): void {
  const fault = translate(error);
  const known = fault instanceof AppError ? fault : new AppError("INTERNAL", { cause: fault });
  countAnswer(system.metrics, known.code, "socket");
  if (!(fault instanceof AppError)) system.log.error({ err: fault, session: connection.session }, "frame failed");
  connection.send({
    type: "error",
    id,
    code: known.code,
    retry: known.retry,
    ...(conversationId !== null && { conversationId }),
    ...(known.retryAfterMs !== undefined && { retryAfterMs: known.retryAfterMs }),
    ...(known.details && { details: known.details }),
  });
}
