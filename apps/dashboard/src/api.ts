import type { ErrorCode } from "@presszero/contracts";
import { ApiError, createApi } from "@presszero/sdk";

/** The origin that serves the dashboard serves the API too; the session is its HttpOnly cookie. */
export const baseUrl = location.origin;

export const api = createApi({ baseUrl });

export function codeOf(error: unknown): ErrorCode {
  return error instanceof ApiError ? error.code : "INTERNAL";
}
