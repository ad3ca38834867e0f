import type {
  AgentId,
  Author,
  CompanyId,
  ContactId,
  Conversation,
  ConversationEvent,
  ConversationId,
  EventsPage,
  Message,
  MessageContent,
  MessageId,
  MessageKind,
  MyConversation,
} from "@presszero/contracts";
import { previewOf } from "@presszero/contracts";
import { type RawBuilder, sql } from "kysely";
import type { Ctx } from "../../kernel/context.ts";
import type { InTx } from "../../kernel/database.ts";
import type { Side } from "./rules.ts";
import { type LaneEvent, type StoredMessage, toWire } from "./wire.ts";

type ConversationViewRow = {
  id: ConversationId;
  company_id: CompanyId;
  status: "open" | "closed";
  channel: "web";
  head: number;
  started_at: Date;
  activity_at: Date;
  listed_at: Date;
  contact_id: ContactId;
  contact_name: string | null;
  contact_email: string | null;
  assignee_id: AgentId | null;
  assignee_name: string | null;
  contact_messages: number;
  business_messages: number;
  preview_id: MessageId | null;
  preview_text: string | null;
  preview_kind: MessageKind | null;
  preview_at: Date | null;
  preview_author_type: Author["type"] | null;
  preview_author_id: string | null;
  preview_author_name: string | null;
  my_read: number;
  my_seen: number;
  other_delivered: number;
  other_read: number;
};

/** The name of an author, whichever kind it is. */
export const authorName = (type: RawBuilder<unknown>, id: RawBuilder<unknown>, company: RawBuilder<unknown>) => sql`
  case ${type}
    when 'contact' then (select x.name from contact x where x.company_id = ${company} and x.id = ${id})
    when 'agent' then (select x.name from agent x where x.company_id = ${company} and x.id = ${id})
    when 'api_key' then (select x.name from api_key x where x.company_id = ${company} and x.id = ${id})
  end`;

/** What lists are ordered by. A note moves a conversation for staff only: customers can neither see nor count notes. */
const listedAt = (side: Side) => (side === "business" ? sql`c.listed_at` : sql`c.public_activity_at`);

/** Conversations with all that a list or a page shows of them, in the lane of `side`, marks of the ctx's actor. */
async function selectConversations(
  ctx: Ctx & InTx,
  side: Side,
  where: RawBuilder<unknown>,
  limit: number,
): Promise<ConversationViewRow[]> {
  const isStaff = side === "business";
  const head = isStaff ? sql`c.seq` : sql`c.public_seq`;
  const activity = isStaff ? sql`c.activity_at` : sql`c.public_activity_at`;
  const listed = listedAt(side);
  const lastMessage = isStaff ? sql`c.last_message_id` : sql`c.last_public_message_id`;
  const read = isStaff ? sql`read_seq` : sql`read_public_seq`;
  const delivered = isStaff ? sql`delivered_seq` : sql`delivered_public_seq`;
  const otherSide = isStaff ? sql`o.reader_type = 'contact'` : sql`o.reader_type <> 'contact'`;
  const { rows } = await sql<ConversationViewRow>`
    select c.id, c.company_id, c.status, c.channel, ${head} as head, c.started_at, ${activity} as activity_at, ${listed} as listed_at,
           c.contact_id, ct.name as contact_name, ct.email as contact_email,
           c.assignee_id, a.name as assignee_name, c.contact_messages, c.business_messages,
           p.id as preview_id, p.text as preview_text, p.kind as preview_kind, p.created_at as preview_at,
           p.author_type as preview_author_type, p.author_id as preview_author_id,
           ${authorName(sql`p.author_type`, sql`p.author_id`, sql`c.company_id`)} as preview_author_name,
           coalesce(m.${read}, 0) as my_read, coalesce(m.seen_messages, 0) as my_seen,
           coalesce(other.delivered, 0) as other_delivered, coalesce(other.read, 0) as other_read
    from conversation c
    join contact ct on ct.company_id = c.company_id and ct.id = c.contact_id
    left join agent a on a.company_id = c.company_id and a.id = c.assignee_id
    left join message p on p.company_id = c.company_id and p.id = ${lastMessage}
    left join conversation_mark m on m.company_id = c.company_id and m.conversation_id = c.id and m.reader_id = ${ctx.actor.id}
    left join lateral (
      select max(o.${delivered}) as delivered, max(o.${read}) as read
      from conversation_mark o
      where o.company_id = c.company_id and o.conversation_id = c.id and ${otherSide}
    ) other on true
    where c.company_id = ${ctx.companyId} and ${where}
    order by ${listed} desc, c.id desc
    limit ${limit}`.execute(ctx.tx);
  return rows;
}

