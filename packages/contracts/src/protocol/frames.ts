import { z } from "zod";
import { conversation, conversationEvent, eventFrame, myConversation } from "../conversations.ts";
import { errorCode } from "../errors.ts";
import { clientUuid, conversationId, messageId } from "../ids.ts";
import { author, outgoingMessage } from "../messages.ts";
import { timestamp } from "../route.ts";
import { maxFetchedEvents, maxSubscriptions } from "./constants.ts";

const number = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const id = number.describe("The client's counter per connection: the answer carries the same number.");
const answerId = number.nullable().describe("The `id` of the frame that this answers; null when it has none.");
const seq = number;

/** Client → server. Unknown keys are ignored (ER1). What is described here is printed in docs/protocol.md. */
export const clientFrame = z.discriminatedUnion("type", [
  z
    .object({
      type: z.literal("hello"),
      version: z.number().int().describe("The version of the protocol: 1."),
      ticket: z.string().max(300).describe("From `POST /v1/realtime/tickets`."),
      deviceId: clientUuid.describe("The device that the ticket was made for."),
      client: z.string().max(80).describe("Name and version of the client, such as `web/1.4.2`."),
      epoch: z.string().max(64).nullable().describe("The epoch of the last welcome; null on the first connection."),
      feed: z
        .string()
        .max(300)
        .nullable()
        .optional()
        .describe("The last feed cursor, null for a first one; left out by who wants no feed."),
      subscriptions: z
        .array(z.object({ conversationId, after: seq }))
        .max(maxSubscriptions)
        .describe("What to follow, and the last seq that the client holds of it."),
    })
    .describe("The first frame of a connection."),
  z
    .object({
      type: z.literal("send"),
      id,
      conversationId: conversationId.nullable().describe("Null starts a conversation (customers only)."),
      clientId: clientUuid.describe("The message's name on this device, the same in every try."),
      message: outgoingMessage,
      at: z.number().optional().describe("The device's clock in ms; advisory."),
    })
    .describe("Store a message. Answered with `ok` or `error`."),
  z
    .object({ type: z.literal("ack"), conversationId, seq })
    .describe("Everything up to `seq` is stored on this device. Cumulative; not answered."),
  z
    .object({ type: z.literal("read"), conversationId, seq })
    .describe("Everything up to `seq` was read. Cumulative; not answered."),
  z
    .object({
      type: z.literal("subscribe"),
      id,
      conversationId,
      after: seq.describe("The last seq that is held, or 0."),
    })
    .describe("Follow a conversation: the events after `after`, then `synced`, then what happens live."),
  z.object({ type: z.literal("unsubscribe"), conversationId }).describe("Follow it no longer. Not answered."),
  z
    .object({
      type: z.literal("fetch"),
      id,
      conversationId,
      after: seq.optional().describe("Events with a higher seq, from there on."),
      before: seq.optional().describe("The newest events with a lower seq. Without both, the latest page."),
      limit: z.number().int().min(1).max(maxFetchedEvents).default(100),
    })
    .describe("Read events. Answered with `page`."),
  z
    .object({
      type: z.literal("typing"),
      conversationId,
      on: z.boolean(),
      note: z.boolean().optional().describe("Staff: it is a note, which is kept from the customer."),
    })
    .describe("This person types, or no longer does. At most every 3 seconds; not answered."),
  z
    .object({ type: z.literal("viewing"), conversationId, on: z.boolean() })
    .describe("Staff: this person looks at the conversation. Renewed every 20 s, ends after 30 s; not answered."),
  z.object({ type: z.literal("ping"), n: z.number() }).describe("Answered with `pong` and the same `n`."),
]);
export type ClientFrame = z.input<typeof clientFrame>;
export type ParsedClientFrame = z.output<typeof clientFrame>;

/** How far one side of a conversation has received and read, in the reader's lane. Merged by maximum, so order and loss do no harm. */
const marks = { delivered: seq, read: seq };

const feedItem = conversation.omit({ unread: true, marks: true }).meta({ id: "FeedItem" });
const myFeedItem = myConversation.omit({ unread: true, marks: true }).meta({ id: "MyFeedItem" });

