import type { ContactId, FoundMessage, MyFoundMessage } from "@presszero/contracts";
import type { Ctx } from "../../../kernel/context.ts";
import { encodeCursor, getCursorPosition } from "../../../kernel/cursor.ts";
import { inTx } from "../../../kernel/database.ts";
import { AppError } from "../../../kernel/errors.ts";
import { requirePermission } from "../../identity/index.ts";
import type { Side } from "../rules.ts";
import { type FoundFilter, type FoundPosition, type FoundRow, listFoundMessages } from "../search-views.ts";
import { fragmentsOf, queryOf } from "../words.ts";

type Page<T> = { items: T[]; next: string | null };
type PageQuery = { q: string; cursor?: string; limit: number };
export type StaffSearch = PageQuery & {
  from?: "contact" | "business";
  status?: "open" | "closed";
  assignee?: "me" | "none";
  contactId?: ContactId;
  since?: string;
  until?: string;
};

/** Messages of all the company's conversations with these words, the newest first. Notes are found too. */
export async function searchMessages(ctx: Ctx, query: StaffSearch): Promise<Page<FoundMessage>> {
  requirePermission(ctx, "conversations.read");
  const { assignee, ...filter } = query;
  const assigneeId = assignee === "me" ? ctx.actor.id : assignee === "none" ? null : undefined;
  const { rows, next } = await search(ctx, "messages", query, { ...filter, assigneeId });
  const items = rows.map((row): FoundMessage => ({
    conversation: {
      id: row.conversation_id,
      status: row.status,
      contact: { id: row.contact_id, name: row.contact_name },
      assignee: row.assignee_id === null ? null : { id: row.assignee_id, name: row.assignee_name! },
    },
    ...found(row, query.q, "business"),
  }));
  return { items, next };
}

/** The same for a customer: in their own conversations, and never a note. */
export async function searchMyMessages(ctx: Ctx, query: PageQuery): Promise<Page<MyFoundMessage>> {
  if (ctx.actor.type !== "contact") throw new AppError("FORBIDDEN");
  const filter = { contactId: ctx.actor.id, onlyPublic: true };
  const { rows, next } = await search(ctx, "my-messages", query, filter);
  const items = rows.map((row) => ({ conversationId: row.conversation_id, ...found(row, query.q, "contact") }));
  return { items, next };
}

async function search(
  ctx: Ctx,
  purpose: string,
  { q, cursor, limit }: PageQuery,
  filter: FoundFilter,
): Promise<{ rows: FoundRow[]; next: string | null }> {
  const position = getCursorPosition<FoundPosition>(ctx, purpose, cursor);
  const words = queryOf(q);
  if (words === null) return { rows: [], next: null };
  const rows = await inTx(ctx, (tx) => listFoundMessages(tx, words, filter, position, limit + 1));
  const last = rows.length > limit ? rows[limit - 1]! : null;
  const next = last && encodeCursor(ctx, purpose, { createdAt: last.created_at.toISOString(), id: last.id });
  return { rows: rows.slice(0, limit), next };
}

function found(row: FoundRow, q: string, side: Side) {
  return {
    message: {
      id: row.id,
      seq: side === "business" ? row.seq : row.public_seq,
      kind: row.kind,
      author: { type: row.author_type, id: row.author_id, name: row.author_name },
      createdAt: row.created_at.toISOString(),
    },
    fragments: fragmentsOf(row.text, q),
  };
}
