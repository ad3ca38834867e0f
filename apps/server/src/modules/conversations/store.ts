import type { AgentId, ContactId, ConversationEventKind, Draft, ConversationId, MessageId } from "@presszero/contracts";
import { CompiledQuery, type Generated, sql } from "kysely";
import type { Ctx } from "../../kernel/context.ts";
import type { InTx } from "../../kernel/database.ts";
import { appendEvent } from "../../kernel/events.ts";
import {
  type CommitResult,
  type CommitRow,
  commitResults,
  commitStatement,
  type MessageRow,
} from "./message-writer.ts";
import { isPublicKind } from "./rules.ts";
import type { StoredMessage } from "./wire.ts";

type Tables = {
  conversation: {
    company_id: string;
    id: ConversationId;
    contact_id: ContactId;
    channel: string;
    status: Generated<"open" | "closed">;
    assignee_id: AgentId | null;
    seq: Generated<number>;
    public_seq: Generated<number>;
    started_at: Date;
    activity_at: Date;
    public_activity_at: Date;
    listed_at: Date;
  };
};

const tables = (ctx: InTx) => ctx.tx.withTables<Tables>();

export type ConversationRow = {
  id: ConversationId;
  contactId: ContactId;
  status: "open" | "closed";
  assigneeId: AgentId | null;
  seq: number;
  publicSeq: number;
};

/** The conversation of the ctx's company, locked against other changes until the end of the transaction. */
export async function findConversationForUpdate(ctx: Ctx & InTx, id: ConversationId): Promise<ConversationRow | null> {
  const row = await tables(ctx)
    .selectFrom("conversation")
    .select(["id", "contact_id", "status", "assignee_id", "seq", "public_seq"])
    .where("company_id", "=", ctx.companyId)
    .where("id", "=", id)
    .forNoKeyUpdate()
    .executeTakeFirst();
  if (!row) return null;
  return {
    id: row.id,
    contactId: row.contact_id,
    status: row.status,
    assigneeId: row.assignee_id,
    seq: row.seq,
    publicSeq: row.public_seq,
  };
}

export async function insertConversation(
  ctx: Ctx & InTx,
  conversation: { id: ConversationId; contactId: ContactId; channel: "web" },
): Promise<void> {
  const now = sql<Date>`clock_timestamp()`;
  await tables(ctx)
    .insertInto("conversation")
    .values({
      company_id: ctx.companyId,
      id: conversation.id,
      contact_id: conversation.contactId,
      channel: conversation.channel,
      started_at: now,
      activity_at: now,
      public_activity_at: now,
      listed_at: now,
    })
    .execute();
}

/** Takes the next place in the lanes, applies `change` to the row and records the fact; `message` is the one it is about. */
export async function appendToLane(
  ctx: Ctx & InTx,
  id: ConversationId,
  fact: { kind: ConversationEventKind; data: Record<string, unknown>; message?: StoredMessage },
  change: { status?: "open" | "closed"; assignee_id?: AgentId | null } = {},
): Promise<void> {
  const isPublic = isPublicKind(fact.kind) && fact.message?.kind !== "note";
  const { seq, public_seq } = await tables(ctx)
    .updateTable("conversation")
    .set((row) => ({
      ...change,
      seq: row("seq", "+", 1),
      public_seq: row("public_seq", "+", isPublic ? 1 : 0),
    }))
    .where("company_id", "=", ctx.companyId)
    .where("id", "=", id)
    .returning(["seq", "public_seq"])
    .executeTakeFirstOrThrow();
  await appendEvent(ctx, {
    subjectId: id,
    type: fact.kind,
    data: fact.data,
    ...(fact.message && { refId: fact.message.id, content: fact.message }),
    lane: { seq, publicSeq: public_seq, isPublic },
  });
}

/** What was stored under a device's client id. */
export async function findMessageByClientId(
  ctx: Ctx & InTx,
  deviceId: string,
  clientId: string,
): Promise<(StoredPlace & { bodyHash: Buffer; authorId: string }) | null> {
  const { rows } = await sql<StoredPlace & { bodyHash: Buffer; authorId: string }>`
    select id as "messageId", conversation_id as "conversationId", seq, public_seq as "publicSeq",
           created_at as "createdAt", body_hash as "bodyHash", author_id as "authorId"
    from message
    where company_id = ${ctx.companyId} and device_id = ${deviceId} and client_id = ${clientId}`.execute(ctx.tx);
  return rows[0] ?? null;
}

