import type { ConversationId } from "@presszero/contracts";
import pg from "pg";

/**
 * Moves the seeded conversations into the past, as if they had happened over the last days. Only the owner of the tables
 * can: the log is append-only for every role of the server, and row-level security holds for the owner too unless lifted.
 */
export async function backdate(ownerUrl: string, began: ReadonlyMap<ConversationId, readonly Date[]>): Promise<void> {
  const client = new pg.Client({ connectionString: ownerUrl });
  await client.connect();
  const tables = ["event", "message", "conversation"];
  try {
    await client.query("begin");
    for (const table of tables) await client.query(`alter table ${table} no force row level security`);
    for (const [id, times] of began) {
      const [start, end] = [times[0]!, times.at(-1)!];
      await client.query(
        `with said as (
           select id, row_number() over (order by seq) as place from message where conversation_id = $1 and kind = 'text')
         update message m set created_at = ($2::timestamptz[])[said.place] from said
         where m.id = said.id and m.conversation_id = $1`,
        [id, times],
      );
      await client.query("update message set created_at = $2 where conversation_id = $1 and kind = 'note'", [id, end]);
      await client.query(
        `update event e set created_at = coalesce(
           (select m.created_at from message m where m.company_id = e.company_id and m.id = e.ref_id),
           case e.type when 'conversation.started' then $2::timestamptz else $3::timestamptz end)
         where e.subject_id = $1`,
        [id, start, end],
      );
      await client.query(
        `update conversation set started_at = $2, activity_at = $3, public_activity_at = $3, listed_at = $3 where id = $1`,
        [id, start, end],
      );
    }
    for (const table of tables) await client.query(`alter table ${table} force row level security`);
    await client.query("commit");
  } finally {
    await client.end();
  }
}
