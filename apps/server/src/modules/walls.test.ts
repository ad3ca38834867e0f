// The two walls between companies, for every table there is or will be: keys that begin with the company, and row-level
// security. A new table without them fails here.
import pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { DatabaseRole } from "../kernel/database.ts";
import { createTestCtx, type TestCtx } from "../kernel/testing.ts";
import { startConversation } from "./conversations/index.ts";
import { createTestCompany, type TestCompany } from "./testing.ts";

/** Tables without a company, and why. Nothing in them belongs to one company's people. */
const globalTables: Record<string, string> = {
  company: "the companies themselves",
  platform_admin: "who manages the installation",
  sign_in_directory: "in which companies to look for a login",
  system_meta: "facts about the installation",
  consumer: "where each consumer stands in the log",
  schema_migration: "which migrations have run",
};
/** Roles that work across companies, and the only tables that a policy opens to them. */
const crossCompany: Partial<Record<DatabaseRole, readonly string[]>> = {
  presszero_writer: ["agent", "api_key", "contact", "conversation", "conversation_mark", "event", "message"],
  presszero_worker: ["consumer_retry", "event"],
};

let system: TestCtx;
let owner: pg.Client;
let companies: [TestCompany, TestCompany];
let companyTables: string[];

beforeAll(async () => {
  system = await createTestCtx();
  companies = [await createTestCompany(system, "One"), await createTestCompany(system, "Two")];
  for (const { customer } of companies) {
    const message = { kind: "text" as const, text: "canary" };
    await startConversation(customer, { deviceId: crypto.randomUUID(), clientId: crypto.randomUUID(), message });
  }
  owner = new pg.Client({ connectionString: system.url });
  await owner.connect();
  const { rows } = await owner.query<{ name: string }>(
    "select relname as name from pg_class where relkind in ('r', 'p') and relnamespace = 'public'::regnamespace order by 1",
  );
  companyTables = rows.map((row) => row.name).filter((name) => !(name in globalTables));
});
afterAll(async () => {
  await owner.end();
  await system.close();
});

it("knows every table", async () => {
  expect(companyTables).toContain("conversation");
  const { rows } = await owner.query<{ name: string }>(
    `select table_name as name from information_schema.columns
     where table_schema = 'public' and column_name = 'company_id' and table_name = any($1)`,
    [companyTables],
  );
  expect(rows.map((row) => row.name).sort()).toEqual(companyTables);
});

it("begins every primary, unique and foreign key with the company", async () => {
  const { rows } = await owner.query<{ constraint: string; first: string }>(
    `select c.conrelid::regclass || '.' || c.conname as constraint, a.attname as first
     from pg_constraint c
     join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]
     where c.contype in ('p', 'u', 'f') and c.conrelid::regclass::text = any($1)
     union all
     select i.indexrelid::regclass::text, a.attname
     from pg_index i
     join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
     where i.indisunique and i.indrelid::regclass::text = any($1)`,
    [companyTables],
  );
  expect(rows.length).toBeGreaterThan(companyTables.length);
  expect(rows.filter((row) => row.first !== "company_id")).toEqual([]);
});

it("forces row-level security on every table of a company, for reading and writing", async () => {
  const { rows: open } = await owner.query<{ name: string }>(
    `select relname as name from pg_class
     where relname = any($1) and relnamespace = 'public'::regnamespace and not (relrowsecurity and relforcerowsecurity)`,
    [companyTables],
  );
  expect(open).toEqual([]);
  const { rows: policies } = await owner.query<{
    table: string;
    role: string;
    check: string | null;
    using: string | null;
    command: string;
  }>(
    `select tablename as table, array_to_string(roles, ',') as role, with_check as check, qual as using, cmd as command
     from pg_policies where schemaname = 'public'`,
  );
  for (const table of companyTables) {
    const own = policies.filter((policy) => policy.table === table && policy.role === "presszero_app");
    expect(own, table).toHaveLength(1);
    expect(own[0]!.using, table).toMatch(/company_id = .*current_company\(\)/);
    expect(own[0]!.check, table).toMatch(/company_id = .*current_company\(\)/);
  }
  const others = policies.filter((policy) => policy.role !== "presszero_app");
  for (const policy of others) expect(crossCompany[policy.role as DatabaseRole], policy.table).toContain(policy.table);
});

