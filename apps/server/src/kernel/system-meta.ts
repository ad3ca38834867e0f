import { sql } from "kysely";
import type pg from "pg";
import type { InTx } from "./database.ts";

/** The version of PostgreSQL, the epoch, and the newest migration. */
export async function readInstallation(
  worker: pg.Pool,
): Promise<{ postgres: string; epoch: string; migration: string }> {
  const { rows } = await worker.query<{ postgres: string; epoch: string; migration: string }>(
    `select current_setting('server_version') as postgres,
            (select value from system_meta where name = 'epoch') as epoch,
            (select max(name) from schema_migration) as migration`,
  );
  return rows[0]!;
}

/** A fact about the installation, null if there is none of this name. */
export async function findMeta(ctx: InTx, name: string): Promise<string | null> {
  const { rows } = await sql<{ value: string }>`select value from system_meta where name = ${name}`.execute(ctx.tx);
  return rows[0]?.value ?? null;
}

/** False if there is one of this name already; of several at once, one succeeds. */
export async function addMeta(ctx: InTx, name: string, value: string): Promise<boolean> {
  const { numAffectedRows } = await sql`
    insert into system_meta (name, value) values (${name}, ${value}) on conflict do nothing`.execute(ctx.tx);
  return numAffectedRows === 1n;
}

/** Removes it if it has this value; of several at once, one succeeds. */
export async function removeMeta(ctx: InTx, name: string, value: string): Promise<boolean> {
  const { numAffectedRows } = await sql`
    delete from system_meta where name = ${name} and value = ${value}`.execute(ctx.tx);
  return numAffectedRows === 1n;
}
