import type { Ctx } from "./context.ts";
import { invalidField } from "./errors.ts";
import { isSigned, sign } from "./tokens.ts";

/**
 * Opaque positions handed to clients. A cursor is signed for its purpose, company and actor: a forged one, or one of
 * somebody else, is refused.
 */
export function encodeCursor(ctx: Ctx, purpose: string, position: unknown): string {
  const body = Buffer.from(JSON.stringify(position)).toString("base64url");
  return `${body}.${sign(ctx.settings.secretKey, scopeOf(ctx, purpose), body)}`;
}

/** The position, or null when the cursor is not one that this actor was given for this purpose. */
export function findCursorPosition<T>(ctx: Ctx, purpose: string, cursor: string): T | null {
  const [body, signature] = cursor.split(".");
  if (!body || !signature || !isSigned(ctx.settings.secretKey, scopeOf(ctx, purpose), body, signature)) return null;
  return JSON.parse(Buffer.from(body, "base64url").toString("utf8")) as T;
}

/** The position of a list's query, null for its beginning; VALIDATION when the cursor is not ours. */
export function getCursorPosition<T>(ctx: Ctx, purpose: string, cursor: string | undefined): T | null {
  if (cursor === undefined) return null;
  const position = findCursorPosition<T>(ctx, purpose, cursor);
  if (position === null) throw invalidField("cursor", "is not a cursor of this list");
  return position;
}

function scopeOf(ctx: Ctx, purpose: string): string {
  return `cursor ${purpose} ${ctx.companyId} ${ctx.actor.id}`;
}
