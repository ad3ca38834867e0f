import { z } from "zod";
import {
  conversation,
  draft,
  eventsPage,
  myConversation,
  myEventsPage,
  myFoundMessage,
  staffFoundMessage,
  transcript,
} from "./conversations.ts";
import { agentId, contactId, conversationId, messageId } from "./ids.ts";
import { emoji, message, messageText, newMessage, newStaffMessage, sent } from "./messages.ts";
import { maxFetchedEvents } from "./protocol/constants.ts";
import { page, pageQuery, route, timestamp } from "./route.ts";
import { languageTag } from "./text.ts";

const searchText = z
  .string()
  .trim()
  .min(1)
  .max(200)
  .refine((text) => text.isWellFormed() && !text.includes("\u0000"), {
    message: "must be well-formed Unicode without U+0000",
  });

const transcriptQuery = z.strictObject({
  format: z.enum(["text", "json"]).default("text"),
  locale: languageTag.default("en"),
  timeZone: z.string().max(60).refine(isTimeZone, "must be a time zone such as Europe/Vienna").default("UTC"),
});

function isTimeZone(timeZone: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone }).format();
    return true;
  } catch {
    return false;
  }
}

const params = z.strictObject({ conversationId });
const eventsQuery = z.strictObject({
  /** Events with a higher seq, ascending from there. */
  after: z.coerce.number().int().min(0).optional(),
  /** The newest events with a lower seq; without `after` and `before` the latest page. */
  before: z.coerce.number().int().min(1).optional(),
  limit: z.coerce.number().int().min(1).max(maxFetchedEvents).default(100),
});
const messageParams = z.strictObject({ conversationId, messageId });
const editBody = z.strictObject({ text: messageText });
const reactionBody = z.strictObject({ emoji, on: z.boolean() });
const markBody = z.strictObject({ seq: z.number().int().min(0) });

