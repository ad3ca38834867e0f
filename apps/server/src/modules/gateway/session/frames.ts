import {
  clientFrame,
  type ConversationId,
  type ErrorCode,
  errorCodes,
  type ParsedClientFrame,
  type ServerFrame,
} from "@presszero/contracts";
import { exceedsJson, maxJsonDepth } from "../../../kernel/json-size.ts";
import type { Failure, SessionEffect } from "./types.ts";

type ErrorFrame = Extract<ServerFrame, { type: "error" }>;

const frameTypes = new Set(clientFrame.options.map((option) => option.shape.type.value as string));

/** The object in a text frame; undefined when it is none. */
export function parseObject(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** A hello names 200 conversations with two keys each; nothing else needs so many. */
const maxKeys = 1_000;
/** So many wrong fields are named: an answer is no larger than what it answers. */
const maxFields = 50;

/** The frame, or the answer to one of an unknown type or with wrong fields. */
export function readFrame(raw: object): ParsedClientFrame | ErrorFrame {
  if (exceedsJson(raw, maxJsonDepth, maxKeys)) {
    return { type: "error", id: readId(raw), code: "TOO_LARGE", retry: errorCodes.TOO_LARGE.retry };
  }
  const parsed = clientFrame.safeParse(raw);
  if (parsed.success) return parsed.data;
  const { type } = raw as { type?: unknown };
  const isKnown = typeof type === "string" && frameTypes.has(type);
  const code: ErrorCode = isKnown ? "VALIDATION" : "UNKNOWN_TYPE";
  const fields = parsed.error.issues.slice(0, maxFields).map((issue) => ({
    path: issue.path.join(".").slice(0, 200),
    message: issue.message.slice(0, 200),
  }));
  return {
    type: "error",
    id: readId(raw),
    code,
    retry: errorCodes[code].retry,
    ...(isKnown && { details: { fields } }),
  };
}

/** The number that the answer to a frame carries; null when the frame has none that is one. */
export function readId(raw: object): number | null {
  const { id } = raw as { id?: unknown };
  return typeof id === "number" && Number.isSafeInteger(id) && id >= 0 ? id : null;
}

export function failureOf(code: ErrorCode, more: Pick<Failure, "retryAfterMs" | "details"> = {}): Failure {
  return { code, retry: errorCodes[code].retry, ...more };
}

/** The answer to a frame that failed; `id` is the frame's, null when it has none. */
export function answerError(
  out: SessionEffect[],
  id: number | null,
  conversationId: ConversationId | null,
  failure: Failure,
): void {
  const { code, retry, retryAfterMs, details } = failure;
  const frame: ErrorFrame = {
    type: "error",
    id,
    code,
    retry,
    ...(conversationId !== null && { conversationId }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...(details && { details }),
  };
  out.push({ type: "send", frame });
}
