import { z } from "zod";
import type { Permission } from "./permissions.ts";

/**
 * Who may call a route: anyone, any signed-in principal, a customer, or an agent or API key that has the permission.
 * Which objects they may touch is decided by the service.
 */
export type RouteAccess = "public" | "signed_in" | "contact" | Permission;

export type Route = {
  method: "GET" | "POST" | "PATCH" | "DELETE";
  path: `/v1/${string}`;
  summary: string;
  access: RouteAccess;
  params?: z.ZodObject;
  query?: z.ZodObject;
  body?: z.ZodType;
  /** Body of the success answer; absent means 204. */
  response?: z.ZodType;
  /** The write takes `Idempotency-Key` (a UUID) as its client id, and perhaps `Device-Id` as the scope of that. */
  idempotent?: true;
};

export function route<const R extends Route>(definition: R): R {
  return definition;
}

/** A page of a list. `cursor` is opaque: hand `next` back as the query `cursor` for the following page. */
export function page<T extends z.ZodType>(item: T) {
  return z.strictObject({ items: z.array(item), next: z.string().nullable() });
}

export const pageQuery = z.strictObject({
  cursor: z.string().max(512).optional(),
  limit: z.coerce.number().int().min(1).max(100).default(50),
});

/** ISO 8601 in UTC with milliseconds. */
export const timestamp = z.iso.datetime();
