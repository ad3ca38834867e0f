import type { Route } from "@presszero/contracts";
import type { z } from "zod";
import type { Ctx, SystemCtx } from "./context.ts";

type Parsed<R, K extends string> = R extends { [P in K]: infer S extends z.ZodType } ? z.output<S> : undefined;

/** What the HTTP layer hands to a handler: the parsed input and the little that services need of the transport. */
export type RouteInput<R extends Route> = {
  params: Parsed<R, "params">;
  query: Parsed<R, "query">;
  body: Parsed<R, "body">;
  /** From `Idempotency-Key`; present on idempotent routes. */
  clientId: R extends { idempotent: true } ? string : undefined;
  /** From `Device-Id`, null without one; present on idempotent routes. Whether it is the caller's is for the service to check. */
  deviceId: R extends { idempotent: true } ? string | null : undefined;
  /** Address and browser of the caller, for rate limits and session lists. */
  client: { ip: string; userAgent: string; origin: string | null };
  /** Calls back when the answer is out, or the caller has gone away before. */
  onGone(listener: () => void): void;
  /** Sets the session cookie of this answer; null clears it. */
  setSessionCookie(token: string | null): void;
};

export type RouteHandler<R extends Route> = (
  ctx: R["access"] extends "public" ? SystemCtx : Ctx,
  input: RouteInput<R>,
) => Promise<R extends { response: infer S extends z.ZodType } ? z.input<S> : void>;

/** One handler for every route of a module, keyed by `METHOD /path`: a missing or extra one does not compile. */
export type RouteHandlers<R extends Route> = {
  [One in R as `${One["method"]} ${One["path"]}`]: RouteHandler<One>;
};
