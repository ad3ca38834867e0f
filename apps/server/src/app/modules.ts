import type { Consumer } from "../kernel/consumers.ts";
import type { Job } from "../kernel/jobs.ts";
import { contactsHandlers } from "../modules/contacts/index.ts";
import { conversationsConsumers, conversationsHandlers } from "../modules/conversations/index.ts";
import { identityHandlers, identityJobs } from "../modules/identity/index.ts";
import { notificationsConsumers } from "../modules/notifications/index.ts";
import type { Gateway } from "../modules/gateway/index.ts";
import type { ApiHandlers } from "./http.ts";
import { operationsHandlers } from "./operations.ts";

/** What the modules bring: their reactions to events, their scheduled work, their routes. The gateway's routes come with it. */
export const consumers: readonly Consumer[] = [...conversationsConsumers, ...notificationsConsumers];
export const jobs: readonly Job[] = [...identityJobs];
export const handlers = {
  ...identityHandlers,
  ...contactsHandlers,
  ...conversationsHandlers,
  ...operationsHandlers(consumers),
} satisfies Omit<ApiHandlers, keyof Gateway["handlers"]>;
