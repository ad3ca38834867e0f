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
  };
  if (destination) return pino(options, destination);
  if (!process.stdout.isTTY) return pino(options);
  return pino({ ...options, transport: { target: "pino-pretty", options: { translateTime: "SYS:HH:MM:ss.l" } } });
}

/** Why something failed, to be stored or shown: one short line without what may be an address, a secret or a text. */
export function describeFailure(error: unknown): string {
  if (error instanceof AppError) return error.code;
  if (!(error instanceof Error)) return "unknown error";
  const message = error.message
    .replace(/[^\s<>"'`]+@[^\s<>"'`]+/g, "[address]")
    .replace(/[\w.~+/=-]{24,}/g, "[…]")
    .replace(/"[^"]*"|“[^”]*”/g, '"…"')
    .replace(/[\p{C}\s]+/gu, " ");
  const code = (error as NodeJS.ErrnoException).code;
  return `${code ? `${code}: ` : ""}${message}`.slice(0, 200);
}
