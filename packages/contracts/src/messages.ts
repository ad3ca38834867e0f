import { z } from "zod";
import { clientUuid, companyId, conversationId, messageId } from "./ids.ts";
import { maxTextBytes, maxTextLength } from "./protocol/constants.ts";
import { timestamp } from "./route.ts";

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
