import { z } from "zod";

/**
 * The closed list of errors. `status` is the HTTP status; `retry` says whether the same request, with the same client
 * id, may succeed later. Text for people is made in the client from the code.
 */
export const errorCodes = {
  BAD_FRAME: { status: 400, retry: false, meaning: "The request or frame could not be read." },
  VALIDATION: { status: 422, retry: false, meaning: "A field is missing or wrong; `details.fields` names it." },
  TOO_LARGE: { status: 413, retry: false, meaning: "The request is larger than the limit." },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, retry: false, meaning: "The body must be JSON." },
  UNKNOWN_TYPE: { status: 400, retry: false, meaning: "The server does not know this frame type." },
  UNAUTHENTICATED: { status: 401, retry: false, meaning: "Sign in, or get a new ticket." },
  WRONG_CREDENTIALS: { status: 401, retry: false, meaning: "E-mail or password is wrong." },
  COMPANY_REQUIRED: {
    status: 409,
    retry: false,
    meaning: "This login belongs to several companies; choose one of `details.companies`.",
  },
  FORBIDDEN: { status: 403, retry: false, meaning: "You may not do this." },
  ORIGIN_NOT_ALLOWED: { status: 403, retry: false, meaning: "This website may not use this company's chat." },
  CONSENT_REQUIRED: { status: 403, retry: false, meaning: "The person has to agree to the current terms first." },
  NOT_FOUND: { status: 404, retry: false, meaning: "There is no such thing, or it is not yours." },
  METHOD_NOT_ALLOWED: { status: 405, retry: false, meaning: "This address does not take this method." },
  ALREADY_EXISTS: { status: 409, retry: false, meaning: "There already is one with this name or address." },
  LAST_ADMIN: { status: 409, retry: false, meaning: "A company keeps at least one active admin." },
  INVITATION_INVALID: { status: 410, retry: false, meaning: "This invitation was used, revoked or has expired." },
  SETUP_CLOSED: { status: 410, retry: false, meaning: "This installation has its first admin already." },
  CLIENT_ID_CONFLICT: { status: 409, retry: false, meaning: "This client id was used with another body." },
  CONVERSATION_CLOSED: { status: 409, retry: false, meaning: "The conversation is closed; reopen it first." },
  CONVERSATION_OPEN: { status: 409, retry: false, meaning: "The conversation is open already." },
  MESSAGE_DELETED: { status: 410, retry: false, meaning: "The message was deleted." },
  TOO_LATE: { status: 409, retry: false, meaning: "The time in which this could be changed is over." },
  ORDER_BROKEN: {
    status: 409,
    retry: true,
    meaning: "An earlier message of this conversation has to be sent again first.",
  },
  RATE_LIMITED: { status: 429, retry: true, meaning: "Too many requests; wait `retryAfterMs`." },
  INTERNAL: { status: 500, retry: true, meaning: "Something went wrong on our side; it was recorded." },
  UNKNOWN_RETRY: { status: 503, retry: true, meaning: "The outcome is unknown; send again with the same client id." },
  UNAVAILABLE: { status: 503, retry: true, meaning: "The service is not available right now." },
  TIMEOUT: { status: 504, retry: true, meaning: "It took too long." },
} as const satisfies Record<string, { status: number; retry: boolean; meaning: string }>;

export type ErrorCode = keyof typeof errorCodes;

export const errorCode = z.enum(Object.keys(errorCodes) as [ErrorCode, ...ErrorCode[]]);

/** Body of every HTTP answer with a status of 400 or more (RFC 9457, `application/problem+json`). */
export const problem = z
  .strictObject({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    code: errorCode,
    retry: z.boolean(),
    retryAfterMs: z.number().int().optional(),
    requestId: z.string().optional(),
    details: z.record(z.string(), z.unknown()).optional(),
  })
  .meta({ id: "Problem" });

export type Problem = z.infer<typeof problem>;
