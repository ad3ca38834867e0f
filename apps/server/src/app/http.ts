import { randomUUID } from "node:crypto";
import cookie from "@fastify/cookie";
import cors from "@fastify/cors";
import { clientUuid, type ErrorCode, type Route, routes } from "@presszero/contracts";
import {
  fastify,
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from "fastify";
import { serializerCompiler, validatorCompiler } from "fastify-type-provider-zod";
import type { Ctx, SystemCtx } from "../kernel/context.ts";
import { AppError, invalidField } from "../kernel/errors.ts";
import type { RouteHandlers } from "../kernel/http.ts";
import { exceedsJson, maxJsonDepth } from "../kernel/json-size.ts";
import { countAnswer } from "../kernel/metrics.ts";
import { admit, isFromOwnPage, setSessionCookie } from "./http-auth.ts";
import { addDocumentation, describeRoute } from "./http-docs.ts";
import { answerError, answerNotFound } from "./http-errors.ts";
import { addSecurityHeaders } from "./http-headers.ts";

export type ApiHandlers = RouteHandlers<(typeof routes)[number]>;

/** A handler of any route: which input belongs to which is checked where the handlers are written. */
type AnyHandler = (ctx: SystemCtx | Ctx, input: Record<string, unknown>) => Promise<unknown>;

const bodyBytes = 1024 * 1024;
const smallBodyBytes = 8 * 1024;
const urlBytes = 8 * 1024;
const headerFields = 100;
/** Routes that work on secrets before it is known who calls. */
const smallBodies = new Set(["POST /v1/sessions", "POST /v1/setup", "POST /v1/invitations/accept"]);
/** The same for every visitor, and loaded by every page with the widget. */
const publicAnswers = new Set(["GET /v1/widgets/:widgetKey"]);

declare module "fastify" {
  interface FastifyRequest {
    /** Who calls, on routes that are not public. */
    caller: Ctx | null;
    /** The error that was answered, if it was one. */
    refusal: ErrorCode | null;
  }
}

/**
 * The HTTP server with the routes of the contracts that have a handler, not listening yet. Pages, health routes and the
 * `upgrade` event are added by the caller.
 */
export async function createHttpServer(ctx: SystemCtx, handlers: Partial<ApiHandlers>): Promise<FastifyInstance> {
  const { trustProxy } = ctx.settings;
  const server: FastifyInstance = fastify({
    loggerInstance: ctx.log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: "requestId" }),
    trustProxy: trustProxy.length > 0 ? [...trustProxy] : false,
    bodyLimit: bodyBytes,
    requestTimeout: 30_000,
    http: {
      headersTimeout: 10_000,
      maxHeaderSize: 16 * 1024,
      // A client that would rather speak HTTP/2 asks with every request; it gets its answer by HTTP/1.1.
      shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() === "websocket",
    },
    requestIdHeader: false,
    genReqId: (request) => readRequestId(request.headers["x-request-id"]) ?? randomUUID(),
    frameworkErrors: (error, request, reply) =>
      void answerError(error, request as FastifyRequest, reply as FastifyReply),
  });
  server.setValidatorCompiler(validatorCompiler);
  server.setSerializerCompiler(serializerCompiler);
  server.setErrorHandler(answerError);
  server.setNotFoundHandler(answerNotFound);
  acceptJsonOnly(server);
  server.decorateRequest("caller", null);
  server.decorateRequest("refusal", null);
  server.addHook("onRequest", async (request, reply) => void reply.header("X-Request-Id", request.id));
  server.addHook("onRequest", limitHead);
  measure(server, ctx);
  await server.register(cookie);
  await addSecurityHeaders(server, ctx);
  if (Object.keys(handlers).length === 0) return server;

  await addDocumentation(server);
  await server.register(
    async (api) => {
      // Any site may call, with a token of its own: answers to other origins never come with our cookie.
      await api.register(cors, {
        origin: "*",
        credentials: false,
        methods: ["GET", "POST", "PATCH", "DELETE"],
        allowedHeaders: ["Authorization", "Content-Type", "Device-Id", "Idempotency-Key", "X-Request-Id"],
        exposedHeaders: ["X-Request-Id", "Retry-After"],
        maxAge: 600,
        strictPreflight: false,
      });
      api.addHook("onRequest", async (_request, reply) => void reply.header("Cache-Control", "no-store"));
      for (const route of routes) {
        const handler = (handlers as Record<string, AnyHandler | undefined>)[keyOf(route)];
        if (handler) addRoute(api, ctx, route, handler);
      }
      // Without these the pages' catch-all would answer.
      const method = ["GET", "POST", "PUT", "PATCH", "DELETE"];
      api.route({ method, url: "/*", schema: { hide: true }, handler: answerNotFound });
    },
    { prefix: "/v1" },
  );
  return server;
}

