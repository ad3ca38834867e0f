import type { RouteAccess } from "@presszero/contracts";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Ctx, SystemCtx } from "../kernel/context.ts";
import { AppError } from "../kernel/errors.ts";
import { authenticate, requirePermission } from "../modules/identity/index.ts";

const unsafeMethods = new Set(["POST", "PATCH", "PUT", "DELETE"]);
/** The longest that browsers keep a cookie; how long it counts is decided by the session. */
const cookieSeconds = 400 * 86_400;

/** Who calls, if they may call this route: UNAUTHENTICATED or FORBIDDEN otherwise. */
export async function admit(
  ctx: SystemCtx,
  request: FastifyRequest,
  access: Exclude<RouteAccess, "public">,
): Promise<Ctx> {
  const caller = await authenticate(ctx, readToken(ctx, request));
  if (access === "contact") {
    if (caller.actor.type !== "contact") throw new AppError("FORBIDDEN");
  } else if (access !== "signed_in") {
    requirePermission(caller, access);
  }
  return { ...caller, address: request.ip };
}

/** A cookie is sent by the browser whoever asked it to, so it counts for writes from our own pages only. */
function readToken(ctx: SystemCtx, request: FastifyRequest): string {
  const { authorization } = request.headers;
  if (authorization !== undefined) {
    const [scheme, token] = authorization.split(" ");
    if (scheme?.toLowerCase() !== "bearer" || !token) throw new AppError("UNAUTHENTICATED");
    return token;
  }
  const token = request.cookies[cookieName(ctx)];
  if (!token) throw new AppError("UNAUTHENTICATED");
  if (unsafeMethods.has(request.method) && !isFromOwnPage(ctx, request)) throw new AppError("FORBIDDEN");
  return token;
}

/** Whether a browser says that a page of ours sent the request. */
export function isFromOwnPage(ctx: SystemCtx, request: FastifyRequest): boolean {
  const { origin } = request.headers;
  if (request.headers["sec-fetch-site"] === "same-origin") return true;
  if (origin === undefined) return false;
  // One installation can be reached under several names; the host is the one that the browser itself put there.
  return origin === ctx.settings.publicUrl || origin === `${request.protocol}://${request.host}`;
}

export function setSessionCookie(ctx: SystemCtx, reply: FastifyReply, token: string | null): void {
  const options = { path: "/", httpOnly: true, sameSite: "lax", secure: isSecure(ctx) } as const;
  if (token === null) void reply.clearCookie(cookieName(ctx), options);
  else void reply.setCookie(cookieName(ctx), token, { ...options, maxAge: cookieSeconds });
}

function cookieName(ctx: SystemCtx): string {
  return isSecure(ctx) ? "__Host-presszero" : "presszero";
}

export function isSecure(ctx: SystemCtx): boolean {
  return ctx.settings.publicUrl.startsWith("https:");
}
