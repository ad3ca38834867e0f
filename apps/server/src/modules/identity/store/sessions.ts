import type { AgentId, ContactId, GuestSessionId, Role, Session, SessionId } from "@presszero/contracts";
import { type Selectable, sql } from "kysely";
import { type Credential, type InCompany, type Tables, tables } from "./tables.ts";

export type SessionRow = Omit<Selectable<Tables["session"]>, "company_id" | "secret_hash">;

export async function insertSession(
  ctx: InCompany,
  session: Omit<SessionRow, "revoked_at" | "last_used_at"> & { secret_hash: Buffer },
): Promise<void> {
  await tables(ctx)
    .insertInto("session")
    .values({ ...session, company_id: ctx.companyId, last_used_at: session.created_at })
    .execute();
}

export type LiveSession = {
  id: SessionId;
  last_used_at: Date;
  agent_id: AgentId;
  name: string;
  role: Role;
  is_platform_admin: boolean;
};

/** A session that counts: not revoked or expired, of an active agent of an active company. */
export async function findLiveSession(
  ctx: InCompany,
  credential: Credential<SessionId>,
  now: Date,
): Promise<LiveSession | null> {
  const isIt = "id" in credential ? sql`s.id = ${credential.id}` : sql`s.secret_hash = ${credential.secretHash}`;
  const { rows } = await sql<LiveSession>`
    select s.id, s.last_used_at, a.id as agent_id, a.name, a.role,
           exists (select from platform_admin p where p.company_id = a.company_id and p.agent_id = a.id) as is_platform_admin
      from session s
      join agent a on a.company_id = s.company_id and a.id = s.agent_id and a.status = 'active'
      join company c on c.id = s.company_id and c.status = 'active'
     where s.company_id = ${ctx.companyId} and ${isIt} and s.revoked_at is null and s.expires_at > ${now}`.execute(
    ctx.tx,
  );
  return rows[0] ?? null;
}

export async function touchSession(ctx: InCompany, id: SessionId, now: Date, expiresAt: Date): Promise<void> {
  await tables(ctx)
    .updateTable("session")
    .set({ last_used_at: now, expires_at: expiresAt })
    .where("company_id", "=", ctx.companyId)
    .where("id", "=", id)
    .execute();
}

/** The agent's sessions that count, the last used one first. */
export async function selectSessionsOf(ctx: InCompany, agentId: AgentId, now: Date): Promise<SessionRow[]> {
  return tables(ctx)
    .selectFrom("session")
    .select(["id", "agent_id", "user_agent", "created_at", "last_used_at", "expires_at", "revoked_at"])
    .where("company_id", "=", ctx.companyId)
    .where("agent_id", "=", agentId)
    .where("revoked_at", "is", null)
    .where("expires_at", ">", now)
    .orderBy("last_used_at", "desc")
    .orderBy("id", "desc")
    .execute();
}

/** Revokes those of the agent's sessions; all of them without `ids`. Returns the ids of the revoked. */
export async function revokeSessions(
  ctx: InCompany,
  agentId: AgentId,
  now: Date,
  ids?: readonly SessionId[],
): Promise<SessionId[]> {
  let update = tables(ctx)
    .updateTable("session")
    .set({ revoked_at: now })
    .where("company_id", "=", ctx.companyId)
    .where("agent_id", "=", agentId)
    .where("revoked_at", "is", null);
  if (ids) update = update.where("id", "in", ids);
  const rows = await update.returning("id").execute();
  return rows.map((row) => row.id);
}

export async function insertGuestSession(
  ctx: InCompany,
  session: {
    id: GuestSessionId;
    contact_id: ContactId;
    secret_hash: Buffer;
    device_id: string;
    created_at: Date;
    expires_at: Date;
  },
): Promise<void> {
  await tables(ctx)
    .insertInto("guest_session")
    .values({ ...session, company_id: ctx.companyId, last_used_at: session.created_at })
    .execute();
}

export async function touchGuestSession(ctx: InCompany, id: GuestSessionId, now: Date, expiresAt: Date): Promise<void> {
  await tables(ctx)
    .updateTable("guest_session")
    .set({ last_used_at: now, expires_at: expiresAt })
    .where("company_id", "=", ctx.companyId)
    .where("id", "=", id)
    .execute();
}

export async function revokeGuestSession(ctx: InCompany, id: GuestSessionId, now: Date): Promise<void> {
  await tables(ctx)
    .updateTable("guest_session")
    .set({ revoked_at: now })
    .where("company_id", "=", ctx.companyId)
    .where("id", "=", id)
    .execute();
}

export function toSession(row: SessionRow, current: SessionId): Session {
  return {
    id: row.id,
    current: row.id === current,
    userAgent: row.user_agent,
    createdAt: row.created_at.toISOString(),
    lastUsedAt: row.last_used_at.toISOString(),
    expiresAt: row.expires_at.toISOString(),
  };
}
