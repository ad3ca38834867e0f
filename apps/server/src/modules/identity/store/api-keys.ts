import type { ApiKey, ApiKeyId, Permission } from "@presszero/contracts";
import { type Selectable, sql } from "kysely";
import { type Credential, type InCompany, type Tables, tables } from "./tables.ts";

export type ApiKeyRow = Omit<Selectable<Tables["api_key"]>, "company_id" | "secret_hash" | "created_by" | "revoked_at">;

const columns = ["id", "name", "prefix", "permissions", "created_at", "last_used_at", "expires_at"] as const;

export async function insertApiKey(
  ctx: InCompany,
  key: Omit<ApiKeyRow, "last_used_at"> & { secret_hash: Buffer; created_by: string },
): Promise<ApiKeyRow> {
  return tables(ctx)
    .insertInto("api_key")
    .values({ ...key, company_id: ctx.companyId })
    .returning(columns)
    .executeTakeFirstOrThrow();
}

export type LiveApiKey = { id: ApiKeyId; name: string; permissions: Permission[]; last_used_at: Date | null };

/** A key that counts: not revoked or expired, of an active company. */
export async function findLiveApiKey(
  ctx: InCompany,
  credential: Credential<ApiKeyId>,
  now: Date,
): Promise<LiveApiKey | null> {
  const isIt = "id" in credential ? sql`k.id = ${credential.id}` : sql`k.secret_hash = ${credential.secretHash}`;
  const { rows } = await sql<LiveApiKey>`
    select k.id, k.name, k.permissions, k.last_used_at
      from api_key k
      join company c on c.id = k.company_id and c.status = 'active'
     where k.company_id = ${ctx.companyId} and ${isIt} and k.revoked_at is null
       and (k.expires_at is null or k.expires_at > ${now})`.execute(ctx.tx);
  return rows[0] ?? null;
}

export async function touchApiKey(ctx: InCompany, id: ApiKeyId, now: Date): Promise<void> {
  await tables(ctx)
    .updateTable("api_key")
    .set({ last_used_at: now })
    .where("company_id", "=", ctx.companyId)
    .where("id", "=", id)
    .execute();
}

/** Keys that are not revoked, in order of creation. */
export async function selectApiKeys(ctx: InCompany, after: string | null, limit: number): Promise<ApiKeyRow[]> {
  return tables(ctx)
    .selectFrom("api_key")
    .select(columns)
    .where("company_id", "=", ctx.companyId)
    .where("revoked_at", "is", null)
    .where("id", ">", (after ?? "") as ApiKeyId)
    .orderBy("id")
    .limit(limit)
    .execute();
}

/** False if there is no such key that is not revoked. */
export async function revokeApiKeyRow(ctx: InCompany, id: ApiKeyId, now: Date): Promise<boolean> {
  const { numUpdatedRows } = await tables(ctx)
    .updateTable("api_key")
    .set({ revoked_at: now })
    .where("company_id", "=", ctx.companyId)
    .where("id", "=", id)
    .where("revoked_at", "is", null)
    .executeTakeFirst();
  return numUpdatedRows === 1n;
}

export function toApiKey(row: ApiKeyRow): ApiKey {
  return {
    id: row.id,
    name: row.name,
    permissions: row.permissions,
    prefix: row.prefix,
    createdAt: row.created_at.toISOString(),
    lastUsedAt: row.last_used_at?.toISOString() ?? null,
    expiresAt: row.expires_at?.toISOString() ?? null,
  };
}
