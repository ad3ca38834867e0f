import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { startEmbeddedPostgres } from "./embedded-postgres.ts";

const log = pino({ level: "silent" });
let dataDir: string;
let children: ChildProcess[];

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "presszero-embedded-"));
  await chmod(dataDir, 0o711);
  children = [];
});

afterEach(async () => {
  for (const child of children) child.kill("SIGKILL");
  await eventually(() => {
    if (existsSync(pidFile())) throw new Error("a server still runs");
  });
  await rm(dataDir, { recursive: true, force: true });
});

const eventually = (check: () => unknown) => vi.waitFor(check, { timeout: 20_000 });
const pidFile = () => join(dataDir, "postgres/cluster/postmaster.pid");
const serverPid = async () => Number((await readFile(pidFile(), "utf8")).split("\n")[0]);
const start = () => startEmbeddedPostgres({ dataDir, log, forTests: true });

async function query(url: string, statement: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(statement)).rows as unknown[];
  } finally {
    await client.end();
  }
}

/** A process of its own that starts the database and prints its address. */
async function startElsewhere(): Promise<{ child: ChildProcess; url: string }> {
  const code = `
    import { startEmbeddedPostgres } from ${JSON.stringify(join(import.meta.dirname, "embedded-postgres.ts"))};
    const log = { info() {}, warn() {}, debug() {}, error() {} };
    const { url } = await startEmbeddedPostgres({ dataDir: ${JSON.stringify(dataDir)}, log, forTests: true });
    console.log(url);
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", code], {
    cwd: import.meta.dirname,
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  const [output] = (await once(child.stdout!, "data")) as [Buffer];
  return { child, url: output.toString().trim() };
}

test("data survives a stop and a start; the login owns its database and is no superuser", async () => {
  const first = await start();
  await query(first.url, "create table kept (id int); insert into kept values (7)");
  expect(
    await query(
      first.url,
      `select rolsuper, rolcreaterole, rolbypassrls, current_setting('server_encoding') as encoding,
              current_setting('listen_addresses') as listens
         from pg_roles where rolname = current_user`,
    ),
  ).toEqual([{ rolsuper: false, rolcreaterole: true, rolbypassrls: false, encoding: "UTF8", listens: "127.0.0.1" }]);
  await first.stop();
  expect(existsSync(pidFile())).toBe(false);
  const second = await start();
  expect(await query(second.url, "select id from kept")).toEqual([{ id: 7 }]);
  await second.stop();
});

test("nobody enters without the password, which others cannot read", async () => {
  const { url, stop } = await start();
  const wrong = Object.assign(new URL(url), { password: "wrong" }).href;
  await expect(query(wrong, "select 1")).rejects.toMatchObject({ code: "28P01" });
  expect((await stat(join(dataDir, "postgres/password"))).mode & 0o077).toBe(0);
  expect((await stat(join(dataDir, "postgres"))).mode & 0o077).toBe(0);
  await stop();
});

test("a second start on the same data says so and harms nothing", async () => {
  const { url } = await startElsewhere();
  await expect(start()).rejects.toThrow(/Press Zero already runs on .* \(process \d+\)/);
  expect(await query(url, "select 1 as one")).toEqual([{ one: 1 }]);
  const again = startEmbeddedPostgres({ dataDir, log, forTests: true });
  await expect(again).rejects.toThrow(/already runs/);
});

test("the server ends when its process is killed, and the next start finds the data", async () => {
  const { child, url } = await startElsewhere();
  await query(url, "create table kept (id int); insert into kept values (7)");
  child.kill("SIGKILL");
  const next = await start();
  expect(await query(next.url, "select id from kept")).toEqual([{ id: 7 }]);
  await next.stop();
});

test("a server that outlived its process is stopped by the next start", async () => {
  const { child, url } = await startElsewhere();
  await query(url, "create table kept (id int); insert into kept values (7)");
  const pid = await serverPid();
  const guardian = Number((await readFile(`/proc/${pid}/stat`, "utf8")).split(") ")[1]!.split(" ")[1]);
  // Those who would end the server die first.
  const watchers = (await readFile(`/proc/${guardian}/task/${guardian}/children`, "utf8"))
    .trim()
    .split(" ")
    .map(Number);
  for (const one of [...watchers.filter((watcher) => watcher !== pid), guardian]) process.kill(one, "SIGKILL");
  child.kill("SIGKILL");
  expect(await query(url, "select 1 as one")).toEqual([{ one: 1 }]);

  const next = await start();
  expect(await serverPid()).not.toBe(pid);
  expect(await query(next.url, "select id from kept")).toEqual([{ id: 7 }]);
  await next.stop();
});

test("a pid file that names a stranger, and one that names nobody, are put aside", async () => {
  const first = await start();
  await first.stop();
  for (const pid of [process.pid, 4_000_000]) {
    await writeFile(pidFile(), `${pid}\n${join(dataDir, "postgres/cluster")}\n1\n5432\n\n127.0.0.1\n`);
    const next = await start();
    expect(await query(next.url, "select 1 as one")).toEqual([{ one: 1 }]);
    await next.stop();
  }
});

test("a database that is killed comes back on the same address, with its data", async () => {
  // Without forTests: this one has to be durable.
  const database = await startEmbeddedPostgres({ dataDir, log });
  await query(database.url, "create table kept (id int); insert into kept values (7)");
  const pid = await serverPid();
  process.kill(pid, "SIGKILL");
  await eventually(async () => {
    expect(await query(database.url, "select id from kept")).toEqual([{ id: 7 }]);
    expect(await serverPid()).not.toBe(pid);
  });
  await database.stop();
  expect(existsSync(pidFile())).toBe(false);
});
