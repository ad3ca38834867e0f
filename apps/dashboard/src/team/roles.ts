import type { Role } from "@presszero/contracts";
import type { T } from "../i18n.ts";

const roles: readonly Role[] = ["agent", "supervisor", "company_admin"];

/** The roles as choices of a select, the one with the fewest rights first. */
export function roleNames(t: T): { value: Role; label: string }[] {
  return roles.map((role) => ({ value: role, label: t(`roles.${role}`) }));
}
