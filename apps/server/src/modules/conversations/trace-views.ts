import type { Author, ConversationId, MessageId, MessageKind } from "@presszero/contracts";
import { sql } from "kysely";
import type { Ctx } from "../../kernel/context.ts";
import type { InTx } from "../../kernel/database.ts";
import { authorName } from "./views.ts";

export type TracedMessage = {
  seq: number;
  publicSeq: number;
  /** Meant for the customer as well. */
  isPublic: boolean;
  kind: MessageKind;
  author: Author;
  deviceId: string;
  createdAt: Date;
  xid: string;
  eventId: number;
  batchSize: number;
  belowHorizon: boolean;
};

/** A message of this conversation and its event, without the text. */
export async function findTracedMessage(
  ctx: Ctx & InTx,
  conversationId: ConversationId,
  id: MessageId,
): Promise<TracedMessage | null> {
  const { rows } = await sql<Omit<TracedMessage, "author"> & { type: Author["type"]; id: string; name: string | null }>`
    select m.seq, m.public_seq as "publicSeq", e.is_public as "isPublic", m.kind, m.device_id as "deviceId", m.created_at as "createdAt",
           m.author_type as type, m.author_id as id,
           ${authorName(sql`m.author_type`, sql`m.author_id`, sql`m.company_id`)} as name,
           e.xid::text as xid, e.id as "eventId",
           e.xid < pg_snapshot_xmin(pg_current_snapshot()) as "belowHorizon",
           (select count(*) from event other
             where other.company_id = e.company_id and other.xid = e.xid and other.type = 'message.created') as "batchSize"
      from message m
      join event e on e.company_id = m.company_id and e.subject_id = m.conversation_id and e.seq = m.seq
     where m.company_id = ${ctx.companyId} and m.conversation_id = ${conversationId} and m.id = ${id}`.execute(ctx.tx);
  if (!rows[0]) return null;
  const { type, id: authorId, name, ...row } = rows[0];
  return { ...row, author: { type, id: authorId, name } };
}

export type ReaderRow = { author: Author; deliveredSeq: number; readSeq: number };

const mostReaders = 50;

/** How far everybody has come who said so, in the lane of all events, and the customer in any case. */
export async function listReaders(ctx: Ctx & InTx, conversationId: ConversationId): Promise<ReaderRow[]> {
  const { rows } = await sql<{
    type: Author["type"];
    id: string;
    name: string | null;
    deliveredSeq: number;
    readSeq: number;
  }>`
    select r.type, r.id, ${authorName(sql`r.type`, sql`r.id`, sql`r.company_id`)} as name,
           coalesce(m.delivered_seq, 0) as "deliveredSeq", coalesce(m.read_seq, 0) as "readSeq"
      from (select c.company_id, c.id as conversation_id, 'contact' as type, c.contact_id as id
              from conversation c where c.company_id = ${ctx.companyId} and c.id = ${conversationId}
            union
            select k.company_id, k.conversation_id, k.reader_type, k.reader_id
              from conversation_mark k where k.company_id = ${ctx.companyId} and k.conversation_id = ${conversationId}) r
      left join conversation_mark m
        on m.company_id = r.company_id and m.conversation_id = r.conversation_id and m.reader_id = r.id
     order by r.type <> 'contact', m.delivered_seq desc nulls last, r.id
     limit ${mostReaders}`.execute(ctx.tx);
  return rows.map(({ type, id, name, ...marks }) => ({ author: { type, id, name }, ...marks }));
}
