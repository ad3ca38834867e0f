import type { ConversationId, Message, MessageId } from "@presszero/contracts";
import type { Ctx } from "../../../kernel/context.ts";
import { type InTx, inTx } from "../../../kernel/database.ts";
import { AppError } from "../../../kernel/errors.ts";
import { accessForChange, accessLaneHead, sideOf } from "../access.ts";
import { assertEditable, assertReactable } from "../rules.ts";
import { appendToLane, eraseMessage, setReaction, updateMessageText } from "../store.ts";
import { findStoredMessage } from "../views.ts";
import { type StoredMessage, toMessage } from "../wire.ts";

/** Gives one's own message another text, within a day. The same text changes nothing. */
export function editMessage(ctx: Ctx, conversationId: ConversationId, id: MessageId, text: string): Promise<Message> {
  return change(ctx, conversationId, id, "edited", async (tx, message) => {
    assertEditable(message, ctx.actor.id, ctx.clock.now());
    if (message.text === text) return false;
    await updateMessageText(tx, id, text);
    return true;
  });
}

/** Deletes for everyone: one's own message, or with `conversations.moderate` anybody's. A second time changes nothing. */
export async function deleteMessage(ctx: Ctx, conversationId: ConversationId, id: MessageId): Promise<void> {
  await change(ctx, conversationId, id, "deleted", async (tx, message) => {
    if (message.author.id !== ctx.actor.id && !mayModerate(ctx)) throw new AppError("FORBIDDEN");
    if (message.deletedAt) return false;
    await eraseMessage(tx, id);
    return true;
  });
}

/** Puts a reaction of the actor, or takes it back. */
export function reactToMessage(
  ctx: Ctx,
  conversationId: ConversationId,
  id: MessageId,
  reaction: { emoji: string; on: boolean },
): Promise<Message> {
  return change(ctx, conversationId, id, "reacted", async (tx, message) => {
    if (reaction.on) assertReactable(message, reaction.emoji);
    return setReaction(tx, id, reaction.emoji, reaction.on);
  });
}

function mayModerate({ actor }: Ctx): boolean {
  return "permissions" in actor && actor.permissions.has("conversations.moderate");
}

/** Locks the conversation, lets `apply` decide and write, and records the change when there was one. */
async function change(
  ctx: Ctx,
  conversationId: ConversationId,
  id: MessageId,
  kind: "edited" | "deleted" | "reacted",
  apply: (tx: Ctx & InTx, message: StoredMessage) => Promise<boolean>,
): Promise<Message> {
  return inTx(ctx, async (tx) => {
    await accessForChange(tx, conversationId, "conversations.reply");
    const message = await findStoredMessage(tx, conversationId, id);
    const isHidden = message?.kind === "note" && ctx.actor.type === "contact";
    if (!message || isHidden) throw new AppError("NOT_FOUND");
    let now = message;
    if (await apply(tx, message)) {
      now = (await findStoredMessage(tx, conversationId, id))!;
      await appendToLane(tx, conversationId, { kind: "message.changed", data: { change: kind }, message: now });
    }
    const marks = await accessLaneHead(tx, conversationId);
    const isAuthor = now.author.id === ctx.actor.id;
    return toMessage(now, { companyId: ctx.companyId, conversationId }, { side: sideOf(ctx), isAuthor, marks });
  });
}
