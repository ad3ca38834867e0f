import type { Agent, AgentId } from "@presszero/contracts";
import type { Selectable } from "kysely";
import { type InCompany, type Tables, tables } from "./tables.ts";

export type AgentRow = Omit<Selectable<Tables["agent"]>, "company_id">;

const columns = ["id", "name", "email", "password_hash", "role", "status", "created_at"] as const;

/** Throws a unique violation if the company has an agent of this e-mail. */
export async function insertAgent(ctx: InCompany, agent: Omit<AgentRow, "status">): Promise<AgentRow> {
  const row = await tables(ctx)
    .insertInto("agent")
    .values({ ...agent, company_id: ctx.companyId })
    .returning(columns)
    .executeTakeFirstOrThrow();
  await tables(ctx).insertInto("sign_in_directory").values({ email: agent.email, company_id: ctx.companyId }).execute();
  return row;
}

export async function findAgent(ctx: InCompany, id: AgentId): Promise<AgentRow | null> {
  const row = await tables(ctx)
    .selectFrom("agent")
    .select(columns)
    .where("company_id", "=", ctx.companyId)
    .where("id", "=", id)
    .executeTakeFirst();
  return row ?? null;
}

export async function findAgentByEmail(ctx: InCompany, email: string): Promise<AgentRow | null> {
  const row = await tables(ctx)
    .selectFrom("agent")
    .select(columns)
    .where("company_id", "=", ctx.companyId)
    .where("email", "=", email)
    .executeTakeFirst();
  return row ?? null;
}

/** The agent, locked against changes. */
export async function findAgentForUpdate(ctx: InCompany, id: AgentId): Promise<AgentRow | null> {
  const row = await tables(ctx)
    .selectFrom("agent")
    .select(columns)
    .where("company_id", "=", ctx.companyId)
    .where("id", "=", id)
    .forUpdate()
    .executeTakeFirst();
  return row ?? null;
}

/** The active admins of the company, locked, so that of two who leave at once the second sees the first gone. */
export async function lockActiveAdmins(ctx: InCompany): Promise<AgentId[]> {
  const rows = await tables(ctx)
    .selectFrom("agent")
    .select("id")
    .where("company_id", "=", ctx.companyId)
    .where("role", "=", "company_admin")
    .where("status", "=", "active")
    .orderBy("id")
    .forUpdate()
    .execute();
  return rows.map((row) => row.id);
}

/** In order of creation. */
export async function selectAgents(ctx: InCompany, after: string | null, limit: number): Promise<AgentRow[]> {
  return tables(ctx)
    .selectFrom("agent")
    .select(columns)
    .where("company_id", "=", ctx.companyId)
    .where("id", ">", (after ?? "") as AgentId)
    .orderBy("id")
    .limit(limit)
    .execute();
}

export async function updateAgent(
  ctx: InCompany,
  id: AgentId,
  changes: Pick<AgentRow, "role" | "status">,
): Promise<AgentRow> {
  return tables(ctx)
    .updateTable("agent")
    .set(changes)
    .where("company_id", "=", ctx.companyId)
    .where("id", "=", id)
    .returning(columns)
    .executeTakeFirstOrThrow();
}

export function toAgent(row: AgentRow): Agent {
  return {
    id: row.id,
    name: row.name,
    email: row.email,
    role: row.role,
    status: row.status,
    createdAt: row.created_at.toISOString(),
  };
}
