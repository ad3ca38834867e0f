import helmet from "@fastify/helmet";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { SystemCtx } from "../kernel/context.ts";
import { getWidgetOrigins } from "../modules/identity/index.ts";
import { isSecure } from "./http-auth.ts";

/** Security headers on every answer, and the content security policy of the page it belongs to. */
export async function addSecurityHeaders(server: FastifyInstance, ctx: SystemCtx): Promise<void> {
  await server.register(helmet, {
    contentSecurityPolicy: false, // by path, below
    frameguard: false, // says the same as frame-ancestors, but cannot name other sites
    strictTransportSecurity: isSecure(ctx) ? { maxAge: 31_536_000, includeSubDomains: false } : false,
    crossOriginResourcePolicy: false, // by path, below
    referrerPolicy: { policy: "same-origin" },
  });
  server.addHook("onRequest", async (request, reply) => {
    const path = request.url.split("?", 1)[0]!;
    // Other sites load the widget's script; everything else is for our own pages, or asked for by CORS.
    const isEmbedded = path === "/widget.js" || path.startsWith("/widget/");
    void reply.header("Cross-Origin-Resource-Policy", isEmbedded ? "cross-origin" : "same-origin");
    void reply.header("Content-Security-Policy", await contentSecurityPolicy(ctx, request, path));
  });
}

async function contentSecurityPolicy(ctx: SystemCtx, request: FastifyRequest, path: string): Promise<string> {
  if (path.startsWith("/v1/")) return "default-src 'none'; frame-ancestors 'none'";
  const socket = ctx.settings.publicUrl.replace(/^http/, "ws");
  const ancestors = path.startsWith("/widget/") ? await frameAncestors(ctx, request) : "'self'";
  return [
    "default-src 'self'",
    "base-uri 'none'",
    "object-src 'none'",
    "form-action 'self'",
    "script-src 'self'",
    // The API's documentation puts style elements into the page.
    path.startsWith("/docs") ? "style-src 'self' 'unsafe-inline'" : "style-src 'self'",
    "img-src 'self' data: blob:",
    "font-src 'self'",
    `connect-src 'self' ${socket}`,
    ...(ancestors === null ? [] : [`frame-ancestors ${ancestors}`]),
  ].join("; ");
}

/** Who may frame the widget: the sites of the company whose `key` the address names; null for any. */
async function frameAncestors(ctx: SystemCtx, request: FastifyRequest): Promise<string | null> {
  const key = new URL(request.url, "http://widget").searchParams.get("key");
  if (key === null) return "'self'";
  const origins = await getWidgetOrigins(ctx, key);
  return origins && ["'self'", ...origins].join(" ");
}
