import type { ConversationId, Draft } from "@presszero/contracts";
import type { Ctx } from "../../../kernel/context.ts";
import { inTx } from "../../../kernel/database.ts";
import { AppError } from "../../../kernel/errors.ts";
import { requirePermission } from "../../identity/index.ts";
import { accessLaneHead } from "../access.ts";
import { deleteDraft, listDrafts, upsertDraft } from "../store.ts";

/** What the agent has written in this conversation and not sent, on whichever device. */
export async function listMyDrafts(ctx: Ctx, id: ConversationId): Promise<{ items: Draft[] }> {
  const agentId = accessDrafts(ctx);
  return inTx(ctx, async (tx) => {
    await accessLaneHead(tx, id);
    return { items: await listDrafts(tx, id, agentId) };
  });
}

/** Keeps the text; an empty one forgets it. Of two devices the one that writes last counts. */
export async function saveMyDraft(
  ctx: Ctx,
  id: ConversationId,
  draft: { kind: "text" | "note"; text: string },
): Promise<void> {
  const agentId = accessDrafts(ctx);
  await inTx(ctx, async (tx) => {
    await accessLaneHead(tx, id);
    if (draft.text === "") await deleteDraft(tx, id, agentId, draft.kind);
    else await upsertDraft(tx, id, agentId, draft);
  });
}

function accessDrafts(ctx: Ctx) {
  requirePermission(ctx, "conversations.reply");
  if (ctx.actor.type !== "agent") throw new AppError("FORBIDDEN");
  return ctx.actor.id;
}
