import {
  type CloseCode,
  clientFrame,
  type ErrorCode,
  errorCodes,
  type ParsedClientFrame,
  protocolVersion,
} from "@presszero/contracts";
import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import type { SystemCtx } from "../../kernel/context.ts";
import { inTx, translate } from "../../kernel/database.ts";
import { AppError } from "../../kernel/errors.ts";
import { closeLabel, countAnswer } from "../../kernel/metrics.ts";
import { isOriginAllowed, redeemTicket, requirePermission } from "../identity/index.ts";
import type { Admission } from "./admission.ts";
import { answerError, type Connection, closeSocket, createConnection, limits } from "./connection.ts";
import { type Feed, readFeed } from "./feed.ts";
import type { Groups } from "./groups.ts";
import { createFrameLimiter } from "./limits.ts";
import { answerFetch, answerSend, relayTyping, setMark } from "./operations.ts";
import { catchUpBudget, replay } from "./replay.ts";

type FrameOf<T extends ParsedClientFrame["type"]> = Extract<ParsedClientFrame, { type: T }>;

export const heartbeatMs = 25_000;
const helloTimeoutMs = 5_000;
export type ConnectionEnvironment = {
  system: SystemCtx;
  groups: Groups;
  feed: Feed;
  epoch(): string;
  opened(connection: Connection): void;
  closed(connection: Connection): void;
  admission: Admission;
};

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

/** So many frames are in hand at most; until one is done, the socket is not read. */
const maxInHand = 32;

