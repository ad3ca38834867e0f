import type { CloseCode, ConversationId, ErrorCode, ServerFrame } from "@presszero/contracts";
import type { Ctx } from "../../kernel/context.ts";
import { inTx } from "../../kernel/database.ts";
import { AppError } from "../../kernel/errors.ts";
import { isOriginAllowed, isStillSignedIn, useDevice } from "../identity/index.ts";
import { type Connection, type Environment, openConnection } from "./connection.ts";

export type PollQuery = {
  deviceId: string;
  epoch?: string;
  cursor?: string;
  conversations?: readonly {
    conversationId: ConversationId;
    after: number;
    /** What the client knows of the marks. */
    marks: { myRead?: number; otherDelivered?: number; otherRead?: number };
  }[];
  /** In seconds. */
  wait: number;
};

type Caller = { origin: string | null; onGone(listener: () => void): void };

/** So much longer an answer may take that is still being read. */
const patienceMs = 5_000;
/** What comes right behind the first news goes with it. */
const gatherMs = 50;
/** Typing and the like are no reason to answer at once: the client would do nothing but ask. */
const gatherPassingMs = 1_000;
/** No more is put into one answer; the client asks for the rest. The feed of a resume (500 items) fits. */
const mostBytes = 1024 * 1024;

/**
 * CR8: one connection that lasts until there is something to tell, by the same session as that of a socket. Answers what a
 * socket with this hello would have got. UNAUTHENTICATED when the sign-in ends meanwhile, UNAVAILABLE when the process
 * takes nobody (more).
 */
export async function poll(
  environment: Environment,
  ctx: Ctx,
  query: PollQuery,
  caller: Caller,
): Promise<{ frames: ServerFrame[] }> {
  const place = environment.admission.enter(performance.now());
  if (typeof place === "number") throw new AppError("UNAVAILABLE", { retryAfterMs: place * 1_000 });
  try {
    return { frames: await collect(environment, ctx, query, place, caller) };
  } finally {
    place();
  }
}

/** Who calls was read before the connection was known to the process: it is read again, so that no change is missed. */
function identify(ctx: Ctx, deviceId: string, origin: string | null): Promise<Ctx> {
  return inTx(ctx, async (tx) => {
    if (!(await isStillSignedIn(tx))) throw new AppError("UNAUTHENTICATED");
    if (origin !== null && !(await isOriginAllowed(tx, origin, ctx.companyId))) {
      throw new AppError("ORIGIN_NOT_ALLOWED");
    }
    await useDevice(tx, deviceId);
    return ctx;
  });
}

function collect(
  environment: Environment,
  ctx: Ctx,
  query: PollQuery,
  arrived: () => void,
  caller: Caller,
): Promise<ServerFrame[]> {
  return new Promise((resolve, reject) => {
    const frames: ServerFrame[] = [];
    let bytes = 0;
    let hasNews = false;
    let hasArrived = false;
    let isSettled = false;
    let endsAt = Number.POSITIVE_INFINITY;
    let end: NodeJS.Timeout | undefined;
    let fault: AppError | null = null;
    finishIn(query.wait * 1_000 + patienceMs);

    const connection: Connection = openConnection(environment, {
      send(text) {
        const frame = JSON.parse(text) as ServerFrame;
        frames.push(frame);
        bytes += text.length;
        if (frame.type === "receipt" || frame.type === "ephemeral") {
          // Who is around on arrival is no news; whatever else passes by is, in its time.
          const isState = !isSettled && "kind" in frame && frame.kind !== "typing";
          return isState ? undefined : finishIn(gatherPassingMs);
        }
        hasNews ||= isNews(frame, query);
        if (hasNews && hasArrived) finishIn(gatherMs);
      },
      pressure() {
        if (bytes <= mostBytes) return 0;
        finishIn(0);
        return 2;
      },
      pause() {},
      resume() {},
      close: (code) => finish(fault ?? refusal(code, frames)),
      companyOf: () => ctx.companyId,
      identify: (_ticket, deviceId) =>
        identify(ctx, deviceId, caller.origin).catch((error: unknown) => {
          // More exact than the close code that it leads to.
          if (error instanceof AppError) fault = error;
          throw error;
        }),
      arrived() {
        arrived();
        hasArrived = true;
        finishIn(hasNews ? gatherMs : query.wait * 1_000);
        // The state of the moment is told right behind the last replay.
        setImmediate(() => (isSettled = true));
      },
    });

    function finishIn(ms: number): void {
      const at = performance.now() + ms;
      if (at >= endsAt) return;
      endsAt = at;
      clearTimeout(end);
      end = setTimeout(finish, ms);
    }

    function finish(error?: AppError): void {
      clearTimeout(end);
      if (error) reject(error);
      else resolve(frames);
      connection.put({ type: "closed" });
    }

    caller.onGone(() => finish());
    const { deviceId, epoch = null, cursor, conversations: subscriptions = [] } = query;
    const feed = cursor === undefined ? {} : { feed: cursor === "" ? null : cursor };
    const hello = { type: "hello", version: 1, ticket: "", deviceId, client: "http", epoch, ...feed, subscriptions };
    connection.put({ type: "frame", text: JSON.stringify(hello) });
  });
}

/** Whether the client did not know this when it asked. */
function isNews(frame: ServerFrame, query: PollQuery): boolean {
  switch (frame.type) {
    case "drain":
      return false;
    case "welcome":
      return frame.resume === "reset" || query.epoch === undefined || query.cursor === "";
    case "synced": {
      const { mine, other } = frame;
      const known = query.conversations?.find((one) => one.conversationId === frame.conversationId)?.marks;
      const isAhead = (now: number, before: number | undefined) => before === undefined || now > before;
      return (
        isAhead(mine.read, known?.myRead) ||
        isAhead(other.delivered, known?.otherDelivered) ||
        isAhead(other.read, known?.otherRead)
      );
    }
    default:
      return true;
  }
}

const refusals: Partial<Record<CloseCode, ErrorCode>> = {
  1011: "INTERNAL",
  4401: "UNAUTHENTICATED",
  4403: "FORBIDDEN",
  4491: "UNAUTHENTICATED",
};
const comeBackMs = 2_000;

/** What a socket is told by its close code. */
function refusal(code: CloseCode, frames: readonly ServerFrame[]): AppError {
  const last = frames.at(-1);
  if (last?.type === "error") {
    const { retryAfterMs, details } = last;
    return new AppError(last.code, {
      ...(retryAfterMs !== undefined && { retryAfterMs }),
      ...(details && { details }),
    });
  }
  const known = refusals[code];
  return known ? new AppError(known) : new AppError("UNAVAILABLE", { retryAfterMs: comeBackMs });
}
