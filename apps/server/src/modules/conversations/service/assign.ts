import type { AgentId, ConversationId } from "@presszero/contracts";
import type { Ctx } from "../../../kernel/context.ts";
import { inTx } from "../../../kernel/database.ts";
import { AppError } from "../../../kernel/errors.ts";
import { getAssignableAgent } from "../../identity/index.ts";
import { accessForChange } from "../access.ts";
import { appendToLane } from "../store.ts";

/** Assigns to an active agent of the company, or to nobody. Assigning to the one who has it changes nothing. */
export async function assignConversation(ctx: Ctx, id: ConversationId, agentId: AgentId | null): Promise<void> {
  if (ctx.actor.type === "contact") throw new AppError("FORBIDDEN");
  await inTx(ctx, async (tx) => {
    const conversation = await accessForChange(tx, id, "conversations.assign");
    const assignee = agentId === null ? null : await getAssignableAgent(tx, agentId);
    if (conversation.assigneeId === agentId) return;
    await appendToLane(tx, id, { kind: "conversation.assigned", data: { assignee } }, { assignee_id: agentId });
  });
}
