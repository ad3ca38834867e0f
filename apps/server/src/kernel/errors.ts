import { type ErrorCode, errorCodes } from "@presszero/contracts";

/**
 * The only error that services throw on purpose. Three places translate it: HTTP, gateway and worker.
 * `details` reaches the client, so it never holds anything the caller may not see.
 */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly details: Record<string, unknown> | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(
    code: ErrorCode,
    options: { details?: Record<string, unknown>; retryAfterMs?: number; cause?: unknown; message?: string } = {},
  ) {
    super(options.message ?? `${code}: ${errorCodes[code].meaning}`, { cause: options.cause });
    this.name = "AppError";
    this.code = code;
    this.details = options.details;
    this.retryAfterMs = options.retryAfterMs;
  }

  get retry(): boolean {
    return errorCodes[this.code].retry;
  }
}

/** One wrong field, in the shape the clients read. */
export function invalidField(path: string, message: string): AppError {
  return new AppError("VALIDATION", { details: { fields: [{ path, message }] } });
}
