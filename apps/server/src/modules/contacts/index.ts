export { contactsHandlers } from "./routes.ts";
export { createGuest, getWidgetSettings } from "./service.ts";