function toMyConversation(row: ConversationViewRow, side: Side): MyConversation {
  const theirs = side === "business" ? row.contact_messages : row.business_messages;
  return {
    id: row.id,
    companyId: row.company_id,
    status: row.status,
    channel: row.channel,
    head: row.head,
    startedAt: row.started_at.toISOString(),
    activityAt: row.activity_at.toISOString(),
    preview:
      row.preview_id === null
        ? null
        : {
            id: row.preview_id,
            text: previewOf(row.preview_text!),
            by: { type: row.preview_author_type!, id: row.preview_author_id!, name: row.preview_author_name },
            kind: row.preview_kind!,
            at: row.preview_at!.toISOString(),
          },
    unread: theirs - row.my_seen,
    messages: { contact: row.contact_messages, business: row.business_messages },
    marks: { myRead: row.my_read, otherDelivered: row.other_delivered, otherRead: row.other_read },
  };
}

function toConversation(row: ConversationViewRow): Conversation {
  return {
    ...toMyConversation(row, "business"),
    contact: { id: row.contact_id, name: row.contact_name, email: row.contact_email },
    assignee: row.assignee_id === null ? null : { id: row.assignee_id, name: row.assignee_name! },
  };
}

export type ListPosition = { listedAt: string; id: string };
export type ConversationFilter = {
  status?: "open" | "closed";
  assignee?: "me" | "none";
  contactId?: ContactId;
};

/** One page after `position`; `next` is the position of the following page. */
export async function listConversationViews<S extends Side>(
  ctx: Ctx & InTx,
  side: S,
  query: ConversationFilter & { position: ListPosition | null; limit: number },
): Promise<{ items: (S extends "business" ? Conversation : MyConversation)[]; next: ListPosition | null }> {
  const conditions = [sql`true`];
  if (query.status) conditions.push(sql`c.status = ${query.status}`);
  if (query.assignee === "me") conditions.push(sql`c.assignee_id = ${ctx.actor.id}`);
  if (query.assignee === "none") conditions.push(sql`c.assignee_id is null`);
  if (query.contactId) conditions.push(sql`c.contact_id = ${query.contactId}`);
  if (query.position) {
    conditions.push(sql`(${listedAt(side)}, c.id) < (${query.position.listedAt}::timestamptz, ${query.position.id})`);
  }
  const rows = await selectConversations(ctx, side, sql.join(conditions, sql` and `), query.limit + 1);
  const last = rows.length > query.limit ? rows[query.limit - 1]! : null;
  const items = rows
    .slice(0, query.limit)
    .map((row) => (side === "business" ? toConversation(row) : toMyConversation(row, side)));
  return {
    items: items as (S extends "business" ? Conversation : MyConversation)[],
    next: last && { listedAt: last.listed_at.toISOString(), id: last.id },
  };
}

/** One conversation as staff see it. */
export async function findConversationView(ctx: Ctx & InTx, id: ConversationId): Promise<Conversation | null> {
  const [row] = await selectConversations(ctx, "business", sql`c.id = ${id}`, 1);
  return row ? toConversation(row) : null;
}

/** One conversation as its customer sees it. */
export async function findMyConversationView(ctx: Ctx & InTx, id: ConversationId): Promise<MyConversation | null> {
  const [row] = await selectConversations(ctx, "contact", sql`c.id = ${id}`, 1);
  return row ? toMyConversation(row, "contact") : null;
}

export type FeedEntry = {
  contactId: ContactId;
  staff: Omit<Conversation, "unread" | "marks">;
  customer: Omit<MyConversation, "unread" | "marks">;
};

/** The conversations of these ids as both sides see them, without anything that differs from reader to reader. */
export async function listFeedEntries(ctx: Ctx & InTx, ids: readonly ConversationId[]): Promise<FeedEntry[]> {
  const only = sql`c.id = any(${ids as ConversationId[]}::text[])`;
  const staffRows = await selectConversations(ctx, "business", only, ids.length);
  const customerRows = new Map(
    (await selectConversations(ctx, "contact", only, ids.length)).map((row) => [row.id, row] as const),
  );
  return staffRows.map((row) => {
    const { unread: _unread, marks: _marks, ...staff } = toConversation(row);
    const {
      unread: _myUnread,
      marks: _myMarks,
      ...customer
    } = toMyConversation(customerRows.get(row.id) ?? row, "contact");
    return { contactId: row.contact_id, staff, customer };
  });
}

