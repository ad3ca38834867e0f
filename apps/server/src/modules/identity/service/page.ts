import type { Ctx } from "../../../kernel/context.ts";
import { encodeCursor } from "../../../kernel/cursor.ts";

/** A page of a list in order of ids, from one row more than fits on it. */
export function pageOf<T extends { id: string }>(
  ctx: Ctx,
  purpose: string,
  rows: readonly T[],
  limit: number,
): { items: T[]; next: string | null } {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return { items, next: last && rows.length > limit ? encodeCursor(ctx, purpose, last.id) : null };
}
