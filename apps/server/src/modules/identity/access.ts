import type { Permission } from "@presszero/contracts";
import type { Ctx } from "../../kernel/context.ts";
import { AppError } from "../../kernel/errors.ts";

/** FORBIDDEN unless the actor may do this. Contacts have no permissions; our own software has all. */
export function requirePermission(ctx: Pick<Ctx, "actor">, permission: Permission): void {
  requirePermissions(ctx, [permission]);
}

/** FORBIDDEN unless the actor may do all of this: nobody hands out, or takes away, more than they have. */
export function requirePermissions(ctx: Pick<Ctx, "actor">, wanted: Iterable<Permission>): void {
  const { actor } = ctx;
  if (actor.type === "system") return;
  for (const permission of wanted) {
    if (actor.type === "contact" || !actor.permissions.has(permission)) throw new AppError("FORBIDDEN");
  }
}
