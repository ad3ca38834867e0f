import type { Invitation, InvitationId } from "@presszero/contracts";
import type { Selectable } from "kysely";
import { type InCompany, type Tables, tables } from "./tables.ts";

export type InvitationRow = Omit<Selectable<Tables["invitation"]>, "company_id">;

const columns = ["id", "email", "role", "invited_by", "created_at", "expires_at", "accepted_at", "revoked_at"] as const;

/** Throws a unique violation if this e-mail has an open invitation. One that has expired makes room. */
export async function insertInvitation(
  ctx: InCompany,
  invitation: Omit<InvitationRow, "accepted_at" | "revoked_at">,
): Promise<InvitationRow> {
  await tables(ctx)
    .updateTable("invitation")
    .set({ revoked_at: invitation.created_at })
    .where("company_id", "=", ctx.companyId)
    .where("email", "=", invitation.email)
    .where("accepted_at", "is", null)
    .where("revoked_at", "is", null)
    .where("expires_at", "<=", invitation.created_at)
    .execute();
  return tables(ctx)
    .insertInto("invitation")
    .values({ ...invitation, company_id: ctx.companyId })
    .returning(columns)
    .executeTakeFirstOrThrow();
}

function selectOpen(ctx: InCompany, now: Date) {
  return tables(ctx)
    .selectFrom("invitation")
    .select(columns)
    .where("company_id", "=", ctx.companyId)
    .where("accepted_at", "is", null)
    .where("revoked_at", "is", null)
    .where("expires_at", ">", now);
}

export async function findOpenInvitation(ctx: InCompany, id: InvitationId, now: Date): Promise<InvitationRow | null> {
  return (await selectOpen(ctx, now).where("id", "=", id).executeTakeFirst()) ?? null;
}

/** The same, locked, so that it is used once. */
export async function findOpenInvitationForUpdate(
  ctx: InCompany,
  id: InvitationId,
  now: Date,
): Promise<InvitationRow | null> {
  return (await selectOpen(ctx, now).where("id", "=", id).forUpdate().executeTakeFirst()) ?? null;
}

/** In order of creation. */
export async function selectOpenInvitations(
  ctx: InCompany,
  after: string | null,
  limit: number,
  now: Date,
): Promise<InvitationRow[]> {
  return selectOpen(ctx, now)
    .where("id", ">", (after ?? "") as InvitationId)
    .orderBy("id")
    .limit(limit)
    .execute();
}

export async function closeInvitation(
  ctx: InCompany,
  id: InvitationId,
  how: { accepted_at: Date } | { revoked_at: Date },
): Promise<void> {
  await tables(ctx)
    .updateTable("invitation")
    .set(how)
    .where("company_id", "=", ctx.companyId)
    .where("id", "=", id)
    .execute();
}

export function toInvitation(row: InvitationRow): Invitation {
  return {
    id: row.id,
    email: row.email,
    role: row.role,
    invitedBy: row.invited_by,
    createdAt: row.created_at.toISOString(),
    expiresAt: row.expires_at.toISOString(),
  };
}
