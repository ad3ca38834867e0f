import { z } from "zod";
import {
  author,
  conversation,
  conversationEvent,
  eventFrame,
  myConversation,
  outgoingMessage,
} from "../conversations.ts";
import { errorCode } from "../errors.ts";
import { clientUuid, conversationId, messageId } from "../ids.ts";
import { timestamp } from "../route.ts";

/** The client's counter per connection: the answer carries the same number. */
const id = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const seq = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);

/** Client → server. Unknown keys are ignored (rule R2). */
export const clientFrame = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("hello"),
    version: z.number().int(),
    ticket: z.string().max(300),
    deviceId: clientUuid,
    client: z.string().max(80),
    /** The epoch of the last welcome, null on the first connection. */
    epoch: z.string().max(64).nullable(),
    /** The last feed cursor; null for a first one; leave it out to get no feed. */
    feed: z.string().max(300).nullable().optional(),
    subscriptions: z.array(z.object({ conversationId, after: seq })).max(200),
  }),
  z.object({
    type: z.literal("send"),
    id,
    /** Null starts a conversation (customers only). */
    conversationId: conversationId.nullable(),
    clientId: clientUuid,
    message: outgoingMessage,
    /** The device's clock in ms, advisory. */
    at: z.number().optional(),
  }),
  /** Cumulative: everything up to seq is stored on this device. */
  z.object({ type: z.literal("ack"), conversationId, seq }),
  z.object({ type: z.literal("read"), conversationId, seq }),
  z.object({ type: z.literal("subscribe"), id, conversationId, after: seq }),
  z.object({ type: z.literal("unsubscribe"), conversationId }),
  z.object({
    type: z.literal("fetch"),
    id,
    conversationId,
    after: seq.optional(),
    before: seq.optional(),
    limit: z.number().int().min(1).max(200).default(100),
  }),
  /** Staff say whether it is a note: that is kept from the customer. */
  z.object({ type: z.literal("typing"), conversationId, on: z.boolean(), note: z.boolean().optional() }),
  /** Staff only: this person looks at the conversation. Renewed every 20 s, ends after 30 s and with the connection. */
  z.object({ type: z.literal("viewing"), conversationId, on: z.boolean() }),
  z.object({ type: z.literal("ping"), n: z.number() }),
]);
export type ClientFrame = z.input<typeof clientFrame>;
export type ParsedClientFrame = z.output<typeof clientFrame>;

/** How far one side of a conversation has received and read, in the reader's lane. Merged by maximum, so order and loss do no harm. */
const marks = { delivered: seq, read: seq };

/** What passes by: not numbered, never stored, and may be left out. */
const ephemeralBase = { type: z.literal("ephemeral"), conversationId };
export const ephemeralFrame = z.discriminatedUnion("kind", [
  z.strictObject({
    ...ephemeralBase,
    kind: z.literal("typing"),
    /** `note`: an internal note, told to staff only. */
    data: z.strictObject({ by: author, on: z.boolean(), note: z.literal(true).optional() }),
  }),
  /** To staff: whether the customer is connected. To the customer: whether anybody of the business is. */
  z.strictObject({ ...ephemeralBase, kind: z.literal("presence"), data: z.strictObject({ online: z.boolean() }) }),
  /** To staff: a colleague looks at this conversation, or no longer does. */
  z.strictObject({
    ...ephemeralBase,
    kind: z.literal("viewing"),
    data: z.strictObject({ by: author, on: z.boolean() }),
  }),
]);

/** Server → client. */
export const serverFrame = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("welcome"),
    session: z.string(),
    epoch: z.string(),
    now: z.number(),
    heartbeatMs: z.number(),
    feed: z.string().nullable(),
    limits: z.strictObject({ frameBytes: z.number(), textLength: z.number(), subscriptions: z.number() }),
    resume: z.enum(["ok", "partial", "reset"]),
  }),
  z.strictObject({
    type: z.literal("ok"),
    id,
    clientId: clientUuid,
    messageId,
    conversationId,
    seq,
    at: timestamp,
    duplicate: z.boolean(),
  }),
  z.strictObject({
    type: z.literal("error"),
    id: id.nullable(),
    code: errorCode,
    retry: z.boolean(),
    retryAfterMs: z.number().optional(),
    conversationId: conversationId.optional(),
    details: z.record(z.string(), z.unknown()).optional(),
  }),
  eventFrame,
  /** End of a replay. From here on events of this conversation arrive live. */
  z.strictObject({
    type: z.literal("synced"),
    id: id.nullable(),
    conversationId,
    head: seq,
    from: seq,
    to: seq,
    mine: z.strictObject({ read: seq }),
    other: z.strictObject(marks),
  }),
  /** Too far behind: the latest page follows as events from `from`, older ones by fetch. */
  z.strictObject({ type: z.literal("gap"), conversationId, have: seq, from: seq, head: seq }),
  /** The answer to a fetch. */
  z.strictObject({
    type: z.literal("page"),
    id,
    conversationId,
    events: z.array(conversationEvent),
    head: seq,
    more: z.boolean(),
  }),
  /** Conversations of my list that changed, as they are now. */
  z.strictObject({
    type: z.literal("feed"),
    cursor: z.string(),
    items: z.array(
      z.union([conversation.omit({ unread: true, marks: true }), myConversation.omit({ unread: true, marks: true })]),
    ),
    more: z.boolean(),
  }),
  z.strictObject({
    type: z.literal("receipt"),
    conversationId,
    /** "mine": another device of mine read; "other": the other side's devices received or read. */
    side: z.enum(["mine", "other"]),
    ...marks,
    /** For "mine": how many messages of the other side are read, to keep `unread` live. */
    seen: z.number().int().optional(),
  }),
  z.strictObject({ type: z.literal("gone"), conversationId, why: z.enum(["deleted", "access"]) }),
  ephemeralFrame,
  z.strictObject({ type: z.literal("drain"), spreadMs: z.number() }),
  z.strictObject({ type: z.literal("pong"), n: z.number() }),
]);
export type ServerFrame = z.infer<typeof serverFrame>;
export type FeedItem = Extract<ServerFrame, { type: "feed" }>["items"][number];
