import { type Permission, permissions, type Role } from "@presszero/contracts";

const agentPermissions: readonly Permission[] = [
  "conversations.read",
  "conversations.reply",
  "conversations.assign",
  "conversations.close",
  "agents.read",
];

const rolePermissions: Record<Role, readonly Permission[]> = {
  agent: agentPermissions,
  supervisor: [...agentPermissions, "conversations.moderate", "events.manage"],
  company_admin: permissions.filter((permission) => permission !== "platform.manage"),
};

/** What an agent of this role may do. `platform.manage` comes with no role. */
export function permissionsOf(role: Role, isPlatformAdmin: boolean): ReadonlySet<Permission> {
  return new Set(isPlatformAdmin ? [...rolePermissions[role], "platform.manage" as const] : rolePermissions[role]);
}

export const agentSessionDays = 30;
export const guestSessionDays = 365;
export const invitationDays = 7;
/** Sessions of one agent; a further sign-in ends the one that was used longest ago. */
export const maxSessions = 50;

export function addDays(time: Date, days: number): Date {
  return new Date(time.getTime() + days * 86_400_000);
}

/** Uses are recorded once a minute, so that reading stays reading. */
export function isUseWorthRecording(lastUsedAt: Date | null, now: Date): boolean {
  return lastUsedAt === null || now.getTime() - lastUsedAt.getTime() >= 60_000;
}

/** Empty list: any. Our own pages always may. */
export function isOriginListed(origin: string, allowed: readonly string[], ownOrigin: string): boolean {
  return allowed.length === 0 || origin === ownOrigin || allowed.includes(origin);
}

/** The name in lower-case Latin letters, digits and hyphens; "company" when nothing of it remains. */
export function slugOf(name: string): string {
  const slug = name
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, 40)
    .replace(/^-+|-+$/g, "");
  return slug || "company";
}
