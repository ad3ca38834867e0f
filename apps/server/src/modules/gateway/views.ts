import type { ConversationId } from "@presszero/contracts";
import { sql } from "kysely";
import type pg from "pg";
import type { Ctx } from "../../kernel/context.ts";
import type { InTx } from "../../kernel/database.ts";

/** A position in the log of changes: every transaction below it has ended. */
export type Horizon = string;

export async function readHorizon(ctx: InTx): Promise<Horizon> {
  const { rows } = await sql<{ horizon: string }>`
    select pg_snapshot_xmin(pg_current_snapshot())::text as horizon`.execute(ctx.tx);
  return rows[0]!.horizon;
}

/** Conversations of the actor with events since `from` that they may see; at most `limit`. */
export async function listChangedConversations(
  ctx: Ctx & InTx,
  from: Horizon,
  limit: number,
): Promise<ConversationId[]> {
  const mine = ctx.actor.type === "contact" ? sql`and c.contact_id = ${ctx.actor.id} and e.is_public` : sql``;
  const { rows } = await sql<{ id: ConversationId }>`
    select distinct c.id
    from event e
    join conversation c on c.company_id = e.company_id and c.id = e.subject_id
    where e.company_id = ${ctx.companyId} and e.xid >= ${from}::xid8 ${mine}
    limit ${limit}`.execute(ctx.tx);
  return rows.map((row) => row.id);
}

export type Change = {
  companyId: string;
  subjectId: string;
  seq: number;
  types: string[];
  /** Seq of the newest event that customers learn of, zero if there is none. */
  newestPublic: number;
  ageSeconds: number;
};

/** What was committed since `from`, one row a subject, and the position to go on from. No position: only where we are. */
export async function readChanges(
  worker: pg.Pool,
  from: Horizon | null,
): Promise<{ changes: Change[]; horizon: Horizon }> {
  const { rows: positions } = await worker.query<{ horizon: string }>({
    name: "horizon",
    text: "select pg_snapshot_xmin(pg_current_snapshot())::text as horizon",
  });
  const { horizon } = positions[0]!;
  if (from === null || from === horizon) return { changes: [], horizon };
  const { rows: changes } = await worker.query<Change>({
    name: "changes",
    text: `select company_id as "companyId", subject_id as "subjectId", max(seq) as seq, array_agg(distinct type) as types,
                  coalesce(max(seq) filter (where is_public), 0) as "newestPublic",
                  extract(epoch from clock_timestamp() - min(created_at))::float8 as "ageSeconds"
           from event where xid >= $1::xid8 and xid < $2::xid8
           group by company_id, subject_id`,
    values: [from, horizon],
  });
  return { changes, horizon };
}

/** The epoch of the database: another one means that history was put back. */
export async function readEpoch(worker: pg.Pool): Promise<string> {
  const { rows } = await worker.query<{ value: string }>("select value from system_meta where name = 'epoch'");
  return rows[0]!.value;
}
