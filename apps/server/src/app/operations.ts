import type { operationsRoutes } from "@presszero/contracts";
import type { Consumer } from "../kernel/consumers.ts";
import type { RouteHandlers } from "../kernel/http.ts";
import { listParkedEvents, replayParkedEvent } from "../kernel/parked-events.ts";
import { traceMessage } from "../modules/conversations/index.ts";
import { requirePermission } from "../modules/identity/index.ts";

/** Operations on events and on those who react to them, for those who may look after that. */
export const operationsHandlers = (
  consumers: readonly Consumer[],
): RouteHandlers<(typeof operationsRoutes)[number]> => ({
  "GET /v1/parked-events": (ctx, { query }) => {
    requirePermission(ctx, "events.manage");
    return listParkedEvents(ctx, query);
  },
  "POST /v1/parked-events/:consumer/:eventId/replay": (ctx, { params }) => {
    requirePermission(ctx, "events.manage");
    return replayParkedEvent(ctx, params);
  },
  "GET /v1/conversations/:conversationId/messages/:messageId/trace": (ctx, { params }) =>
    traceMessage(ctx, consumers, params),
});
