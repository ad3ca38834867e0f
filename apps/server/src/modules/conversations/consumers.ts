import { messageId } from "@presszero/contracts";
import type { Consumer } from "../../kernel/consumers.ts";
import { inTx } from "../../kernel/database.ts";
import { writeMessageWords } from "./search-store.ts";

/** Makes the words of messages findable: those of a new one, those of an edited one anew, those of a deleted one no more. */
const messageWords: Consumer = {
  name: "conversations.message-words",
  types: ["message.created", "message.changed"],
  async handle(ctx, event) {
    if (event.type === "message.changed" && event.data.change === "reacted") return;
    const id = messageId.parse(event.refId);
    await inTx(ctx, (tx) => writeMessageWords(tx, id));
  },
};

export const conversationsConsumers: readonly Consumer[] = [messageWords];
