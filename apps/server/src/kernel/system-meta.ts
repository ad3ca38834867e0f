import { sql } from "kysely";
import type { InTx } from "./database.ts";

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
