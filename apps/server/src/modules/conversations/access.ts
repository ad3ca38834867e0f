import type { ConversationId } from "@presszero/contracts";
import type { Ctx } from "../../kernel/context.ts";
import type { InTx } from "../../kernel/database.ts";
import { AppError } from "../../kernel/errors.ts";
import { requirePermission } from "../identity/index.ts";
import type { Side } from "./rules.ts";
import { type ConversationRow, findConversationForUpdate } from "./store.ts";
import { type LaneHead, listLaneHeads } from "./views.ts";

/** The side of the actor: its customer, or the business. */
export function sideOf(ctx: Pick<Ctx, "actor">): Side {
  return ctx.actor.type === "contact" ? "contact" : "business";
}

/** Over HTTP the session or API key is the device: the scope of client ids. */
export function deviceIdOf({ actor }: Pick<Ctx, "actor">): string {
  return "sessionId" in actor ? actor.sessionId : actor.id;
}

/**
 * Locks a conversation that the actor may change: staff need the permission, and that to read, because the answer shows
 * the conversation; a customer must be its contact.
 */
export async function accessForChange(
  ctx: Ctx & InTx,
  id: ConversationId,
  permission: "conversations.reply" | "conversations.assign" | "conversations.close",
): Promise<ConversationRow> {
  if (ctx.actor.type !== "contact") {
    requirePermission(ctx, permission);
    requirePermission(ctx, "conversations.read");
  }
  const conversation = await findConversationForUpdate(ctx, id);
  if (!conversation) throw new AppError("NOT_FOUND");
  if (ctx.actor.type === "contact" && conversation.contactId !== ctx.actor.id) throw new AppError("NOT_FOUND");
  return conversation;
}

/** Heads and marks of those of `ids` that the actor may read; the others are left out. */
export async function accessLaneHeads(ctx: Ctx & InTx, ids: readonly ConversationId[]): Promise<LaneHead[]> {
  const { actor } = ctx;
  if (actor.type !== "contact") requirePermission(ctx, "conversations.read");
  const heads = await listLaneHeads(ctx, sideOf(ctx), ids);
  return actor.type === "contact" ? heads.filter((head) => head.contactId === actor.id) : heads;
}

export async function accessLaneHead(ctx: Ctx & InTx, id: ConversationId): Promise<LaneHead> {
  const [head] = await accessLaneHeads(ctx, [id]);
  if (!head) throw new AppError("NOT_FOUND");
  return head;
}
