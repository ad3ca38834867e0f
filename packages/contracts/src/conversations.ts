import { z } from "zod";
import { agentId, clientUuid, companyId, contactId, conversationId, messageId } from "./ids.ts";
import { maxTextBytes, maxTextLength } from "./protocol/constants.ts";
import { page, pageQuery, route, timestamp } from "./route.ts";

const encoder = new TextEncoder();

/** Postgres cannot store U+0000 and no channel can carry a lone surrogate, so both are refused. */
export const messageText = z
  .string()
  .min(1)
  .max(maxTextLength)
  .refine((text) => text.trim() !== "", "must not be blank")
  .refine((text) => !text.includes("\u0000"), "must not contain U+0000")
  .refine((text) => text.isWellFormed(), "must be well-formed Unicode")
  .refine((text) => encoder.encode(text).length <= maxTextBytes, `must be at most ${maxTextBytes} bytes of UTF-8`);

export const author = z
  .strictObject({
    type: z.enum(["contact", "agent", "api_key", "system"]),
    id: z.string(),
    name: z.string().nullable(),
  })
  .meta({ id: "Author" });
export type Author = z.infer<typeof author>;

/** `note` is internal: only staff ever receive it. */
export const messageKind = z.enum(["text", "note"]);
export type MessageKind = z.infer<typeof messageKind>;

export const message = z
  .strictObject({
    id: messageId,
    companyId,
    conversationId,
    /** Position in the reader's lane (staff: all events, customers: public ones). */
    seq: z.number().int(),
    /** Filled for the author's own devices only. */
    clientId: clientUuid.nullable(),
    /** "user" is the customer's side, "system" the business side. */
    createdBy: z.enum(["user", "system"]),
    author,
    kind: messageKind,
    text: z.string(),
    status: z.enum(["sent", "delivered", "read", "failed"]),
    createdAt: timestamp,
  })
  .meta({ id: "Message" });
export type Message = z.infer<typeof message>;

/** What a client sends. The server decides author, order and time. */
export const newMessage = z.strictObject({ kind: z.literal("text"), text: messageText });
export type NewMessage = z.infer<typeof newMessage>;
export const newStaffMessage = z.strictObject({ kind: messageKind, text: messageText });
export type NewStaffMessage = z.infer<typeof newStaffMessage>;

const agentRef = z.strictObject({ id: agentId, name: z.string() });

const eventBase = {
  conversationId,
  /** Gap-free position in the reader's lane. */
  seq: z.number().int(),
  at: timestamp,
  by: author,
};

/** One schema per kind of event, each with the fields of `extra` on top. */
function eventKinds<const E extends z.ZodRawShape>(extra: E) {
  return [
    z.strictObject({
      ...eventBase,
      ...extra,
      kind: z.literal("conversation.started"),
      data: z.strictObject({ channel: z.enum(["web"]) }),
    }),
    z.strictObject({ ...eventBase, ...extra, kind: z.literal("message.created"), data: message }),
    z.strictObject({
      ...eventBase,
      ...extra,
      kind: z.literal("conversation.assigned"),
      data: z.strictObject({ assignee: agentRef.nullable() }),
    }),
    z.strictObject({ ...eventBase, ...extra, kind: z.literal("conversation.closed"), data: z.strictObject({}) }),
    z.strictObject({ ...eventBase, ...extra, kind: z.literal("conversation.reopened"), data: z.strictObject({}) }),
  ] as const;
}

/** The durable facts of a conversation, in one order. Staff receive all; customers the public ones. */
export const conversationEvent = z.discriminatedUnion("kind", eventKinds({})).meta({ id: "ConversationEvent" });
/** The same as a frame of the socket. */
export const eventFrame = z.discriminatedUnion("kind", eventKinds({ type: z.literal("event") }));
export type ConversationEvent = z.infer<typeof conversationEvent>;
export type ConversationEventKind = ConversationEvent["kind"];

/** Kinds that only staff receive; a note is a `message.created` of kind `note` and is staff-only as well. */
export const staffOnlyEventKinds: readonly ConversationEventKind[] = ["conversation.assigned"];

export const preview = z.strictObject({
  /** The first 140 characters. */
  text: z.string(),
  by: author,
  kind: messageKind,
  at: timestamp,
});

const conversationBase = {
  id: conversationId,
  companyId,
  status: z.enum(["open", "closed"]),
  channel: z.enum(["web"]),
  /** Seq of the newest event in the reader's lane. */
  head: z.number().int(),
  startedAt: timestamp,
  activityAt: timestamp,
  preview: preview.nullable(),
  /** Messages of the other side after my read mark. */
  unread: z.number().int(),
  /** How many messages each side has sent (notes not counted); with `unread` a client keeps the badge live. */
  messages: z.strictObject({ contact: z.number().int(), business: z.number().int() }),
  /** My read mark, and how far the other side's devices have received and read, all in my lane. */
  marks: z.strictObject({
    myRead: z.number().int(),
    otherDelivered: z.number().int(),
    otherRead: z.number().int(),
  }),
};

export const conversation = z
  .strictObject({
    ...conversationBase,
    contact: z.strictObject({ id: contactId, name: z.string().nullable(), email: z.string().nullable() }),
    assignee: agentRef.nullable(),
  })
  .meta({ id: "Conversation" });
/** A conversation as staff see it. */
export type Conversation = z.infer<typeof conversation>;

export const myConversation = z.strictObject(conversationBase).meta({ id: "MyConversation" });
/** A conversation as its customer sees it. */
export type MyConversation = z.infer<typeof myConversation>;

/** The answer to a send, and the same over the socket: the message is stored. */
export const sent = z
  .strictObject({
    messageId,
    conversationId,
    clientId: clientUuid,
    seq: z.number().int(),
    at: timestamp,
    /** The message was stored by an earlier attempt with the same client id. */
    duplicate: z.boolean(),
  })
  .meta({ id: "Sent" });
export type Sent = z.infer<typeof sent>;

/** Events of one lane, ascending. `more` says whether there are further ones in the asked direction. */
export const eventsPage = z
  .strictObject({ events: z.array(conversationEvent), head: z.number().int(), more: z.boolean() })
  .meta({ id: "EventsPage" });
export type EventsPage = z.infer<typeof eventsPage>;

const params = z.strictObject({ conversationId });
const eventsQuery = z.strictObject({
  /** Events with a higher seq, ascending from there. */
  after: z.coerce.number().int().min(0).optional(),
  /** The newest events with a lower seq; without `after` and `before` the latest page. */
  before: z.coerce.number().int().min(1).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(100),
});
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
    response: eventsPage,
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
