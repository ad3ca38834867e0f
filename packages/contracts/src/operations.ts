import { z } from "zod";
import { conversationId, messageId } from "./ids.ts";
import { author, messageKind } from "./messages.ts";
import { page, pageQuery, route, timestamp } from "./route.ts";

/** An event that a consumer could not handle after all its tries; it waits here for a person. */
export const parkedEvent = z
  .strictObject({
    consumer: z.string(),
    eventId: z.string(),
    eventType: z.string(),
    subjectId: z.string(),
    attempts: z.number().int(),
    reason: z.string(),
    parkedAt: timestamp,
  })
  .meta({ id: "ParkedEvent" });
export type ParkedEvent = z.infer<typeof parkedEvent>;

/** Names a process for as long as it runs. */
const processName = z.string();
/** The end of a device's id: enough to tell devices of one person apart. */
const deviceEnd = z.string();

/** The life of one message, without its text. What nobody knows any more is null, never guessed. */
export const messageTrace = z
  .strictObject({
    messageId,
    conversationId,
    seq: z.number().int(),
    kind: messageKind,
    author,
    received: z.strictObject({
      via: z.enum(["device", "sign_in", "api_key", "system"]),
      /** Null for our own software and API keys. */
      device: deviceEnd.nullable(),
      /** What the process that took the message in remembers, by its clock; null when it has forgotten, or is gone. */
      by: z
        .strictObject({
          process: processName,
          over: z.enum(["socket", "http"]),
          at: timestamp,
          committedAfterMs: z.number(),
        })
        .nullable(),
    }),
    stored: z.strictObject({
      /** By the clock of the database. */
      at: timestamp,
      transaction: z.string(),
      /** Number of the event in the log. */
      eventId: z.string(),
      /** Messages of the company that were committed in the same transaction, this one included. */
      messagesInTransaction: z.number().int(),
      /** Consumers may read it: no older transaction still runs. */
      belowHorizon: z.boolean(),
    }),
    /** Every process that can be reached now. */
    processes: z.array(
      z.strictObject({
        process: processName,
        /** `silent`: it is there and did not answer. `knows`: it remembers everything since before the message. */
        state: z.enum(["knows", "knows_in_part", "silent"]),
        /** To how many connections it gave the message live, and when the last had it; null: to none that it knows of. */
        passed: z.strictObject({ at: timestamp, staff: z.number().int(), customers: z.number().int() }).nullable(),
      }),
    ),
    /** Whoever has it, and the customer if it is meant for them. */
    readers: z.array(
      z.strictObject({
        reader: author,
        /** As stored. */
        delivered: z.boolean(),
        read: z.boolean(),
        /** When a process that still runs first heard of it; null: nobody remembers. */
        deliveredAt: timestamp.nullable(),
        readAt: timestamp.nullable(),
        devices: z.array(
          z.strictObject({
            device: deviceEnd,
            via: z.enum(["device", "sign_in", "api_key"]),
            deliveredAt: timestamp,
            readAt: timestamp.nullable(),
          }),
        ),
      }),
    ),
    /** Consumers that react to messages. */
    consumers: z.array(
      z.strictObject({
        name: z.string(),
        state: z.enum(["done", "waiting", "retrying", "parked", "never_ran"]),
        attempts: z.number().int(),
        reason: z.string().nullable(),
        /** Of the next try, or of the parking. */
        at: timestamp.nullable(),
      }),
    ),
    /** Sends under the same client id that were answered with this message, as far as processes remember. */
    repeats: z.strictObject({ count: z.number().int(), lastAt: timestamp.nullable(), since: timestamp }),
  })
  .meta({ id: "MessageTrace" });
export type MessageTrace = z.infer<typeof messageTrace>;

export const operationsRoutes = [
  route({
    method: "GET",
    path: "/v1/parked-events",
    summary: "Events of my company that a consumer gave up on, with the reason",
    access: "events.manage",
    query: pageQuery,
    response: page(parkedEvent),
  }),
  route({
    method: "POST",
    path: "/v1/parked-events/:consumer/:eventId/replay",
    summary: "Hand a parked event to its consumer again",
    access: "events.manage",
    params: z.strictObject({ consumer: z.string().max(80), eventId: z.string().regex(/^\d{1,19}$/) }),
  }),
  route({
    method: "GET",
    path: "/v1/conversations/:conversationId/messages/:messageId/trace",
    summary: "The life of a message: who took it in, where it was delivered, who has it, what reacted to it",
    access: "events.manage",
    params: z.strictObject({ conversationId, messageId }),
    response: messageTrace,
  }),
];
