import type { ConversationId } from "@presszero/contracts";
import type { Ctx } from "../../kernel/context.ts";
import { inTx } from "../../kernel/database.ts";
import {
  accessLaneHeads,
  limitSends,
  listEvents,
  listFeedEntries,
  listLaneEvents,
  mergeMark,
  sendMessage,
  sideOf,
  startConversation,
  traceMark,
} from "../conversations/index.ts";
import { isStillSignedIn, requirePermission } from "../identity/index.ts";
import { readFeed, toText } from "./feed.ts";
import type { Commit, FeedText, SessionCall, SessionInput } from "./session.ts";

/** Does what a session asks for, by the services, which check what its owner may do at that moment (SR3). */
export async function answerCall(
  ctx: Ctx,
  deviceId: string,
  call: Exclude<SessionCall, { type: "redeem" }>,
): Promise<SessionInput> {
  switch (call.type) {
    case "commit":
      return commit(ctx, deviceId, call);
    case "mergeMark": {
      const { conversationId, delivered, read } = call;
      if (!call.isRepeat) traceMark(ctx, deviceId, { conversationId, delivered, read });
      await mergeMark(ctx, { conversationId, delivered, read });
      return { type: "marked", of: call };
    }
    case "readHeads": {
      const heads = await inTx(ctx, (tx) => accessLaneHeads(tx, call.ids));
      return { type: "headsRead", call: call.call, heads };
    }
    case "readEvents": {
      const { conversationId, after, limit } = call;
      const range = after === null ? { limit } : { after, limit };
      const events = await inTx(ctx, (tx) => listLaneEvents(tx, sideOf(ctx), conversationId, range));
      return { type: "eventsRead", call: call.call, events };
    }
    case "readPage": {
      const { conversationId, after, before, limit } = call;
      return { type: "pageRead", of: call, page: await listEvents(ctx, conversationId, { after, before, limit }) };
    }
    case "readFeed":
      if (ctx.actor.type !== "contact") requirePermission(ctx, "conversations.read");
      return { type: "feedRead", ...(await inTx(ctx, (tx) => readFeed(tx, call.cursor))) };
    case "readEntries":
      return { type: "entriesRead", items: await readEntries(ctx, call.ids) };
    case "checkAccess":
      return { type: "accessChecked", isSignedIn: await isStillSignedIn(ctx) };
  }
}

async function commit(ctx: Ctx, deviceId: string, call: Commit): Promise<SessionInput> {
  const stopTimer = ctx.metrics.sendAckSeconds.startTimer();
  limitSends(ctx);
  const input = { deviceId, clientId: call.clientId, message: call.message, overSocket: true };
  const sent = call.conversationId
    ? await sendMessage(ctx, call.conversationId, input)
    : await startConversation(ctx, input);
  stopTimer();
  return { type: "sent", of: call, sent };
}

async function readEntries(ctx: Ctx, ids: readonly ConversationId[]): Promise<FeedText[]> {
  const entries = await inTx(ctx, (tx) => listFeedEntries(tx, ids));
  const isStaff = sideOf(ctx) === "business";
  return entries.map(({ staff, customer }) => toText(isStaff ? staff : customer));
}