type StoredPlace = {
  messageId: MessageId;
  conversationId: ConversationId;
  seq: number;
  publicSeq: number;
  createdAt: Date;
};

/** Commits one message within the transaction, by the same function as the message writer. */
export async function commitInTx(ctx: InTx, row: MessageRow): Promise<CommitResult> {
  const { text, values } = commitStatement([row], true);
  const { rows } = await ctx.tx.executeQuery<CommitRow>(CompiledQuery.raw(text, values));
  return commitResults(rows)[0]!;
}

/** Writes a change of a message; the caller holds the lock on its conversation. What it said before is kept. */
export async function updateMessageText(ctx: Ctx & InTx, id: MessageId, text: string): Promise<void> {
  await sql`
    insert into message_revision (company_id, message_id, revision, text)
    select company_id, id, revision, text from message where company_id = ${ctx.companyId} and id = ${id}`.execute(
    ctx.tx,
  );
  await sql`
    update message set text = ${text}, revision = revision + 1, edited_at = clock_timestamp()
    where company_id = ${ctx.companyId} and id = ${id}`.execute(ctx.tx);
}

/** Takes everything that a message said out of the database. */
export async function eraseMessage(ctx: Ctx & InTx, id: MessageId): Promise<void> {
  for (const table of ["message_revision", "message_reaction"]) {
    await sql`delete from ${sql.table(table)} where company_id = ${ctx.companyId} and message_id = ${id}`.execute(
      ctx.tx,
    );
  }
  await sql`
    update message set text = '', content = null, revision = revision + 1, deleted_at = clock_timestamp()
    where company_id = ${ctx.companyId} and id = ${id}`.execute(ctx.tx);
}

/** Puts a reaction of the actor or takes it back. False when it was so already. */
export async function setReaction(ctx: Ctx & InTx, id: MessageId, emoji: string, on: boolean): Promise<boolean> {
  const { actor, companyId } = ctx;
  const { numAffectedRows } = on
    ? await sql`
        insert into message_reaction (company_id, message_id, author_type, author_id, emoji)
        values (${companyId}, ${id}, ${actor.type}, ${actor.id}, ${emoji}) on conflict do nothing`.execute(ctx.tx)
    : await sql`
        delete from message_reaction
        where company_id = ${companyId} and message_id = ${id} and author_id = ${actor.id} and emoji = ${emoji}`.execute(
        ctx.tx,
      );
  if (numAffectedRows !== 1n) return false;
  await sql`
    update message set revision = revision + 1 where company_id = ${companyId} and id = ${id}`.execute(ctx.tx);
  return true;
}

export async function listDrafts(ctx: Ctx & InTx, id: ConversationId, agentId: AgentId): Promise<Draft[]> {
  const { rows } = await sql<{ kind: Draft["kind"]; text: string; updated_at: Date }>`
    select kind, text, updated_at from draft
    where company_id = ${ctx.companyId} and conversation_id = ${id} and agent_id = ${agentId}
    order by kind`.execute(ctx.tx);
  return rows.map((row) => ({ kind: row.kind, text: row.text, updatedAt: row.updated_at.toISOString() }));
}

export async function upsertDraft(
  ctx: Ctx & InTx,
  id: ConversationId,
  agentId: AgentId,
  draft: Pick<Draft, "kind" | "text">,
): Promise<void> {
  await sql`
    insert into draft (company_id, conversation_id, agent_id, kind, text)
    values (${ctx.companyId}, ${id}, ${agentId}, ${draft.kind}, ${draft.text})
    on conflict (company_id, conversation_id, agent_id, kind)
    do update set text = excluded.text, updated_at = clock_timestamp()`.execute(ctx.tx);
}

export async function deleteDraft(
  ctx: Ctx & InTx,
  id: ConversationId,
  agentId: AgentId,
  kind: Draft["kind"],
): Promise<void> {
  await sql`
    delete from draft
    where company_id = ${ctx.companyId} and conversation_id = ${id} and agent_id = ${agentId} and kind = ${kind}`.execute(
    ctx.tx,
  );
}
