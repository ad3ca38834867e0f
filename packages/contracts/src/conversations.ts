import { z } from "zod";
import { agentId, clientUuid, companyId, contactId, conversationId, messageId } from "./ids.ts";
import { maxTextBytes, maxTextLength } from "./protocol/constants.ts";
import { page, pageQuery, route, timestamp } from "./route.ts";
import { languageTag } from "./text.ts";

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

/**
 * `note` is internal: only staff ever receive it. `form` and `cards` are what the business side sends beside text (with
 * `text` as what channels without them show); `answer` is a customer's filled-in form.
 */
export const messageKind = z.enum(["text", "note", "form", "cards", "answer"]);
export type MessageKind = z.infer<typeof messageKind>;

const label = z.string().trim().min(1).max(80);
/** Only addresses that a browser opens without running anything. */
export const linkUrl = z
  .string()
  .max(2048)
  .refine((url) => URL.canParse(url) && ["http:", "https:", "mailto:", "tel:"].includes(new URL(url).protocol), {
    message: "must be a link",
  });
const fieldName = z.string().regex(/^[a-z][a-z0-9_]{0,39}$/, "must be a name such as order_number");

export const formField = z.strictObject({
  name: fieldName,
  label,
  type: z.enum(["text", "textarea", "email", "phone", "number", "date", "select", "checkbox"]),
  required: z.boolean(),
  options: z.array(label).max(30).optional(),
});
export type FormField = z.infer<typeof formField>;

const cardButton = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("reply"), label, payload: z.string().max(200) }),
  z.strictObject({ type: z.literal("link"), label, url: linkUrl }),
]);
export const card = z.strictObject({
  title: label,
  subtitle: z.string().max(200).nullable(),
  imageUrl: linkUrl.nullable(),
  buttons: z.array(cardButton).max(3),
});
export type Card = z.infer<typeof card>;

/** What a message holds beside its text, by its kind; a text may offer answers that are sent with one tap. */
export const messageContent = z
  .discriminatedUnion("type", [
    z.strictObject({ type: z.literal("quick_replies"), replies: z.array(label).min(1).max(10) }),
    z.strictObject({ type: z.literal("form"), fields: z.array(formField).min(1).max(20), submit: label }),
    z.strictObject({ type: z.literal("cards"), cards: z.array(card).min(1).max(10) }),
    z.strictObject({
      type: z.literal("answer"),
      values: z.record(fieldName, z.union([z.string().max(2000), z.number(), z.boolean()])),
    }),
  ])
  .meta({ id: "MessageContent" });
export type MessageContent = z.infer<typeof messageContent>;

/** One emoji: a pictograph with its modifiers, a flag or a keycap, as one grapheme. */
export const emoji = z.string().max(32).refine(isOneEmoji, "must be one emoji");

function isOneEmoji(text: string): boolean {
  const graphemes = Array.from(new Intl.Segmenter("en", { granularity: "grapheme" }).segment(text));
  return graphemes.length === 1 && /^(\p{RGI_Emoji})$/v.test(text);
}

export const message = z
  .strictObject({
    id: messageId,
    companyId,
    conversationId,
    seq: z.number().int().describe("Position in the reader's lane (staff: all events, customers: public ones)."),
    clientId: clientUuid.nullable().describe("Filled for the author's own devices only."),
    createdBy: z.enum(["user", "system"]).describe('"user" is the customer\'s side, "system" the business side.'),
    author,
    kind: messageKind,
    text: z.string().describe("Empty when the message was deleted."),
    content: messageContent.nullable(),
    replyTo: z
      .strictObject({ id: messageId, author, text: z.string().nullable() })
      .nullable()
      .describe(
        "The message that this one answers, as it is now; its text is cut like a preview and null when it was deleted.",
      ),
    reactions: z.array(z.strictObject({ emoji: z.string(), by: z.array(author) })),
    status: z.enum(["sent", "delivered", "read", "failed"]),
    revision: z
      .number()
      .int()
      .describe("Counts the changes of this message: of two states the one with the higher revision is the newer."),
    editedAt: timestamp.nullable(),
    deletedAt: timestamp.nullable(),
    createdAt: timestamp,
  })
  .meta({ id: "Message" });
export type Message = z.infer<typeof message>;

const [quickReplies, form, cards, answer] = messageContent.options;
/** The message of the same conversation that this one answers. */
const replyTo = messageId.optional();
const textMessage = { kind: z.literal("text"), text: messageText, replyTo };
const answerMessage = z.strictObject({
  kind: z.literal("answer"),
  text: messageText,
  content: answer,
  replyTo: messageId,
});

/** What a customer sends: text, or a filled-in form. The server decides author, order and time. */
export const newMessage = z.discriminatedUnion("kind", [z.strictObject(textMessage), answerMessage]);
export type NewMessage = z.infer<typeof newMessage>;

const staffMessages = [
  z.strictObject({ ...textMessage, content: quickReplies.optional() }),
  z.strictObject({ kind: z.literal("note"), text: messageText, replyTo }),
  z.strictObject({ kind: z.literal("form"), text: messageText, content: form, replyTo }),
  z.strictObject({ kind: z.literal("cards"), text: messageText, content: cards, replyTo }),
] as const;
/** What the business side sends. */
export const newStaffMessage = z.discriminatedUnion("kind", staffMessages);
export type NewStaffMessage = z.infer<typeof newStaffMessage>;

/** What either side may send; which of it the author may is for the service to say. */
export const outgoingMessage = z
  .discriminatedUnion("kind", [...staffMessages, answerMessage])
  .meta({ id: "OutgoingMessage" });
