import type { contactsRoutes } from "@presszero/contracts";
import type { RouteHandlers } from "../../kernel/http.ts";
import { createGuest, getWidgetSettings } from "./service.ts";

export const contactsHandlers: RouteHandlers<(typeof contactsRoutes)[number]> = {
  "GET /v1/widgets/:widgetKey": (ctx, { params }) => getWidgetSettings(ctx, params.widgetKey),
  "POST /v1/widgets/:widgetKey/guests": (ctx, { params, body, client }) =>
    createGuest(ctx, params.widgetKey, body, client),
};