export const conversationsRoutes = [
  route({
    method: "GET",
    path: "/v1/conversations",
    summary: "List conversations, the latest activity first",
    access: "conversations.read",
    query: pageQuery.extend({
      status: z.enum(["open", "closed"]).optional(),
      assignee: z.enum(["me", "none"]).optional(),
      contactId: contactId.optional(),
    }),
    response: page(conversation),
  }),
  route({
    method: "GET",
    path: "/v1/conversations/counts",
    summary: "How many open conversations there are in each view",
    access: "conversations.read",
    response: z.strictObject({ mine: z.number().int(), unassigned: z.number().int(), open: z.number().int() }),
  }),
  route({
    method: "GET",
    path: "/v1/conversations/:conversationId",
    summary: "One conversation",
    access: "conversations.read",
    params,
    response: conversation,
  }),
  route({
    method: "GET",
    path: "/v1/conversations/:conversationId/events",
    summary: "The events of a conversation, notes and assignments included",
    access: "conversations.read",
    params,
    query: eventsQuery,
    response: eventsPage,
  }),
  route({
    method: "POST",
    path: "/v1/conversations/:conversationId/messages",
    summary: "Reply to the customer, or leave an internal note",
    access: "conversations.reply",
    params,
    body: newStaffMessage,
    response: sent,
    idempotent: true,
  }),
  route({
    method: "PATCH",
    path: "/v1/conversations/:conversationId/messages/:messageId",
    summary: "Edit one's own message; everyone sees that it was edited",
    access: "conversations.reply",
    params: messageParams,
    body: editBody,
    response: message,
  }),
  route({
    method: "DELETE",
    path: "/v1/conversations/:conversationId/messages/:messageId",
    summary: "Delete a message for everyone: one's own, or with the permission any; its text is gone for good",
    access: "conversations.reply",
    params: messageParams,
  }),
  route({
    method: "POST",
    path: "/v1/conversations/:conversationId/messages/:messageId/reactions",
    summary: "React to a message with an emoji, or take the reaction back",
    access: "conversations.reply",
    params: messageParams,
    body: reactionBody,
    response: message,
  }),
  route({
    method: "POST",
    path: "/v1/conversations/:conversationId/ack",
    summary: "Say that this device has stored everything up to a seq; never goes back",
    access: "conversations.read",
    params,
    body: markBody,
  }),
  route({
    method: "POST",
    path: "/v1/conversations/:conversationId/read",
    summary: "Mark as read up to a seq; never goes back",
    access: "conversations.read",
    params,
    body: markBody,
  }),
  route({
    method: "POST",
    path: "/v1/conversations/:conversationId/assign",
    summary: "Assign to an agent, or to nobody",
    access: "conversations.assign",
    params,
    body: z.strictObject({ agentId: agentId.nullable() }),
    response: conversation,
  }),
  route({
    method: "POST",
    path: "/v1/conversations/:conversationId/close",
    summary: "Close",
    access: "conversations.close",
    params,
    response: conversation,
  }),
  route({
    method: "POST",
    path: "/v1/conversations/:conversationId/reopen",
    summary: "Reopen",
    access: "conversations.close",
    params,
    response: conversation,
  }),
  route({
    method: "GET",
    path: "/v1/messages/search",
    summary: "Find messages by their words, the newest first; all words have to be there, the last as a beginning",
    access: "conversations.read",
    query: pageQuery.extend({
      q: searchText,
      from: z.enum(["contact", "business"]).optional(),
      status: z.enum(["open", "closed"]).optional(),
      assignee: z.enum(["me", "none"]).optional(),
      contactId: contactId.optional(),
      since: timestamp.optional(),
      until: timestamp.optional(),
    }),
    response: page(staffFoundMessage),
  }),
  route({
    method: "GET",
    path: "/v1/conversations/:conversationId/drafts",
    summary: "What I have written in this conversation and not sent",
    access: "conversations.reply",
    params,
    response: z.strictObject({ items: z.array(draft) }),
  }),
  route({
    method: "PATCH",
    path: "/v1/conversations/:conversationId/drafts",
    summary: "Keep what I am writing; an empty text forgets it",
    access: "conversations.reply",
    params,
    body: z.strictObject({
      kind: z.enum(["text", "note"]),
      text: z.union([messageText, z.literal("")]),
    }),
  }),
  route({
    method: "GET",
    path: "/v1/conversations/:conversationId/transcript",
    summary: "What customer and business said to each other, as a file; the newest 5,000 messages",
    access: "conversations.read",
    params,
    query: transcriptQuery,
    response: transcript,
  }),
  route({
    method: "GET",
    path: "/v1/my/messages/search",
    summary: "Find my messages and their answers",
    access: "contact",
    query: pageQuery.extend({ q: searchText }),
    response: page(myFoundMessage),
  }),
  route({
    method: "GET",
    path: "/v1/my/conversations/:conversationId/transcript",
    summary: "One of my conversations as a file; the newest 5,000 messages",
    access: "contact",
    params,
    query: transcriptQuery,
    response: transcript,
  }),
  route({
    method: "GET",
    path: "/v1/my/conversations",
    summary: "List my conversations with this company, the latest activity first",
    access: "contact",
    query: pageQuery,
    response: page(myConversation),
  }),
  route({
    method: "POST",
    path: "/v1/my/conversations",
    summary: "Start a conversation with its first message",
    access: "contact",
    body: newMessage,
    response: sent,
    idempotent: true,
  }),
  route({
    method: "GET",
    path: "/v1/my/conversations/:conversationId",
    summary: "One of my conversations",
    access: "contact",
    params,
    response: myConversation,
  }),
  route({
    method: "GET",
    path: "/v1/my/conversations/:conversationId/events",
    summary: "The public events of one of my conversations",
    access: "contact",
    params,
    query: eventsQuery,
    response: myEventsPage,
  }),
  route({
    method: "POST",
    path: "/v1/my/conversations/:conversationId/messages",
    summary: "Send a message; a closed conversation is reopened",
    access: "contact",
    params,
    body: newMessage,
    response: sent,
    idempotent: true,
  }),
  route({
    method: "PATCH",
    path: "/v1/my/conversations/:conversationId/messages/:messageId",
    summary: "Edit one of my messages",
    access: "contact",
    params: messageParams,
    body: editBody,
    response: message,
  }),
  route({
    method: "DELETE",
    path: "/v1/my/conversations/:conversationId/messages/:messageId",
    summary: "Delete one of my messages for everyone",
    access: "contact",
    params: messageParams,
  }),
  route({
    method: "POST",
    path: "/v1/my/conversations/:conversationId/messages/:messageId/reactions",
    summary: "React to a message with an emoji, or take the reaction back",
    access: "contact",
    params: messageParams,
    body: reactionBody,
    response: message,
  }),
  route({
    method: "POST",
    path: "/v1/my/conversations/:conversationId/ack",
    summary: "Say that this device has stored everything up to a seq; never goes back",
    access: "contact",
    params,
    body: markBody,
  }),
  route({
    method: "POST",
    path: "/v1/my/conversations/:conversationId/read",
    summary: "Mark as read up to a seq; never goes back",
    access: "contact",
    params,
    body: markBody,
  }),
  route({
    method: "POST",
    path: "/v1/my/conversations/:conversationId/close",
    summary: "End the chat",
    access: "contact",
    params,
    response: myConversation,
  }),
];
