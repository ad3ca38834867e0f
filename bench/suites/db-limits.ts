// What PostgreSQL takes at most: one row a commit, and fifty, into a table like the messages'. Through `pg`, and through
// pgbench where it is installed; pgbench makes its rows on the server, so it is the upper bound.
import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync, globSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import pg from "pg";
import type { Bench } from "../bench.ts";
import { createDatabase, withClient } from "../lib/cluster.ts";
import type { Parties } from "../lib/proc.ts";
import { isClientBound, openWindow, type Side } from "../lib/sides.ts";

const table = `
create table message (
  id uuid primary key,
  company_id uuid not null,
  conversation_id uuid not null,
  seq int not null,
  sender_id uuid not null,
  sender_kind smallint not null,
  body text not null,
  meta jsonb not null default '{}',
  created_at timestamptz not null default now(),
  unique (conversation_id, seq)
);
create index on message (company_id, created_at);
create sequence message_seq cache 100`;
const columns = "id, company_id, conversation_id, seq, sender_id, sender_kind, body, meta";
const body =
  "hello order delivery refund please thanks invoice account password reset shipping address product blue red large";
const connections = { single: 8, batch: 2 };
const batchRows = 50;

export async function dbLimits(bench: Bench): Promise<Side[]> {
  const url = await createDatabase(bench.product.cluster, "bench_limits");
  await withClient(url, (client) => client.query(table));
  const pgbench = findPgbench();
  if (!pgbench) bench.skip("pgbench is not installed: the limits are those of pg alone");
  return [
    ...(pgbench ? await pgbenchSides(bench, url, pgbench) : []),
    pgSide(bench, url, "db-single", connections.single, 1),
    pgSide(bench, url, `db-batch-${batchRows}`, connections.batch, batchRows),
  ];
}

function pgSide(bench: Bench, url: string, name: string, atOnce: number, rows: number): Side {
  const companies = Array.from({ length: 50 }, () => randomUUID());
  const conversations = Array.from({ length: 5_000 }, () => randomUUID());
  let seq = 0;
  const next = () => [
    randomUUID(),
    companies[seq % companies.length],
    conversations[seq % conversations.length],
    ++seq,
    companies[0],
    1,
    body,
    '{"client":"web"}',
  ];
  const single = { name: "single", text: `insert into message (${columns}) values ($1, $2, $3, $4, $5, $6, $7, $8)` };
  const batch = {
    name: "batch",
    text: `insert into message (${columns}) select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::int[], $5::uuid[],
             $6::smallint[], $7::text[], $8::jsonb[])`,
  };
  const statement = (): pg.QueryConfig<unknown[]> => {
    if (rows === 1) return { ...single, values: next() };
    const all = Array.from({ length: rows }, next);
    return { ...batch, values: single.text.match(/\$\d/g)!.map((_, column) => all.map((row) => row[column])) };
  };
  return {
    name,
    unit: "rows/s",
    async measure({ warmMs, ms }) {
      await withClient(url, (client) => client.query("truncate message"));
      const pool = new pg.Pool({ connectionString: url, max: atOnce });
      let isOver = false;
      let stored = 0;
      const lanes = Array.from({ length: atOnce }, async () => {
        while (!isOver) {
          await pool.query(statement());
          stored += rows;
        }
      });
      const window = openWindow();
      await sleep(warmMs);
      stored = 0;
      const from = performance.now();
      window.marks.measuring();
      await sleep(ms);
      window.marks.measured();
      const rate = (stored * 1000) / (performance.now() - from);
      isOver = true;
      await Promise.all(lanes);
      await pool.end();
      const cores = window.cores(partiesOf(bench));
      return { values: { rate }, cores, isClientBound: isClientBound(cores), problems: [] };
    },
  };
}

/** The bench itself, or pgbench below it, is the client; the product's server has nothing to do meanwhile. */
function partiesOf({ product }: Bench): Parties {
  return { server: product.child.pid!, database: product.cluster.pid, client: process.pid };
}

function findPgbench(): string | null {
  const directories = (process.env.PATH ?? "").split(delimiter).concat(globSync("/usr/lib/postgresql/*/bin"));
  return directories.map((directory) => join(directory, "pgbench")).find((file) => existsSync(file)) ?? null;
}

async function pgbenchSides(bench: Bench, url: string, pgbench: string): Promise<Side[]> {
  const row = `gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), nextval('message_seq'), gen_random_uuid(), 1, '${body}', '{"client":"web"}'`;
  const scripts = {
    "pgbench-single": [`insert into message (${columns}) values (${row});`, connections.single, 1],
    [`pgbench-batch-${batchRows}`]: [
      `insert into message (${columns}) select ${row} from generate_series(1, ${batchRows});`,
      connections.batch,
      batchRows,
    ],
  } as const;
  const sides: Side[] = [];
  for (const [name, [text, clients, rows]] of Object.entries(scripts)) {
    const file = join(bench.product.dataDir, `${name}.sql`);
    await writeFile(file, text);
    sides.push({
      name,
      unit: "rows/s",
      async measure({ warmMs, ms }) {
        await withClient(url, (client) => client.query("truncate message"));
        const run = (seconds: number) => runPgbench(pgbench, url, file, clients, seconds);
        await run(Math.max(1, Math.round(warmMs / 1000)));
        const window = openWindow();
        window.marks.measuring();
        const rate = await run(Math.max(1, Math.round(ms / 1000)));
        window.marks.measured();
        const cores = window.cores(partiesOf(bench));
        return { values: { rate: rate * rows }, cores, isClientBound: isClientBound(cores), problems: [] };
      },
    });
  }
  return sides;
}

async function runPgbench(pgbench: string, url: string, file: string, clients: number, seconds: number) {
  const options = ["--no-vacuum", "--protocol=prepared", `--client=${clients}`, "--jobs=1"];
  const args = [...options, `--time=${seconds}`, `--file=${file}`, url];
  const { stdout } = await promisify(execFile)(pgbench, args);
  const rate = Number(/tps = ([\d.]+)/.exec(stdout)?.[1]);
  if (!(rate > 0)) throw new Error(`pgbench said: ${stdout}`);
  return rate;
}
