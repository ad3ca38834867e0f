import { type DestinationStream, type Logger, pino } from "pino";
import { AppError } from "./errors.ts";
import type { Settings } from "./settings.ts";

const secretNames = ["password", "token", "secret", "secretKey", "authorization", "cookie", "ticket"];
const redactedPaths = ["", "*.", "*.*.", "*.*.*."].flatMap((depth) =>
  [...secretNames, '["set-cookie"]'].map((name) => (depth + name).replace(".[", "[")),
);

/**
 * One JSON object per line on standard output, made readable on a terminal. Fields that hold secrets are redacted up to
 * four levels deep. Never log message texts or addresses of people: log ids.
 */
export function createLogger(settings: Pick<Settings, "logLevel">, destination?: DestinationStream): Logger {
  const options = {
    level: settings.logLevel,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: redactedPaths, censor: "[redacted]" },
    serializers: { err: summarize },
  };
  if (destination) return pino(options, destination);
  if (!process.stdout.isTTY) return pino(options);
  return pino({ ...options, transport: { target: "pino-pretty", options: { translateTime: "SYS:HH:MM:ss.l" } } });
}

/**
 * An error without what libraries hang on it: the bytes of a request with its token, the values of a row, sockets. These
 * must not be written down, and some of them break the redaction, whose failure would end the process.
 */
function summarize(error: unknown): unknown {
  if (!(error instanceof Error)) return describeFailure(error);
  const { name, message, stack, cause } = error;
  const { code } = error as NodeJS.ErrnoException;
  return { type: name, code, message, stack, ...(cause instanceof Error && { cause: summarize(cause) }) };
}

/** Why something failed, to be stored or shown: one short line without what may be an address, a secret or a text. */
export function describeFailure(error: unknown): string {
  if (error instanceof AppError) return error.code;
  if (!(error instanceof Error)) return "unknown error";
  const message = error.message
    .slice(0, 2_000)
    .replace(/[^\s<>"'`]+@[^\s<>"'`]+/g, "[address]")
    .replace(/[\w.~+/=-]{24,}/g, "[…]")
    .replace(/"[^"]*"|“[^”]*”/g, '"…"')
    .replace(/[\p{C}\s]+/gu, " ");
  const code = (error as NodeJS.ErrnoException).code;
  return `${code ? `${code}: ` : ""}${message}`.slice(0, 200);
}
