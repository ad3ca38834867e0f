import type { z } from "zod";
import { contactsRoutes } from "./contacts.ts";
import { conversationsRoutes } from "./conversations-routes.ts";
import { identityRoutes } from "./identity.ts";
import { operationsRoutes } from "./operations.ts";
import { realtimeRoutes } from "./protocol/routes.ts";

export * from "./contacts.ts";
export * from "./conversations.ts";
export * from "./conversations-routes.ts";
export * from "./errors.ts";
export * from "./identity.ts";
export * from "./ids.ts";
export * from "./messages.ts";
export * from "./operations.ts";
export * from "./permissions.ts";
export * from "./preview.ts";
export * from "./protocol/constants.ts";
export * from "./protocol/frames.ts";
export * from "./protocol/schemas.ts";
export * from "./protocol/routes.ts";
export * from "./route.ts";
export * from "./text.ts";

/** Every HTTP operation there is. */
export const routes = [
  ...identityRoutes,
  ...contactsRoutes,
  ...conversationsRoutes,
  ...realtimeRoutes,
  ...operationsRoutes,
];

type AnyRoute = (typeof routes)[number];
type Input<R, K extends string> = R extends { [P in K]: infer S extends z.ZodType } ? z.input<S> : undefined;

/** The API as types, keyed by `METHOD /path`: what the SDK's HTTP client is typed by. Carries no code into a bundle. */
export type Api = {
  [R in AnyRoute as `${R["method"]} ${R["path"]}`]: {
    params: Input<R, "params">;
    query: Input<R, "query">;
    body: Input<R, "body">;
    response: R extends { response: infer S extends z.ZodType } ? z.output<S> : undefined;
    idempotent: R extends { idempotent: true } ? true : false;
  };
};
