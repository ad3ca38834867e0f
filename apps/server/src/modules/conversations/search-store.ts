import type { MessageId } from "@presszero/contracts";
import { sql } from "kysely";
import type { Ctx } from "../../kernel/context.ts";
import type { InTx } from "../../kernel/database.ts";
import { wordsOf } from "./words.ts";

/** Writes the words of a message as it is now; without any, it is not to be found. */
export async function writeMessageWords(ctx: Ctx & InTx, id: MessageId): Promise<void> {
  const { rows } = await sql<{ text: string }>`
    select text from message where company_id = ${ctx.companyId} and id = ${id}`.execute(ctx.tx);
  const words = wordsOf(rows[0]?.text ?? "");
  if (words.length === 0) {
    await sql`delete from message_words where company_id = ${ctx.companyId} and message_id = ${id}`.execute(ctx.tx);
    return;
  }
  await sql`
    insert into message_words
      (company_id, message_id, conversation_id, contact_id, is_public, from_contact, created_at, words)
    select m.company_id, m.id, m.conversation_id, c.contact_id, m.kind <> 'note', m.author_type = 'contact', m.created_at,
           array_to_tsvector(${words}::text[])
    from message m
    join conversation c on c.company_id = m.company_id and c.id = m.conversation_id
    where m.company_id = ${ctx.companyId} and m.id = ${id}
    on conflict (company_id, message_id) do update set words = excluded.words`.execute(ctx.tx);
}
