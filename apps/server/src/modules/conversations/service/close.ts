import type { ConversationId } from "@presszero/contracts";
import type { Ctx } from "../../../kernel/context.ts";
import { inTx } from "../../../kernel/database.ts";
import { AppError } from "../../../kernel/errors.ts";
import { accessForChange } from "../access.ts";
import { assertClosed, assertOpen } from "../rules.ts";
import { appendToLane } from "../store.ts";

/** Closes an open conversation; staff with the permission, or its customer. */
export async function closeConversation(ctx: Ctx, id: ConversationId): Promise<void> {
  await inTx(ctx, async (tx) => {
    assertOpen(await accessForChange(tx, id, "conversations.close"));
    await appendToLane(tx, id, { kind: "conversation.closed", data: {} }, { status: "closed" });
  });
}

/** Reopens a closed conversation by hand. A customer reopens by writing. */
export async function reopenConversation(ctx: Ctx, id: ConversationId): Promise<void> {
  if (ctx.actor.type === "contact") throw new AppError("FORBIDDEN");
  await inTx(ctx, async (tx) => {
    assertClosed(await accessForChange(tx, id, "conversations.close"));
    await appendToLane(tx, id, { kind: "conversation.reopened", data: {} }, { status: "open" });
  });
}