export async function countConversations(ctx: Ctx & InTx): Promise<{ mine: number; unassigned: number; open: number }> {
  const { rows } = await sql<{ mine: number; unassigned: number; open: number }>`
    select count(*) filter (where assignee_id = ${ctx.actor.id}) as mine,
           count(*) filter (where assignee_id is null) as unassigned,
           count(*) as open
    from conversation
    where company_id = ${ctx.companyId} and status = 'open'`.execute(ctx.tx);
  return rows[0]!;
}

export type LaneHead = {
  conversationId: ConversationId;
  contactId: ContactId;
  /** Heads of both lanes. */
  seq: number;
  publicSeq: number;
  myRead: number;
  otherDelivered: number;
  otherRead: number;
};

/** Heads and marks of those of `ids` that exist in the company, in the lane of `side`. */
export async function listLaneHeads(ctx: Ctx & InTx, side: Side, ids: readonly ConversationId[]): Promise<LaneHead[]> {
  const column = (name: "read" | "delivered") => sql.raw(`${name}${side === "business" ? "_seq" : "_public_seq"}`);
  const otherSide = side === "business" ? sql`m.reader_type = 'contact'` : sql`m.reader_type <> 'contact'`;
  const { rows } = await sql<LaneHead>`
    select c.id as "conversationId", c.contact_id as "contactId", c.seq, c.public_seq as "publicSeq",
           coalesce(max(m.${column("read")}) filter (where m.reader_id = ${ctx.actor.id}), 0) as "myRead",
           coalesce(max(m.${column("delivered")}) filter (where ${otherSide}), 0) as "otherDelivered",
           coalesce(max(m.${column("read")}) filter (where ${otherSide}), 0) as "otherRead"
    from conversation c
    left join conversation_mark m on m.company_id = c.company_id and m.conversation_id = c.id
    where c.company_id = ${ctx.companyId} and c.id = any(${ids as ConversationId[]}::text[])
    group by c.company_id, c.id, c.contact_id, c.seq, c.public_seq`.execute(ctx.tx);
  return rows;
}

type EventRow = {
  subject_id: ConversationId;
  seq: number;
  public_seq: number;
  is_public: boolean;
  type: ConversationEvent["kind"];
  actor_type: Author["type"];
  actor_id: string;
  actor_name: string | null;
  created_at: Date;
  data: Record<string, unknown>;
} & (MessageRow | { message_id: null });

type MessageRow = {
  message_id: MessageId;
  message_seq: number;
  message_public_seq: number;
  client_id: string;
  author_type: Author["type"];
  author_id: string;
  author_name: string | null;
  kind: MessageKind;
  text: string;
  content: MessageContent | null;
  revision: number;
  edited_at: Date | null;
  deleted_at: Date | null;
  message_created_at: Date;
  reactions: Message["reactions"] | null;
  reply_id: MessageId | null;
  reply_text: string;
  reply_deleted_at: Date | null;
  reply_author_type: Author["type"];
  reply_author_id: string;
  reply_author_name: string | null;
};

/** A message `m`, the message `r` that it answers, and who reacted. A message that was never changed has no reactions. */
const messageColumns = sql`
  m.id as message_id, m.seq as message_seq, m.public_seq as message_public_seq, m.client_id, m.author_type, m.author_id,
  ${authorName(sql`m.author_type`, sql`m.author_id`, sql`m.company_id`)} as author_name, m.kind, m.text, m.content,
  m.revision, m.edited_at, m.deleted_at, m.created_at as message_created_at,
  case when m.revision > 0 then (
    select jsonb_agg(jsonb_build_object('emoji', per.emoji, 'by', per.people) order by per.first)
    from (
      select t.emoji, min(t.created_at) as first,
             jsonb_agg(jsonb_build_object('type', t.author_type, 'id', t.author_id, 'name',
               ${authorName(sql`t.author_type`, sql`t.author_id`, sql`t.company_id`)}) order by t.created_at) as people
      from message_reaction t
      where t.company_id = m.company_id and t.message_id = m.id
      group by t.emoji
    ) per
  ) end as reactions,
  r.id as reply_id, r.text as reply_text, r.deleted_at as reply_deleted_at, r.author_type as reply_author_type,
  r.author_id as reply_author_id,
  ${authorName(sql`r.author_type`, sql`r.author_id`, sql`r.company_id`)} as reply_author_name`;