/** Serves one socket from its first frame to its end. Bad input is answered or closes the socket; it never throws. */
export function serveSocket(environment: ConnectionEnvironment, socket: WebSocket, peer: Peer): void {
  const { system } = environment;
  let connection: Connection | null = null;
  /** Frames are handled in order of arrival; those that come during the hello wait for it. */
  let hello: Promise<void> | null = null;
  let inHand = 0;
  let leave = () => {};
  const limit = createFrameLimiter(system.settings.limits.frames, performance.now());

  const close = (code: CloseCode) => closeSocket(socket, code);
  const helloTimer = setTimeout(() => {
    if (!connection) close(4408);
  }, helloTimeoutMs);

  socket.on("message", (data, isBinary) => {
    // A socket that is being closed still delivers what a client sends that ignores the close frame.
    if (socket.readyState !== socket.OPEN) return;
    if (isBinary) return close(4400);
    const waitMs = limit(performance.now());
    if (waitMs !== 0) system.metrics.rateLimited.inc({ limit: "frames" });
    if (waitMs === "flood") return close(4429);
    const frame = parseJson((data as Buffer).toString());
    if (frame === undefined) return close(4400);
    if (waitMs > 0) return connection ? answerLimited(connection, frame, waitMs) : close(4429);
    void work(frame);
  });

  async function work(frame: object): Promise<void> {
    if (++inHand === maxInHand) socket.pause();
    try {
      if (!hello) {
        hello = open(frame)
          .catch((error: unknown) => refuse(error))
          .finally(peer.helloIsOver);
        return await hello;
      }
      if (!connection) await hello;
      if (connection) await handle(connection, frame);
    } finally {
      if (inHand-- === maxInHand) socket.resume();
    }
  }

  socket.on("close", (code) => {
    clearTimeout(helloTimer);
    system.metrics.wsCloses.inc({ code: closeLabel(code) });
    if (!connection) return;
    for (const [conversationId, subscription] of connection.subscriptions) {
      environment.groups.leave(subscription, conversationId);
    }
    environment.feed.leave(connection);
    environment.closed(connection);
    leave();
    connection = null;
  });
  // A protocol violation: ws has chosen the close code and closes by itself.
  socket.on("error", (error) => system.log.debug({ err: error }, "socket error"));

  async function open(raw: unknown): Promise<void> {
    const parsed = clientFrame.safeParse(raw);
    if (!parsed.success || parsed.data.type !== "hello") return close(4400);
    const frame = parsed.data;
    if (frame.version !== protocolVersion) return close(4426);
    const ctx = { ...(await redeemTicket(system, frame.ticket, frame.deviceId)), address: peer.address };
    if (peer.origin !== null && !(await isOriginAllowed(system, peer.origin, ctx.companyId))) return close(4403);
    if (socket.readyState !== socket.OPEN) return;
    clearTimeout(helloTimer);
    const opened = createConnection(socket, peer.stream, ctx, frame.deviceId);
    const place = environment.admission.connect(ctx, frame.deviceId);
    if (typeof place === "string") {
      const details = { limit: place };
      system.metrics.rateLimited.inc({ limit: place });
      answerError(system, opened, null, null, new AppError("RATE_LIMITED", { details, retryAfterMs: 30_000 }));
      return close(4429);
    }
    leave = place;
    connection = opened;
    system.metrics.wsHellos.inc();
    environment.opened(opened);
    await welcome(opened, frame);
  }

  async function welcome(opened: Connection, frame: FrameOf<"hello">): Promise<void> {
    const isSameEpoch = frame.epoch === null || frame.epoch === environment.epoch();
    const wantsFeed = frame.feed !== undefined;
    if (wantsFeed && opened.side === "business") requirePermission(opened.ctx, "conversations.read");
    // Joined before the read: a change in between is told twice rather than never.
    if (wantsFeed) environment.feed.join(opened);
    const feed = wantsFeed ? await inTx(opened.ctx, (tx) => readFeed(tx, isSameEpoch ? frame.feed! : null)) : null;
    const isReset = !isSameEpoch || feed?.changed === null;
    const missed = feed?.changed ?? [];
    opened.send({
      type: "welcome",
      session: opened.session,
      epoch: environment.epoch(),
      now: system.clock.now().getTime(),
      heartbeatMs,
      // What was missed is still to be told: until then the client's cursor stays where it is.
      feed: (missed.length > 0 ? frame.feed : feed?.cursor) ?? null,
      limits,
      resume: isReset ? "reset" : "ok",
    });
    if (missed.length > 0) await environment.feed.catchUp(opened, missed, frame.feed!, feed!.cursor);
    environment.feed.arrived(opened);
    const budget = catchUpBudget();
    if (isSameEpoch) await replay(environment.groups, opened, frame.subscriptions, budget);
    // Without an epoch it is a client's first time.
    if (frame.epoch === null) return;
    system.metrics.resumes.inc({ result: isReset ? "reset" : budget.gaps > 0 ? "partial" : "ok" });
  }

  async function handle(open: Connection, raw: object): Promise<void> {
    const parsed = clientFrame.safeParse(raw);
    if (!parsed.success) return answerUnreadable(open, raw, parsed.error.issues);
    try {
      await dispatch(open, parsed.data);
    } catch (error) {
      const id = "id" in parsed.data ? parsed.data.id : null;
      const conversationId = "conversationId" in parsed.data ? parsed.data.conversationId : null;
      answerError(system, open, id, conversationId, error);
    }
  }

  function answerLimited(open: Connection, raw: object, retryAfterMs: number): void {
    answerError(system, open, readId(raw), null, new AppError("RATE_LIMITED", { retryAfterMs }));
  }

  async function dispatch(open: Connection, frame: ParsedClientFrame): Promise<void> {
    switch (frame.type) {
      case "hello":
        return close(4400);
      case "ping":
        return open.send({ type: "pong", n: frame.n });
      case "send":
        return answerSend(system, open, frame);
      case "ack":
        return setMark(open, frame.conversationId, { delivered: frame.seq, read: 0 });
      case "read":
        return setMark(open, frame.conversationId, { delivered: frame.seq, read: frame.seq });
      case "subscribe": {
        if (open.subscriptions.size >= limits.subscriptions && !open.subscriptions.has(frame.conversationId)) {
          system.metrics.rateLimited.inc({ limit: "subscriptions" });
          throw new AppError("RATE_LIMITED", { details: { limit: limits.subscriptions } });
        }
        return replay(environment.groups, open, [frame], catchUpBudget(), frame.id);
      }
      case "unsubscribe": {
        const subscription = open.subscriptions.get(frame.conversationId);
        if (!subscription) return;
        open.subscriptions.delete(frame.conversationId);
        return environment.groups.leave(subscription, frame.conversationId);
      }
      case "fetch":
        return answerFetch(open, frame);
      case "typing":
        return relayTyping(open, frame);
    }
  }

  /** Why a hello was refused. A fault on our side makes the client come back; anything else is about its ticket. */
  function refuse(error: unknown): void {
    const fault = translate(error);
    if (fault instanceof AppError) countAnswer(system.metrics, fault.code, "socket");
    if (fault instanceof AppError && !fault.retry) return close(fault.code === "FORBIDDEN" ? 4403 : 4401);
    system.log.warn({ err: fault }, "hello failed");
    close(fault instanceof AppError ? 1013 : 1011);
  }
}

const frameTypes = new Set(clientFrame.options.map((option) => option.shape.type.value as string));

/** A frame of an unknown type, or with wrong fields. */
function answerUnreadable(
  connection: Connection,
  raw: object,
  issues: readonly { path: PropertyKey[]; message: string }[],
): void {
  const { type } = raw as { type?: unknown };
  const isKnown = typeof type === "string" && frameTypes.has(type);
  const code: ErrorCode = isKnown ? "VALIDATION" : "UNKNOWN_TYPE";
  countAnswer(connection.ctx.metrics, code, "socket");
  const fields = issues.map((issue) => ({ path: issue.path.join("."), message: issue.message }));
  connection.send({
    type: "error",
    id: readId(raw),
    code,
    retry: errorCodes[code].retry,
    ...(isKnown && { details: { fields } }),
  });
}

/** The number that the answer to a frame carries; null when the frame has none that is one. */
function readId(raw: object): number | null {
  const { id } = raw as { id?: unknown };
  return typeof id === "number" && Number.isSafeInteger(id) && id >= 0 ? id : null;
}

/** The object in a text frame; undefined when it is none. */
function parseJson(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
