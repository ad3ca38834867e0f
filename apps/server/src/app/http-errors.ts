import { type ErrorCode, errorCodes, type Problem, routes } from "@presszero/contracts";
import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import { hasZodFastifySchemaValidationErrors } from "fastify-type-provider-zod";
import { isDatabaseError, translate } from "../kernel/database.ts";
import { AppError, invalidField } from "../kernel/errors.ts";
import { describeFailure } from "../kernel/log.ts";

/** Answers with the error as a problem document; faults of our own are logged, without anything the caller sent. */
export function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const known = toAppError(error);
  if (known.code === "INTERNAL") {
    request.log.error({ route: request.routeOptions.url, ...describeError(error) }, "request failed");
  }
  return answerProblem(known, request, reply);
}

/** Another method of the same address would do: 405 with `Allow`; otherwise, or where another process has it, 404. */
export function answerNotFound(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const path = request.url.split("?", 1)[0]!;
  const methods: string[] = routes.filter((route) => patternOf(route.path).test(path)).map((route) => route.method);
  if (methods.length === 0 || methods.includes(request.method))
    return answerProblem(new AppError("NOT_FOUND"), request, reply);
  void reply.header("Allow", methods.join(", "));
  return answerProblem(new AppError("METHOD_NOT_ALLOWED"), request, reply);
}

function patternOf(path: string): RegExp {
  return new RegExp(`^${path.replace(/:\w+/g, "[^/]+")}$`);
}

function answerProblem(error: AppError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { status, meaning, retry } = errorCodes[error.code];
  request.refusal = error.code;
  const problem: Problem = {
    type: `urn:presszero:error:${error.code}`,
    title: meaning,
    status,
    code: error.code,
    retry,
    retryAfterMs: error.retryAfterMs,
    requestId: request.id,
    details: error.details,
  };
  void reply.code(status).header("Cache-Control", "no-store").header("Content-Type", "application/problem+json");
  if (error.retryAfterMs !== undefined) void reply.header("Retry-After", Math.ceil(error.retryAfterMs / 1000));
  // Already text: the schema of the route's success answer does not apply.
  return reply.serializer((text: string) => text).send(JSON.stringify(problem));
}

function toAppError(error: unknown): AppError {
  if (hasZodFastifySchemaValidationErrors(error)) return toValidationError(error.validation);
  // Text that Postgres cannot store, such as U+0000.
  if (isDatabaseError(error, "22021")) return invalidField("", "contains characters that cannot be stored");
  const translated = translate(error);
  if (translated instanceof AppError) return translated;
  return new AppError(codeOf(error), { cause: error });
}

function codeOf(error: unknown): ErrorCode {
  const { code, statusCode } = error as Partial<FastifyError>;
  if (statusCode === undefined || statusCode < 400 || statusCode >= 500) return "INTERNAL";
  if (code === "FST_ERR_CTP_BODY_TOO_LARGE") return "TOO_LARGE";
  if (code === "FST_ERR_CTP_INVALID_MEDIA_TYPE") return "UNSUPPORTED_MEDIA_TYPE";
  return statusCode === 404 ? "NOT_FOUND" : "BAD_FRAME";
}

type Issue = { instancePath: string; message?: string; params?: Record<string, unknown> };

function toValidationError(issues: readonly Issue[]): AppError {
  const fields = issues.slice(0, 50).flatMap(({ instancePath, message = "is wrong", params }) => {
    const path = instancePath.slice(1).replaceAll("/", ".");
    // A field that does not belong there is named itself, not the object around it.
    if (!Array.isArray(params?.keys)) return [{ path, message }];
    const keys = params.keys.slice(0, 50).map((key) => String(key).slice(0, 100));
    return keys.map((key) => ({ path: path ? `${path}.${key}` : key, message: "is not a field here" }));
  });
  return new AppError("VALIDATION", { details: { fields } });
}

/** Name, cleaned message and place of an error: those of the database carry the values of rows otherwise. */
function describeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { reason: "something that is no error was thrown" };
  const stack = (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
  const cause = error.cause instanceof Error ? describeFailure(error.cause) : undefined;
  return { reason: describeFailure(error), cause, stack: stack.slice(0, 12).map((line) => line.trim()) };
}
