import { z } from "zod";
import { agentId, companyId, contactId, conversationId, messageId } from "./ids.ts";
import { author, message, messageKind } from "./messages.ts";
import { timestamp } from "./route.ts";

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
