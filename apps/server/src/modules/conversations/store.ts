import type { AgentId, ContactId, ConversationEventKind, ConversationId, MessageId } from "@presszero/contracts";
import { type Generated, sql } from "kysely";
import type { Ctx } from "../../kernel/context.ts";
import type { InTx } from "../../kernel/database.ts";
import { appendEvent } from "../../kernel/events.ts";
import { type CommitResult, type CommitRow, commitResults, type MessageRow } from "./message-writer.ts";
import { isPublicKind } from "./rules.ts";

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

/** Takes the next place in the lanes, applies `change` to the row and records the fact. */
export async function appendToLane(
  ctx: Ctx & InTx,
  id: ConversationId,
  fact: { kind: ConversationEventKind; data: Record<string, unknown> },
  change: { status?: "open" | "closed"; assignee_id?: AgentId | null } = {},
): Promise<void> {
  const isPublic = isPublicKind(fact.kind);
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
  const { rows } = await sql<CommitRow>`
    select ord, outcome, message_id, conversation_id, seq, public_seq, created_at from commit_messages(
      ${[row.companyId]}::text[], ${[row.conversationId]}::text[], ${[row.messageId]}::text[], ${[row.deviceId]}::text[],
      ${[row.clientId]}::uuid[], ${[row.bodyHash]}::bytea[], ${[row.authorType]}::text[], ${[row.authorId]}::text[],
      ${[row.kind]}::text[], ${[row.text]}::text[], true)`.execute(ctx.tx);
  return commitResults(rows)[0]!;
}