it("gives the server's roles neither ownership nor a way around", async () => {
  const { rows } = await owner.query(
    `select rolname from pg_roles
     where rolname like 'presszero\\_%' and rolname <> 'presszero_owner'
       and (rolbypassrls or rolsuper or rolcreaterole)
       and rolname in ('presszero_app', 'presszero_writer', 'presszero_worker')
     union all
     select relname from pg_class where relowner in (
       select oid from pg_roles where rolname in ('presszero_app', 'presszero_writer', 'presszero_worker'))`,
  );
  expect(rows).toEqual([]);
});

it("shows no row without a company, and only its own with one, also after an error on the same connection", async () => {
  const client = await system.database.app.connect();
  const count = async (table: string) => {
    const { rows } = await client.query<{ ids: string[] | null }>(
      `select array_agg(distinct company_id) as ids from ${table}`,
    );
    return rows[0]!.ids ?? [];
  };
  const { rlsContextMissing } = system.metrics;
  const counted = async () => (await rlsContextMissing.get()).values[0]!.value;
  try {
    for (const table of companyTables) expect(await count(table), table).toEqual([]);
    // Nothing is shown, and nobody can mean that: it is counted for the operators.
    const before = await counted();
    expect(await count("message")).toEqual([]);
    expect(await counted()).toBe(before + 1);
    const [one, two] = companies;
    await client.query(`begin; select set_config('presszero.company_id', '${one.companyId}', true)`);
    expect(await count("message")).toEqual([one.companyId]);
    await expect(client.query("select broken")).rejects.toThrow();
    await client.query("rollback");
    for (const table of companyTables) expect(await count(table), table).toEqual([]);

    rlsContextMissing.reset();
    await client.query(`begin; select set_config('presszero.company_id', '${one.companyId}', true)`);
    for (const table of companyTables) expect([[], [one.companyId]], table).toContainEqual(await count(table));
    const foreign = await client.query("update contact set name = 'stolen' where company_id = $1", [two.companyId]);
    expect(foreign.rowCount).toBe(0);
    await expect(
      client.query("insert into contact (company_id, id) values ($1, 'con_x')", [two.companyId]),
    ).rejects.toThrow(/row-level security/);
    await client.query("rollback");
    expect(await counted()).toBe(0);
  } finally {
    client.release();
  }
});

it("lets the writer and the worker touch only what their work needs", async () => {
  const { rows } = await owner.query<{ role: string; table: string; privilege: string }>(
    `select grantee as role, table_name as table, lower(privilege_type) as privilege
     from information_schema.role_table_grants
     where grantee in ('presszero_writer', 'presszero_worker') and table_schema = 'public'
     order by 1, 2, 3`,
  );
  const granted = rows.map(({ role, table, privilege }) => `${role} ${privilege} ${table}`);
  expect(granted.filter((one) => /^presszero_writer (insert|update|delete)/.test(one))).toEqual([
    "presszero_writer update conversation",
    "presszero_writer insert conversation_mark",
    "presszero_writer update conversation_mark",
    "presszero_writer insert event",
    "presszero_writer insert message",
  ]);
  expect(granted.filter((one) => /^presszero_worker (insert|update|delete)/.test(one))).toEqual([
    "presszero_worker insert consumer",
    "presszero_worker update consumer",
    "presszero_worker delete consumer_retry",
    "presszero_worker insert consumer_retry",
    "presszero_worker update consumer_retry",
  ]);
});
