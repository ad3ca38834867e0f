import type { conversationsRoutes, MyEventsPage } from "@presszero/contracts";
import type { Ctx } from "../../kernel/context.ts";
import type { RouteHandlers } from "../../kernel/http.ts";
import { useDevice } from "../identity/index.ts";
import { deviceIdOf } from "./access.ts";
import { limitSends } from "./send-limits.ts";
import { assignConversation } from "./service/assign.ts";
import { deleteMessage, editMessage, reactToMessage } from "./service/change.ts";
import { closeConversation, reopenConversation } from "./service/close.ts";
import { markDelivered, markRead } from "./service/mark.ts";
import {
  getConversation,
  getConversationCounts,
  getMyConversation,
  listConversations,
  listEvents,
  listMyConversations,
} from "./service/read.ts";
import { listMyDrafts, saveMyDraft } from "./service/drafts.ts";
import { searchMessages, searchMyMessages } from "./service/search.ts";
import { sendMessage } from "./service/send.ts";
import { startConversation } from "./service/start.ts";
import { getTranscript } from "./service/transcript.ts";

/**
 * The scope of the client id: the caller's device, so that a message may be repeated over the socket and over HTTP. For
 * callers that name none it is the session or API key.
 */
async function scopeOf(ctx: Ctx, deviceId: string | null): Promise<string> {
  if (deviceId === null) return deviceIdOf(ctx);
  await useDevice(ctx, deviceId);
  return deviceId;
}

export const conversationsHandlers: RouteHandlers<(typeof conversationsRoutes)[number]> = {
  "GET /v1/conversations": (ctx, { query }) => listConversations(ctx, query),
  "GET /v1/conversations/counts": (ctx) => getConversationCounts(ctx),
  "GET /v1/conversations/:conversationId": (ctx, { params }) => getConversation(ctx, params.conversationId),
  "GET /v1/conversations/:conversationId/events": (ctx, { params, query }) =>
    listEvents(ctx, params.conversationId, query),
  "POST /v1/conversations/:conversationId/messages": async (ctx, { params, body, clientId, deviceId }) => {
    limitSends(ctx);
    const scope = await scopeOf(ctx, deviceId);
    return sendMessage(ctx, params.conversationId, { deviceId: scope, clientId, message: body });
  },
  "PATCH /v1/conversations/:conversationId/messages/:messageId": (ctx, { params, body }) => {
    limitSends(ctx);
    return editMessage(ctx, params.conversationId, params.messageId, body.text);
  },
  "DELETE /v1/conversations/:conversationId/messages/:messageId": (ctx, { params }) =>
    deleteMessage(ctx, params.conversationId, params.messageId),
  "POST /v1/conversations/:conversationId/messages/:messageId/reactions": (ctx, { params, body }) => {
    limitSends(ctx);
    return reactToMessage(ctx, params.conversationId, params.messageId, body);
  },
  "POST /v1/conversations/:conversationId/ack": (ctx, { params, body }) =>
    markDelivered(ctx, params.conversationId, body.seq),
  "POST /v1/conversations/:conversationId/read": (ctx, { params, body }) =>
    markRead(ctx, params.conversationId, body.seq),
  "POST /v1/conversations/:conversationId/assign": async (ctx, { params, body }) => {
    await assignConversation(ctx, params.conversationId, body.agentId);
    return getConversation(ctx, params.conversationId);
  },
  "POST /v1/conversations/:conversationId/close": async (ctx, { params }) => {
    await closeConversation(ctx, params.conversationId);
    return getConversation(ctx, params.conversationId);
  },
  "POST /v1/conversations/:conversationId/reopen": async (ctx, { params }) => {
    await reopenConversation(ctx, params.conversationId);
    return getConversation(ctx, params.conversationId);
  },
  "GET /v1/messages/search": (ctx, { query }) => searchMessages(ctx, query),
  "GET /v1/conversations/:conversationId/drafts": (ctx, { params }) => listMyDrafts(ctx, params.conversationId),
  "PATCH /v1/conversations/:conversationId/drafts": (ctx, { params, body }) =>
    saveMyDraft(ctx, params.conversationId, body),
  "GET /v1/conversations/:conversationId/transcript": (ctx, { params, query }) =>
    getTranscript(ctx, params.conversationId, query),
  "GET /v1/my/messages/search": (ctx, { query }) => searchMyMessages(ctx, query),
  "GET /v1/my/conversations/:conversationId/transcript": (ctx, { params, query }) =>
    getTranscript(ctx, params.conversationId, query),
  "GET /v1/my/conversations": (ctx, { query }) => listMyConversations(ctx, query),
  "POST /v1/my/conversations": async (ctx, { body, clientId, deviceId }) => {
    limitSends(ctx);
    return startConversation(ctx, { deviceId: await scopeOf(ctx, deviceId), clientId, message: body });
  },
  "GET /v1/my/conversations/:conversationId": (ctx, { params }) => getMyConversation(ctx, params.conversationId),
  // The lane of a customer holds public events only; the schema of the answer refuses any other.
  "GET /v1/my/conversations/:conversationId/events": async (ctx, { params, query }) =>
    (await listEvents(ctx, params.conversationId, query)) as MyEventsPage,
  "POST /v1/my/conversations/:conversationId/messages": async (ctx, { params, body, clientId, deviceId }) => {
    limitSends(ctx);
    const scope = await scopeOf(ctx, deviceId);
    return sendMessage(ctx, params.conversationId, { deviceId: scope, clientId, message: body });
  },
  "PATCH /v1/my/conversations/:conversationId/messages/:messageId": (ctx, { params, body }) => {
    limitSends(ctx);
    return editMessage(ctx, params.conversationId, params.messageId, body.text);
  },
  "DELETE /v1/my/conversations/:conversationId/messages/:messageId": (ctx, { params }) =>
    deleteMessage(ctx, params.conversationId, params.messageId),
  "POST /v1/my/conversations/:conversationId/messages/:messageId/reactions": (ctx, { params, body }) => {
    limitSends(ctx);
    return reactToMessage(ctx, params.conversationId, params.messageId, body);
  },
  "POST /v1/my/conversations/:conversationId/ack": (ctx, { params, body }) =>
    markDelivered(ctx, params.conversationId, body.seq),
  "POST /v1/my/conversations/:conversationId/read": (ctx, { params, body }) =>
    markRead(ctx, params.conversationId, body.seq),
  "POST /v1/my/conversations/:conversationId/close": async (ctx, { params }) => {
    await closeConversation(ctx, params.conversationId);
    return getMyConversation(ctx, params.conversationId);
  },
};
