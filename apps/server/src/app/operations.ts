import type { operationsRoutes } from "@presszero/contracts";
import { listParkedEvents, replayParkedEvent } from "../kernel/parked-events.ts";
import type { RouteHandlers } from "../kernel/http.ts";
import { requirePermission } from "../modules/identity/index.ts";

/** Operations on the kernel's own tables, for those who may look after events. */
export const operationsHandlers: RouteHandlers<(typeof operationsRoutes)[number]> = {
  "GET /v1/parked-events": (ctx, { query }) => {
    requirePermission(ctx, "events.manage");
    return listParkedEvents(ctx, query);
  },
  "POST /v1/parked-events/:consumer/:eventId/replay": (ctx, { params }) => {
    requirePermission(ctx, "events.manage");
    return replayParkedEvent(ctx, params);
  },
};
