import type { ContactId, Sent } from "@presszero/contracts";
import type { Ctx } from "../../../kernel/context.ts";
import { type InTx, inTx, isUniqueViolation } from "../../../kernel/database.ts";
import { AppError, invalidField } from "../../../kernel/errors.ts";
import { newId } from "../../../kernel/ids.ts";
import { bodyHash, isCustomerKind } from "../rules.ts";
import { appendToLane, commitInTx, findMessageByClientId, insertConversation } from "../store.ts";
import { createdEvent, messageRow, type SendInput, toSent } from "./send.ts";

/** Another connection committed the same client id after we had looked for it. */
const raced = new Error("the client id was used meanwhile");

/**
 * A customer starts a conversation with its first message: conversation, `conversation.started` and the message commit
 * together. A repeat with the same client id finds the first attempt, also when both run at once.
 */
export async function startConversation(ctx: Ctx, input: SendInput): Promise<Sent> {
  const { actor } = ctx;
  if (actor.type !== "contact" || !isCustomerKind(input.message)) throw new AppError("FORBIDDEN");
  if (input.message.replyTo) throw invalidField("message.replyTo", "must be a message of this conversation");
  for (let attempt = 1; ; attempt++) {
    try {
      return await inTx(ctx, (tx) => start(tx, actor.id, input));
    } catch (error) {
      if (attempt < 4 && (error === raced || isUniqueViolation(error, "message_client_id"))) continue;
      throw error;
    }
  }
}

async function start(ctx: Ctx & InTx, contactId: ContactId, input: SendInput): Promise<Sent> {
  const receivedAt = performance.now();
  const known = await findMessageByClientId(ctx, input.deviceId, input.clientId);
  if (known) {
    const isSame = known.bodyHash.equals(bodyHash(input.message)) && known.authorId === contactId;
    return toSent(ctx, input.clientId, isSame ? { ...known, outcome: "duplicate" } : { outcome: "conflict" });
  }
  const id = newId("conversation");
  await insertConversation(ctx, { id, contactId, channel: "web" });
  await appendToLane(ctx, id, { kind: "conversation.started", data: { channel: "web" } });
  const row = messageRow(ctx, id, input);
  const result = await commitInTx(ctx, row);
  // Thrown, so that the conversation goes with it; the next attempt finds the message.
  if (result.outcome !== "ok") throw raced;
  ctx.recorded.push(createdEvent(ctx, row, result, { ...input, receivedAt }));
  return toSent(ctx, input.clientId, result);
}