function toStoredMessage(row: MessageRow): StoredMessage {
  return {
    id: row.message_id,
    seq: row.message_seq,
    publicSeq: row.message_public_seq,
    clientId: row.client_id,
    author: { type: row.author_type, id: row.author_id, name: row.author_name },
    kind: row.kind,
    text: row.text,
    content: row.content,
    replyTo: row.reply_id && {
      id: row.reply_id,
      author: { type: row.reply_author_type, id: row.reply_author_id, name: row.reply_author_name },
      text: row.reply_deleted_at ? null : previewOf(row.reply_text),
    },
    reactions: row.reactions ?? [],
    revision: row.revision,
    editedAt: row.edited_at,
    deletedAt: row.deleted_at,
    createdAt: row.message_created_at,
  };
}

/** A message of this conversation as it is now. */
export async function findStoredMessage(
  ctx: Ctx & InTx,
  conversationId: ConversationId,
  id: MessageId,
): Promise<StoredMessage | null> {
  const { rows } = await sql<MessageRow>`
    select ${messageColumns}
    from message m
    left join lateral (
      select * from message x where x.company_id = m.company_id and x.id = m.reply_to_id offset 0
    ) r on true
    where m.company_id = ${ctx.companyId} and m.id = ${id} and m.conversation_id = ${conversationId}`.execute(ctx.tx);
  return rows[0] ? toStoredMessage(rows[0]) : null;
}

/**
 * Events of one conversation, ascending by seq. Positions are of the lane of `side`: `after` reads on from there, `before`
 * (or neither) the newest ones below it. `offset 0` keeps each message a look-up by its id: on tables that were not
 * analyzed yet, all messages of the company would be read for every event instead.
 */
export async function listLaneEvents(
  ctx: Ctx & InTx,
  side: Side,
  conversationId: ConversationId,
  range: { after?: number; before?: number; limit: number },
): Promise<LaneEvent[]> {
  const conditions = [sql`e.company_id = ${ctx.companyId}`, sql`e.subject_id = ${conversationId}`];
  if (side === "contact") conditions.push(sql`e.is_public`);
  const position = side === "business" ? sql`e.seq` : sql`e.public_seq`;
  if (range.after !== undefined) {
    // A public seq is never above its seq, so the bound on seq lets the primary key serve both lanes.
    conditions.push(sql`e.seq > ${range.after}`, sql`${position} > ${range.after}`);
  }
  if (range.before !== undefined) conditions.push(sql`${position} < ${range.before}`);
  const isAscending = range.after !== undefined;
  const { rows } = await sql<EventRow>`
    select e.subject_id, e.seq, e.public_seq, e.is_public, e.type, e.actor_type, e.actor_id,
           ${authorName(sql`e.actor_type`, sql`e.actor_id`, sql`e.company_id`)} as actor_name,
           e.created_at, e.data, ${messageColumns}
    from event e
    left join lateral (
      select * from message x where x.company_id = e.company_id and x.id = e.ref_id offset 0
    ) m on true
    left join lateral (
      select * from message x where x.company_id = m.company_id and x.id = m.reply_to_id offset 0
    ) r on true
    where ${sql.join(conditions, sql` and `)}
    order by e.seq ${isAscending ? sql`asc` : sql`desc`}
    limit ${range.limit}`.execute(ctx.tx);
  const events = rows.map((row): LaneEvent => ({
    companyId: ctx.companyId,
    conversationId: row.subject_id,
    seq: row.seq,
    publicSeq: row.public_seq,
    isPublic: row.is_public,
    kind: row.type,
    by: { type: row.actor_type, id: row.actor_id, name: row.actor_name },
    at: row.created_at,
    data: row.data,
    message: row.message_id === null ? null : toStoredMessage(row),
  }));
  return isAscending ? events : events.reverse();
}

/** A page of a conversation's events in the lane of `side`, cut for the ctx's actor. */
export async function readEventsPage(
  ctx: Ctx & InTx,
  side: Side,
  head: LaneHead,
  range: { after?: number; before?: number; limit: number },
): Promise<EventsPage> {
  const events = await listLaneEvents(ctx, side, head.conversationId, { ...range, limit: range.limit + 1 });
  const more = events.length > range.limit;
  if (more) events.splice(range.after === undefined ? 0 : -1, 1);
  return {
    events: events.map((event) => toWire(event, { side, isAuthor: event.by.id === ctx.actor.id, marks: head })),
    head: side === "business" ? head.seq : head.publicSeq,
    more,
  };
}
