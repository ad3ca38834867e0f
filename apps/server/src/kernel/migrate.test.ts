import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterEach, beforeEach, expect, test } from "vitest";
import { migrate, migrationsAreCurrent } from "./migrate.ts";
import { createTestCtx, type TestCtx } from "./testing.ts";

let ctx: TestCtx;
let directory: string;
let url: string;
let owner: pg.Pool;

// The database of the test has the real migrations; these run in a second, empty one beside it.
beforeEach(async () => {
  ctx = await createTestCtx();
  directory = await mkdtemp(join(tmpdir(), "presszero-migrations-"));
  const name = `${new URL(ctx.url).pathname.slice(1)}_empty`;
  await asOwner(ctx.url, `create database ${name}`);
  url = Object.assign(new URL(ctx.url), { pathname: `/${name}` }).href;
  owner = new pg.Pool({ connectionString: url });
  await write("0001_first.sql", "create table first (id int);");
});

afterEach(async () => {
  await owner.end();
  await asOwner(ctx.url, `drop database ${new URL(url).pathname.slice(1)} with (force)`);
  await ctx.close();
  await rm(directory, { recursive: true });
});

async function asOwner(at: string, ...statements: string[]) {
  const client = new pg.Client({ connectionString: at });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

const write = (name: string, sql: string) => writeFile(join(directory, name), sql);

test("files run once, in order, also when several processes start at once", async () => {
  await write("0002_second.sql", "alter table first add column name text;\ninsert into first values (1, 'one');");
  const applied = await Promise.all([migrate(url, directory), migrate(url, directory), migrate(url, directory)]);
  expect(applied.flat()).toEqual(["0001_first.sql", "0002_second.sql"]);
  expect((await owner.query("select * from first")).rows).toEqual([{ id: 1, name: "one" }]);
  expect(await migrate(url, directory)).toEqual([]);
});

test("a file that fails leaves nothing of itself, and the ones before it stay", async () => {
  await write("0002_second.sql", "create table second (id int); select 1 / 0;");
  await expect(migrate(url, directory)).rejects.toThrow("The migration 0002_second.sql failed: division by zero.");
  const { rows } = await owner.query(
    "select to_regclass('first') is not null as first, to_regclass('second') as second",
  );
  expect(rows).toEqual([{ first: true, second: null }]);
});

test("a changed, a missing and a late file are refused in a sentence each", async () => {
  await write("0003_third.sql", "select 1");
  await migrate(url, directory);
  expect(await migrationsAreCurrent(owner, directory)).toBe(true);

  await write("0002_second.sql", "select 1");
  expect(await migrationsAreCurrent(owner, directory)).toBe(false);
  await expect(migrate(url, directory)).rejects.toThrow(/0002_second.sql comes before 0003_third.sql/);
  await rm(join(directory, "0002_second.sql"));

  await write("0001_first.sql", "create table first (id bigint)");
  expect(await migrationsAreCurrent(owner, directory)).toBe(false);
  await expect(migrate(url, directory)).rejects.toThrow(
    /0001_first.sql was changed after this database had applied it/,
  );

  await rm(join(directory, "0003_third.sql"));
  await write("0001_first.sql", "create table first (id int);");
  await expect(migrate(url, directory)).rejects.toThrow(/newer than this version of Press Zero: .*0003_third.sql/);
});

test("a login that may not create roles is told what it needs", async () => {
  const login = `weak_${Date.now()}`;
  await asOwner(url, `create role ${login} login password 'weak'`);
  const weak = Object.assign(new URL(url), { username: login, password: "weak" }).href;
  try {
    await expect(migrate(weak, directory)).rejects.toThrow(`alter role "${login}" createrole;`);
  } finally {
    await asOwner(url, `drop role ${login}`);
  }
});

test("the server's roles can see whether the migrations are current", async () => {
  expect(await migrationsAreCurrent(ctx.database.app)).toBe(true);
});
