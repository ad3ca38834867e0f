import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import pg from "pg";

const migrationsDirectory = resolve(import.meta.dirname, "../../migrations");
/** Any number that nobody else uses in this database. */
const lockKey = 7_077_977;

/** The database cannot be brought to the state that this code needs; the message says what a person can do. */
export class MigrationError extends Error {
  override readonly name = "MigrationError";
}

type Migration = { name: string; sql: string; checksum: string };

/**
 * Applies the files of `migrations/` that the database does not have yet, each in a transaction of its own. Several
 * processes may call it at once. Returns the names of those that it applied.
 */
export async function migrate(url: string, directory = migrationsDirectory): Promise<string[]> {
  const migrations = await readMigrations(directory);
  const client = new pg.Client({ connectionString: url, application_name: "presszero_migrate" });
  await client.connect();
  try {
    await client.query("select pg_advisory_lock($1)", [lockKey]);
    await checkServer(client);
    await client.query(`create table if not exists schema_migration (
      name text primary key, checksum text not null, applied_at timestamptz not null default now())`);
    const applied = await readApplied(client);
    checkHistory(migrations, applied);
    const pending = migrations.filter(({ name }) => !applied.has(name));
    for (const migration of pending) await apply(client, migration);
    if (pending.length > 0) await client.query("grant select on schema_migration to presszero_app, presszero_worker");
    return pending.map(({ name }) => name);
  } catch (error) {
    throw explain(error);
  } finally {
    await client.end();
  }
}

/** True if the database has exactly the migrations that this code brings. */
export async function migrationsAreCurrent(database: pg.Pool, directory = migrationsDirectory): Promise<boolean> {
  const [migrations, applied] = await Promise.all([readMigrations(directory), readApplied(database)]);
  return migrations.length === applied.size && migrations.every(({ name, checksum }) => applied.get(name) === checksum);
}

async function readMigrations(directory: string): Promise<Migration[]> {
  const names = (await readdir(directory)).filter((name) => /^\d{4}_\w+\.sql$/.test(name)).sort();
  return Promise.all(
    names.map(async (name) => {
      const sql = await readFile(join(directory, name), "utf8");
      return { name, sql, checksum: createHash("sha256").update(sql.replaceAll("\r\n", "\n")).digest("hex") };
    }),
  );
}

async function readApplied(database: pg.Client | pg.Pool): Promise<Map<string, string>> {
  const { rows } = await database.query<{ name: string; checksum: string }>(
    "select name, checksum from schema_migration",
  );
  return new Map(rows.map(({ name, checksum }) => [name, checksum]));
}

async function checkServer(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ version: number; login: string; can_create_roles: boolean }>(
    `select current_setting('server_version_num')::int as version, current_user as login,
            rolcreaterole or rolsuper as can_create_roles from pg_roles where rolname = current_user`,
  );
  const { version, login, can_create_roles } = rows[0]!;
  if (version < 150_000) {
    throw new MigrationError(
      `The database is PostgreSQL ${Math.floor(version / 10_000)}; Press Zero needs 15 or newer.`,
    );
  }
  if (!can_create_roles) {
    throw new MigrationError(
      `The database login "${login}" may not create roles. Run as a superuser: alter role "${login}" createrole;`,
    );
  }
}

function checkHistory(migrations: readonly Migration[], applied: ReadonlyMap<string, string>): void {
  const known = new Map(migrations.map(({ name, checksum }) => [name, checksum]));
  for (const [name, checksum] of applied) {
    if (!known.has(name)) {
      throw new MigrationError(
        `The database is newer than this version of Press Zero: it has the migration ${name}. Start the version that made it, or a later one.`,
      );
    }
    if (known.get(name) !== checksum) {
      throw new MigrationError(
        `The migration ${name} was changed after this database had applied it. Restore the file and put the change into a new migration.`,
      );
    }
  }
  const newest = [...applied.keys()].sort().at(-1) ?? "";
  const late = migrations.find(({ name }) => !applied.has(name) && name < newest);
  if (late) {
    throw new MigrationError(
      `The migration ${late.name} comes before ${newest}, which is applied already. Give it a higher number.`,
    );
  }
}

async function apply(client: pg.Client, { name, sql, checksum }: Migration): Promise<void> {
  try {
    await client.query("begin");
    await client.query(sql);
    await client.query("insert into schema_migration (name, checksum) values ($1, $2)", [name, checksum]);
    await client.query("commit");
  } catch (error) {
    await client.query("rollback");
    if (error instanceof pg.DatabaseError && error.code !== "42501") {
      throw new MigrationError(`The migration ${name} failed: ${error.message}.`, { cause: error });
    }
    throw error;
  }
}

function explain(error: unknown): unknown {
  if (error instanceof pg.DatabaseError && error.code === "42501") {
    return new MigrationError(
      `The database login lacks a right (${error.message}). It needs CREATEROLE, and CREATE on the database and its schema "public".`,
      { cause: error },
    );
  }
  return error;
}
