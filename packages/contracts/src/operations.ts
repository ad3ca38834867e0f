import { z } from "zod";
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
];