function keyOf(route: Route): string {
  return `${route.method} ${route.path}`;
}

function addRoute(api: FastifyInstance, ctx: SystemCtx, route: Route, handler: AnyHandler): void {
  const { access } = route;
  const key = keyOf(route);
  api.route({
    method: route.method,
    url: route.path.slice("/v1".length),
    bodyLimit: smallBodies.has(key) ? smallBodyBytes : bodyBytes,
    schema: {
      ...describeRoute(route),
      ...(route.params && { params: route.params }),
      ...(route.query && { querystring: route.query }),
      ...(route.body && { body: route.body }),
      ...(route.response && { response: { 200: route.response } }),
    },
    // Before the body is read: who may not call costs nothing more.
    async onRequest(request) {
      if (access !== "public") request.caller = await admit(ctx, request, access);
    },
    async handler(request, reply) {
      if (!route.body && !isEmpty(request.body)) throw invalidField("", "must be empty: nothing is read from it");
      const result = await handler(request.caller ?? ctx, {
        params: request.params,
        query: request.query,
        body: request.body,
        clientId: route.idempotent && readClientId(request),
        deviceId: route.idempotent && readDeviceId(request),
        client: readClient(ctx, request),
        onGone: (listener: () => void) => void reply.raw.once("close", listener),
        setSessionCookie: (token: string | null) => setSessionCookie(ctx, reply, token),
      });
      if (!route.response) return reply.code(204).send();
      if (publicAnswers.has(key)) void reply.header("Cache-Control", "public, max-age=60");
      return reply.send(result);
    },
  });
}

/** Many clients send `{}` where there is nothing to say. */
function isEmpty(body: unknown): boolean {
  return body == null || (typeof body === "object" && !Array.isArray(body) && Object.keys(body).length === 0);
}

function readClientId(request: FastifyRequest): string {
  const parsed = clientUuid.safeParse(request.headers["idempotency-key"]);
  if (!parsed.success) throw invalidField("Idempotency-Key", "must be a lower-case UUID in the header");
  return parsed.data;
}

function readDeviceId(request: FastifyRequest): string | null {
  const header = request.headers["device-id"];
  if (header === undefined) return null;
  const parsed = clientUuid.safeParse(header);
  if (!parsed.success) throw invalidField("Device-Id", "must be a lower-case UUID in the header");
  return parsed.data;
}

/** `origin` is that of another site; a page of our own has none. */
function readClient(ctx: SystemCtx, request: FastifyRequest) {
  const origin = request.headers.origin ?? null;
  return {
    ip: request.ip,
    userAgent: request.headers["user-agent"] ?? "",
    origin: isFromOwnPage(ctx, request) ? null : origin,
  };
}

function readRequestId(header: string | string[] | undefined): string | null {
  return typeof header === "string" && /^[\w.-]{8,64}$/.test(header) ? header : null;
}

/** Refuses addresses and headers that no client of ours needs; those above 16 KiB have not come this far. */
async function limitHead({ raw }: FastifyRequest): Promise<void> {
  if (raw.url!.length > urlBytes || raw.rawHeaders.length > 2 * headerFields) throw new AppError("TOO_LARGE");
}

/** JSON in well-formed UTF-8, not nested too deep, and nothing else. */
function acceptJsonOnly(server: FastifyInstance): void {
  const parseJson = server.getDefaultJsonParser("error", "error");
  const decoder = new TextDecoder("utf-8", { fatal: true });
  server.removeAllContentTypeParsers();
  server.addContentTypeParser("application/json", { parseAs: "buffer" }, (request, body, done) => {
    let text: string;
    try {
      text = decoder.decode(body as Buffer);
    } catch {
      return done(new AppError("BAD_FRAME"));
    }
    void parseJson(request, text, (error, value) => {
      if (!error && exceedsJson(value, maxJsonDepth)) return done(new AppError("TOO_LARGE"));
      done(error, value);
    });
  });
}

function measure(server: FastifyInstance, ctx: SystemCtx): void {
  server.addHook("onResponse", async (request, reply) => {
    const route = request.routeOptions.url ?? "none";
    const { method, id: requestId } = request;
    const status = reply.statusCode;
    const seconds = reply.elapsedTime / 1000;
    if (request.refusal !== null) countAnswer(ctx.metrics, request.refusal, `${method} ${route}`);
    ctx.metrics.httpRequests.inc({ method, route, status });
    ctx.metrics.httpSeconds.observe({ method, route }, seconds);
    ctx.log.debug({ requestId, method, route, status, seconds }, "request");
  });
}
