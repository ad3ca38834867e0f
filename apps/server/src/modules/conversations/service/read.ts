import type { Conversation, ConversationId, EventsPage, MyConversation } from "@presszero/contracts";
import type { Ctx } from "../../../kernel/context.ts";
import { encodeCursor, getCursorPosition } from "../../../kernel/cursor.ts";
import { inTx } from "../../../kernel/database.ts";
import { AppError } from "../../../kernel/errors.ts";
import { requirePermission } from "../../identity/index.ts";
import { accessLaneHead, sideOf } from "../access.ts";
import {
  type ConversationFilter,
  countConversations,
  findConversationView,
  findMyConversationView,
  type ListPosition,
  listConversationViews,
  readEventsPage,
} from "../views.ts";

type PageQuery = { cursor?: string; limit: number };
type Page<T> = { items: T[]; next: string | null };

/** Conversations of the company, the latest activity first. */
export async function listConversations(ctx: Ctx, query: ConversationFilter & PageQuery): Promise<Page<Conversation>> {
  requirePermission(ctx, "conversations.read");
  const position = getCursorPosition<ListPosition>(ctx, "conversations", query.cursor);
  const { items, next } = await inTx(ctx, (tx) => listConversationViews(tx, "business", { ...query, position }));
  return { items, next: next && encodeCursor(ctx, "conversations", next) };
}

/** The customer's own conversations with the company. */
export async function listMyConversations(ctx: Ctx, query: PageQuery): Promise<Page<MyConversation>> {
  const contactId = getContactId(ctx);
  const position = getCursorPosition<ListPosition>(ctx, "my-conversations", query.cursor);
  const { items, next } = await inTx(ctx, (tx) =>
    listConversationViews(tx, "contact", { contactId, position, limit: query.limit }),
  );
  return { items, next: next && encodeCursor(ctx, "my-conversations", next) };
}

/** How many open conversations there are in each view of the actor. */
export async function getConversationCounts(ctx: Ctx): Promise<{ mine: number; unassigned: number; open: number }> {
  requirePermission(ctx, "conversations.read");
  return inTx(ctx, countConversations);
}

/** One conversation as staff see it. */
export async function getConversation(ctx: Ctx, id: ConversationId): Promise<Conversation> {
  requirePermission(ctx, "conversations.read");
  const conversation = await inTx(ctx, (tx) => findConversationView(tx, id));
  if (!conversation) throw new AppError("NOT_FOUND");
  return conversation;
}

/** One of the customer's own conversations. */
export async function getMyConversation(ctx: Ctx, id: ConversationId): Promise<MyConversation> {
  getContactId(ctx);
  return inTx(ctx, async (tx) => {
    await accessLaneHead(tx, id);
    const conversation = await findMyConversationView(tx, id);
    if (!conversation) throw new AppError("NOT_FOUND");
    return conversation;
  });
}

/** A page of events in the actor's lane, ascending; see the contract for `after` and `before`. */
export async function listEvents(
  ctx: Ctx,
  id: ConversationId,
  range: { after?: number; before?: number; limit: number },
): Promise<EventsPage> {
  return inTx(ctx, async (tx) => readEventsPage(tx, sideOf(ctx), await accessLaneHead(tx, id), range));
}

function getContactId(ctx: Ctx) {
  if (ctx.actor.type !== "contact") throw new AppError("FORBIDDEN");
  return ctx.actor.id;
}
