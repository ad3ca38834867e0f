// The embedded PostgreSQL from outside: where it listens, its process, and what the server stored in it.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";

export type Cluster = {
  /** Of the database of the product, as the superuser: row-level security does not hide anything from the check. */
  url: string;
  /** The topmost process. */
  pid: number;
};

export function findCluster(dataDir: string): Cluster {
  const home = join(dataDir, "postgres");
  const [pid, , , port] = readFileSync(join(home, "cluster/postmaster.pid"), "utf8").split("\n");
  const password = readFileSync(join(home, "password"), "utf8").trim();
  return { url: `postgres://postgres:${password}@127.0.0.1:${Number(port)}/presszero`, pid: Number(pid) };
}

/** A database beside the product's on the same server, so that both sides of a ratio use the same disk and settings. */
export async function createDatabase(cluster: Cluster, name: string): Promise<string> {
  await withClient(cluster.url, async (client) => {
    await client.query(`drop database if exists ${client.escapeIdentifier(name)} with (force)`);
    await client.query(`create database ${client.escapeIdentifier(name)}`);
  });
  return Object.assign(new URL(cluster.url), { pathname: `/${name}` }).href;
}

export async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