export type OutgoingMessage = z.infer<typeof outgoingMessage>;

const agentRef = z.strictObject({ id: agentId, name: z.string() });

const eventBase = {
  conversationId,
  seq: z.number().int().describe("Gap-free position in the reader's lane."),
  at: timestamp,
  by: author,
};

/** One schema per kind of event that the customer learns of, each with the fields of `extra` on top. */
function publicEventKinds<const E extends z.ZodRawShape, M extends z.ZodType>(extra: E, messageSchema: M) {
  return [
    z
      .strictObject({
        ...eventBase,
        ...extra,
        kind: z.literal("conversation.started"),
        data: z.strictObject({ channel: z.enum(["web"]) }),
      })
      .describe("The conversation exists."),
    z
      .strictObject({ ...eventBase, ...extra, kind: z.literal("message.created"), data: messageSchema })
      .describe("A message was stored."),
    z
      .strictObject({
        ...eventBase,
        ...extra,
        kind: z.literal("message.changed"),
        data: z.strictObject({ change: z.enum(["edited", "deleted", "reacted"]), message: messageSchema }),
      })
      .describe("A message was edited, deleted or reacted to; `message` is as it is now."),
    z
      .strictObject({ ...eventBase, ...extra, kind: z.literal("conversation.closed"), data: z.strictObject({}) })
      .describe("Closed."),
    z
      .strictObject({ ...eventBase, ...extra, kind: z.literal("conversation.reopened"), data: z.strictObject({}) })
      .describe("Open again: by hand, or because the customer wrote."),
  ] as const;
}

/** All kinds. */
function eventKinds<const E extends z.ZodRawShape>(extra: E) {
  return [
    ...publicEventKinds(extra, message),
    z
      .strictObject({
        ...eventBase,
        ...extra,
        kind: z.literal("conversation.assigned"),
        data: z.strictObject({ assignee: agentRef.nullable() }),
      })
      .describe("Assigned to an agent, or to nobody."),
  ] as const;
}

/** The durable facts of a conversation, in one order. Staff receive all; customers the public ones. */
export const conversationEvent = z.discriminatedUnion("kind", eventKinds({})).meta({ id: "ConversationEvent" });
/** The same as a frame of the socket. */
export const eventFrame = z.discriminatedUnion("kind", eventKinds({ type: z.literal("event") }));
export type ConversationEvent = z.infer<typeof conversationEvent>;
export type ConversationEventKind = ConversationEvent["kind"];

/** Kinds that only staff receive; what is created or changed as a `note` is staff-only as well. */
export const staffOnlyEventKinds: readonly ConversationEventKind[] = ["conversation.assigned"];

export const preview = z.strictObject({
  id: messageId,
  text: z.string().describe("The first 140 characters; empty when the message was deleted."),
  by: author,
  kind: messageKind,
  at: timestamp,
});

const conversationBase = {
  id: conversationId,
  companyId,
  status: z.enum(["open", "closed"]),
  channel: z.enum(["web"]),
  head: z.number().int().describe("Seq of the newest event in the reader's lane."),
  startedAt: timestamp,
  activityAt: timestamp,
  preview: preview.nullable(),
  unread: z.number().int().describe("Messages of the other side after my read mark."),
  messages: z
    .strictObject({ contact: z.number().int(), business: z.number().int() })
    .describe("How many messages each side has sent (notes not counted); with `unread` a client keeps the badge live."),
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

/** The same for a customer. A note or an assignment does not fit in, so that no fault elsewhere can send one. */
export const myEventsPage = eventsPage
  .extend({
    events: z.array(
      z.discriminatedUnion("kind", publicEventKinds({}, message.extend({ kind: messageKind.exclude(["note"]) }))),
    ),
  })
  .meta({ id: "MyEventsPage" });
export type MyEventsPage = z.infer<typeof myEventsPage>;
/** A piece of a message's text; `hit` says that it is what was looked for. */
export const fragment = z.strictObject({ text: z.string(), hit: z.boolean() });
export type Fragment = z.infer<typeof fragment>;

const foundMessage = {
  message: z.strictObject({ id: messageId, seq: z.number().int(), kind: messageKind, author, createdAt: timestamp }),
  fragments: z.array(fragment),
};
/** A message that was found, with the place in it that was looked for. */
export const myFoundMessage = z.strictObject({ conversationId, ...foundMessage }).meta({ id: "MyFoundMessage" });
export type MyFoundMessage = z.infer<typeof myFoundMessage>;
export const staffFoundMessage = z
  .strictObject({
    conversation: z.strictObject({
      id: conversationId,
      status: z.enum(["open", "closed"]),
      contact: z.strictObject({ id: contactId, name: z.string().nullable() }),
      assignee: agentRef.nullable(),
    }),
    ...foundMessage,
  })
  .meta({ id: "FoundMessage" });
export type FoundMessage = z.infer<typeof staffFoundMessage>;
const searchText = z
  .string()
  .trim()
  .min(1)
  .max(200)
  .refine((text) => text.isWellFormed() && !text.includes("\u0000"), {
    message: "must be well-formed Unicode without U+0000",
  });

/** What an agent has written and not sent. */
export const draft = z
  .strictObject({ kind: z.enum(["text", "note"]), text: z.string(), updatedAt: timestamp })
  .meta({ id: "Draft" });
export type Draft = z.infer<typeof draft>;

/** A conversation as a file to keep. */
export const transcript = z
  .strictObject({ fileName: z.string(), mediaType: z.string(), content: z.string() })
  .meta({ id: "Transcript" });
export type Transcript = z.infer<typeof transcript>;
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
  limit: z.coerce.number().int().min(1).max(200).default(100),
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