const ephemeralBase = { type: z.literal("ephemeral"), conversationId };
export const ephemeralFrame = z.discriminatedUnion("kind", [
  z
    .strictObject({
      ...ephemeralBase,
      kind: z.literal("typing"),
      data: z.strictObject({ by: author, on: z.boolean(), note: z.literal(true).optional() }),
    })
    .describe("Somebody types; `note`: an internal note, told to staff only."),
  z
    .strictObject({ ...ephemeralBase, kind: z.literal("presence"), data: z.strictObject({ online: z.boolean() }) })
    .describe("To staff: whether the customer is connected. To the customer: whether anybody of the business is."),
  z
    .strictObject({
      ...ephemeralBase,
      kind: z.literal("viewing"),
      data: z.strictObject({ by: author, on: z.boolean() }),
    })
    .describe("To staff: a colleague looks at this conversation, or no longer does."),
]);

/** Server → client. */
export const serverFrame = z.discriminatedUnion("type", [
  z
    .strictObject({
      type: z.literal("welcome"),
      session: z.string().describe("Names the connection in logs; gives no right."),
      epoch: z.string().describe("Another one than before: drop what was read, and load again."),
      now: z.number().describe("The server's clock in ms."),
      heartbeatMs: z.number(),
      feed: z.string().nullable().describe("The feed cursor to come back with; null without a feed."),
      limits: z.strictObject({ frameBytes: z.number(), textLength: z.number(), subscriptions: z.number() }),
      resume: z.enum(["ok", "partial", "reset"]).describe("`reset`: load the list of conversations again."),
    })
    .describe("The answer to a hello."),
  z
    .strictObject({
      type: z.literal("ok"),
      id,
      clientId: clientUuid,
      messageId,
      conversationId,
      seq,
      at: timestamp,
      duplicate: z.boolean().describe("An earlier try with the same client id has stored the message."),
    })
    .describe("The message is stored."),
  z
    .strictObject({
      type: z.literal("error"),
      id: answerId,
      code: errorCode,
      retry: z.boolean().describe("The same request may succeed later."),
      retryAfterMs: z.number().optional().describe("Wait at least this long."),
      conversationId: conversationId.optional(),
      details: z
        .record(z.string(), z.unknown())
        .optional()
        .describe("`fields` of a `VALIDATION`, the name of a limit."),
    })
    .describe("A frame was refused, and changed nothing."),
  eventFrame.describe("Something happened in a conversation that the connection follows."),
  z
    .strictObject({
      type: z.literal("synced"),
      id: answerId,
      conversationId,
      head: seq.describe("The highest seq there is."),
      from: seq.describe("The first seq of the replay."),
      to: seq.describe("Its last; less than `from` if nothing was missing."),
      mine: z.strictObject({ read: seq }).describe("How far I have read."),
      other: z.strictObject(marks).describe("How far the other side has received and read."),
    })
    .describe("The end of a replay. From here on events of this conversation arrive live."),
  z
    .strictObject({
      type: z.literal("gap"),
      conversationId,
      have: seq.describe("What the client said it holds."),
      from: seq.describe("Where the latest page begins."),
      head: seq,
    })
    .describe("Too far behind: the latest page follows as events, older ones come by `fetch`."),
  z
    .strictObject({
      type: z.literal("page"),
      id,
      conversationId,
      events: z.array(conversationEvent).describe("Ascending; each as in the frame `event`, without its `type`."),
      head: seq,
      more: z.boolean().describe("There are further ones in the asked direction."),
    })
    .describe("The answer to a fetch."),
  z
    .strictObject({
      type: z.literal("feed"),
      cursor: z.string().describe("To come back with."),
      items: z.array(z.union([feedItem, myFeedItem])),
      more: z.boolean().describe("The next frame goes on with what was missed."),
    })
    .describe("Conversations of my list that changed, as they are now."),
  z
    .strictObject({
      type: z.literal("receipt"),
      conversationId,
      side: z
        .enum(["mine", "other"])
        .describe("`mine`: another device of mine has read; `other`: the other side has received or read."),
      ...marks,
      seen: z
        .number()
        .int()
        .optional()
        .describe("With `mine`: how many messages of the other side are read, to keep `unread` live."),
    })
    .describe("Marks have moved. To be merged by maximum: order and loss do no harm."),
  z
    .strictObject({ type: z.literal("gone"), conversationId, why: z.enum(["deleted", "access"]) })
    .describe("May not be read any more: the client deletes its copy."),
  ephemeralFrame.describe("What passes by: not numbered, never stored, and may be left out."),
  z
    .strictObject({ type: z.literal("drain"), spreadMs: z.number() })
    .describe("This process ends: come back within a random part of `spreadMs`."),
  z.strictObject({ type: z.literal("pong"), n: z.number() }).describe("The answer to a ping."),
]);
export type ServerFrame = z.infer<typeof serverFrame>;
export type FeedItem = Extract<ServerFrame, { type: "feed" }>["items"][number];
