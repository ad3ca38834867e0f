import type { AgentId, Author, ContactId, ConversationId, MessageId, MessageKind } from "@presszero/contracts";
import { type RawBuilder, sql } from "kysely";
import type { Ctx } from "../../kernel/context.ts";
import type { InTx } from "../../kernel/database.ts";
import { authorName } from "./views.ts";

export type FoundPosition = { createdAt: string; id: string };

export type FoundRow = {
  id: MessageId;
  conversation_id: ConversationId;
  seq: number;
  public_seq: number;
  kind: MessageKind;
  text: string;
  author_type: Author["type"];
  author_id: string;
  author_name: string | null;
  created_at: Date;
  status: "open" | "closed";
  contact_id: ContactId;
  contact_name: string | null;
  assignee_id: AgentId | null;
  assignee_name: string | null;
};

export type FoundFilter = {
  from?: "contact" | "business";
  status?: "open" | "closed";
  assigneeId?: string | null;
  contactId?: ContactId;
  onlyPublic?: boolean;
  since?: string;
  until?: string;
};

/** Messages with all the words of `query` (see `queryOf`), the newest first, after `position`. */
export async function listFoundMessages(
  ctx: Ctx & InTx,
  query: string,
  filter: FoundFilter,
  position: FoundPosition | null,
  limit: number,
): Promise<FoundRow[]> {
  const conditions: RawBuilder<unknown>[] = [sql`w.company_id = ${ctx.companyId}`, sql`w.words @@ ${query}::tsquery`];
  if (filter.onlyPublic) conditions.push(sql`w.is_public`);
  if (filter.contactId) conditions.push(sql`w.contact_id = ${filter.contactId}`);
  if (filter.from) conditions.push(sql`w.from_contact = ${filter.from === "contact"}`);
  if (filter.since) conditions.push(sql`w.created_at >= ${filter.since}::timestamptz`);
  if (filter.until) conditions.push(sql`w.created_at < ${filter.until}::timestamptz`);
  if (filter.status) conditions.push(sql`c.status = ${filter.status}`);
  if (filter.assigneeId !== undefined) conditions.push(sql`c.assignee_id is not distinct from ${filter.assigneeId}`);
  if (position) {
    conditions.push(sql`(w.created_at, w.message_id) < (${position.createdAt}::timestamptz, ${position.id})`);
  }
  const { rows } = await sql<FoundRow>`
    select m.id, m.conversation_id, m.seq, m.public_seq, m.kind, m.text, m.author_type, m.author_id,
           ${authorName(sql`m.author_type`, sql`m.author_id`, sql`m.company_id`)} as author_name, m.created_at,
           c.status, c.contact_id, ct.name as contact_name, c.assignee_id, a.name as assignee_name
    from message_words w
    join message m on m.company_id = w.company_id and m.id = w.message_id
    join conversation c on c.company_id = w.company_id and c.id = w.conversation_id
    join contact ct on ct.company_id = c.company_id and ct.id = c.contact_id
    left join agent a on a.company_id = c.company_id and a.id = c.assignee_id
    where ${sql.join(conditions, sql` and `)}
    order by w.created_at desc, w.message_id desc
    limit ${limit}`.execute(ctx.tx);
  return rows;
}
