// A real PostgreSQL of our own, durable as in production, that can be killed, frozen and started again under the server.
import { chmod, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { pino } from "pino";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../apps/server/src/kernel/embedded-postgres.ts";

export type Postgres = {
  port(): number;
  /** Of the login that the server uses. */
  url(database: string): string;
  /** A connection that no fault touches, as the superuser, who sees every company's rows. */
  connect(database: string): Promise<pg.Client>;
  createDatabase(name: string): Promise<void>;
  dropDatabase(name: string): Promise<void>;
  /** SIGKILL to the postmaster; its children end by themselves. */
  kill(): Promise<void>;
  /** Starts it again after a kill or a stop, on another port. */
  start(): Promise<void>;
  stop(): Promise<void>;
  isRunning(): Promise<boolean>;
  /** SIGSTOP to all its processes: connections stay open and nothing answers. */
  freeze(): Promise<void>;
  thaw(): Promise<void>;
  /** Stops it and deletes its data, unless the directory was given. */
  close(): Promise<void>;
};

const log = pino({ level: "silent" });

/** `directory` holds the data: by default a new one, which `close` deletes. */
export async function startPostgres(directory?: string): Promise<Postgres> {
  const dataDir = directory ?? (await mkdtemp(join(tmpdir(), "presszero-chaos-")));
  // As root the server runs as another user, who has to pass through.
  await chmod(dataDir, 0o711);
  let running: EmbeddedPostgres | null = await startEmbeddedPostgres({ dataDir, log });
  let address = new URL(running.url);
  let frozen: number[] = [];

  const url = (login: string, database: string) =>
    Object.assign(new URL(address), { username: login, pathname: `/${database}` }).href;

  /** Null when it does not run. */
  async function findPostmaster(): Promise<number | null> {
    const file = join(dataDir, "postgres/cluster/postmaster.pid");
    const pid = Number((await readFile(file, "utf8").catch(() => "")).split("\n")[0]);
    return pid > 0 && (await parentOf(pid)) !== null ? pid : null;
  }

  async function connect(database: string): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: url("postgres", database), connectionTimeoutMillis: 5000 });
    client.on("error", () => {}); // it is killed on purpose
    await client.connect();
    return client;
  }

  async function onServer(statement: string): Promise<void> {
    const client = await connect("postgres");
    try {
      await client.query(statement);
    } finally {
      await client.end();
    }
  }

  const postgres: Postgres = {
    port: () => Number(address.port),
    url: (database) => url(address.username, database),
    connect,
    createDatabase: (name) => onServer(`create database ${name} owner presszero`),
    dropDatabase: (name) => onServer(`drop database if exists ${name} with (force)`),
    async kill() {
      const postmaster = await findPostmaster();
      if (postmaster === null) return;
      const children = await childrenOf(postmaster);
      process.kill(postmaster, "SIGKILL");
      // The next start refuses while one of them still holds the shared memory.
      for (const pid of [postmaster, ...children]) while ((await parentOf(pid)) !== null) await sleep(10);
    },
    async start() {
      await running?.stop(); // frees the lock on the directory
      running = null;
      running = await startEmbeddedPostgres({ dataDir, log });
      address = new URL(running.url);
    },
    async stop() {
      await postgres.thaw();
      await running?.stop();
      running = null;
    },
    isRunning: async () => (await findPostmaster()) !== null,
    async freeze() {
      const postmaster = await findPostmaster();
      if (postmaster === null) return;
      frozen = [postmaster, ...(await childrenOf(postmaster))];
      for (const pid of frozen) signal(pid, "SIGSTOP");
    },
    async thaw() {
      for (const pid of frozen) signal(pid, "SIGCONT");
      frozen = [];
    },
    async close() {
      await postgres.stop();
      if (directory === undefined) await rm(dataDir, { recursive: true, force: true });
    },
  };
  return postgres;
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Null when there is no such process, or only its remains. */
async function parentOf(pid: number): Promise<number | null> {
  const status = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  const [state, parent] = status.slice(status.lastIndexOf(")") + 2).split(" ");
  return status === "" || state === "Z" || state === "X" ? null : Number(parent);
}

async function childrenOf(parent: number): Promise<number[]> {
  const pids = (await readdir("/proc")).map(Number).filter((pid) => pid > 0);
  const parents = await Promise.all(pids.map(parentOf));
  return pids.filter((_, index) => parents[index] === parent);
}
