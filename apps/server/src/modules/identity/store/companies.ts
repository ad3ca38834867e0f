import type { AgentId, Company, CompanyId } from "@presszero/contracts";
import type { Selectable } from "kysely";
import type { InTx } from "../../../kernel/database.ts";
import { type InCompany, type Tables, tables } from "./tables.ts";

export type CompanyRow = Selectable<Tables["company"]>;

/** False if the slug is taken. */
export async function insertCompany(
  ctx: InTx,
  company: Pick<CompanyRow, "id" | "name" | "slug" | "widget_key" | "allowed_origins" | "created_at"> & {
    accent_color?: string;
  },
): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await tables(ctx)
    .insertInto("company")
    .values(company)
    .onConflict((conflict) => conflict.column("slug").doNothing())
    .executeTakeFirst();
  return numInsertedOrUpdatedRows === 1n;
}

export async function findCompany(ctx: InTx, id: CompanyId): Promise<CompanyRow | null> {
  return (await tables(ctx).selectFrom("company").selectAll().where("id", "=", id).executeTakeFirst()) ?? null;
}

export async function findCompanyByWidgetKey(ctx: InTx, widgetKey: string): Promise<CompanyRow | null> {
  const row = await tables(ctx)
    .selectFrom("company")
    .selectAll()
    .where("widget_key", "=", widgetKey)
    .executeTakeFirst();
  return row ?? null;
}

/** In order of creation. */
export async function selectCompanies(ctx: InTx, after: string | null, limit: number): Promise<CompanyRow[]> {
  return tables(ctx)
    .selectFrom("company")
    .selectAll()
    .where("id", ">", (after ?? "") as CompanyId)
    .orderBy("id")
    .limit(limit)
    .execute();
}

export async function updateCompany(
  ctx: InTx,
  id: CompanyId,
  changes: Partial<Pick<CompanyRow, "name" | "accent_color" | "allowed_origins" | "status">>,
): Promise<CompanyRow | null> {
  const row = await tables(ctx)
    .updateTable("company")
    .set(changes)
    .where("id", "=", id)
    .returningAll()
    .executeTakeFirst();
  return row ?? null;
}

export async function hasPlatformAdmin(ctx: InTx): Promise<boolean> {
  const row = await tables(ctx).selectFrom("platform_admin").select("agent_id").limit(1).executeTakeFirst();
  return row !== undefined;
}

/** The agents who may manage the installation, locked against changes. */
export async function lockPlatformAdmins(ctx: InTx): Promise<AgentId[]> {
  const rows = await tables(ctx)
    .selectFrom("platform_admin")
    .select("agent_id")
    .orderBy("agent_id")
    .forUpdate()
    .execute();
  return rows.map((row) => row.agent_id);
}

export async function insertPlatformAdmin(ctx: InCompany, agentId: AgentId): Promise<void> {
  await tables(ctx).insertInto("platform_admin").values({ company_id: ctx.companyId, agent_id: agentId }).execute();
}

export async function deletePlatformAdmin(ctx: InCompany, agentId: AgentId): Promise<void> {
  await tables(ctx)
    .deleteFrom("platform_admin")
    .where("company_id", "=", ctx.companyId)
    .where("agent_id", "=", agentId)
    .execute();
}

export async function listCompaniesOfLogin(ctx: InTx, email: string): Promise<CompanyId[]> {
  const rows = await tables(ctx)
    .selectFrom("sign_in_directory")
    .select("company_id")
    .where("email", "=", email)
    .orderBy("company_id")
    .execute();
  return rows.map((row) => row.company_id);
}

export function toCompany(row: CompanyRow): Company {
  return {
    id: row.id,
    name: row.name,
    slug: row.slug,
    widgetKey: row.widget_key,
    allowedOrigins: row.allowed_origins,
    accentColor: row.accent_color,
    status: row.status,
    createdAt: row.created_at.toISOString(),
  };
}
