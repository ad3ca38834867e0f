// The real server on a real database, with a faulty network on both sides of it: clients → server, server → database.
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import type { History } from "./history.ts";
import { type Postgres, startPostgres } from "./postgres.ts";
import { type Proxy, startProxy } from "./proxy.ts";
import type { Random } from "./random.ts";

const root = join(import.meta.dirname, "..");
/** Nobody listens there. */
const closedPort = 1;

/** One server process and its links. It is started anew after every kill, on the same port. */
export type Node = {
  name: string;
  /** Where clients reach it, through the faulty network. */
  url: string;
  /** Past all faults, for the machinery. */
  directUrl: string;
  clientLink: Proxy;
  databaseLink: Proxy;
  /** Resolves when it is ready; answers how long that took in seconds. */
  start(env?: Record<string, string>): Promise<number>;
  kill(): Promise<void>;
  /** The polite end: SIGTERM. */
  stop(): Promise<void>;
  freeze(): void;
  thaw(): void;
  pid(): number | null;
  isReady(): Promise<boolean>;
  /** One number of `/metrics`; null when it is not there. */
  metric(name: string): Promise<number | null>;
  /** What it wrote so far. */
  output(): string;
};

export type Cluster = {
  postgres: Postgres;
  database: string;
  nodes: Node[];
  /** The first one. */
  node: Node;
  addNode(env?: Record<string, string>): Promise<Node>;
  /** A further way to a node, with faults of its own. */
  addLink(node: Node): Promise<Proxy>;
  /** Past all faults, as the superuser. */
  connect(): Promise<pg.Client>;
  /** A new directory that goes with the cluster. */
  directory: string;
  killPostgres(): Promise<void>;
  stopPostgres(): Promise<void>;
  /** Starts Postgres again and leads all links to it. */
  startPostgres(): Promise<void>;
  close(): Promise<void>;
};

export type ClusterOptions = {
  history: History;
  random: Random;
  /** Shared by several clusters; by default one of its own. */
  postgres?: Postgres;
  /** Settings of the server, on top of those it needs. */
  env?: Record<string, string>;
};

export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const { history, random } = options;
  const postgres = options.postgres ?? (await startPostgres());
  const database = `chaos_${randomBytes(6).toString("hex")}`;
  const dataDir = await mkdtemp(join(tmpdir(), "presszero-chaos-node-"));
  const secretKey = randomBytes(32).toString("hex");
  const nodes: Node[] = [];
  const links: Proxy[] = [];
  const closers: (() => Promise<void>)[] = [];
  await postgres.createDatabase(database);

  async function link(target: number): Promise<Proxy> {
    const proxy = await startProxy({ target, random });
    links.push(proxy);
    return proxy;
  }

  async function addNode(env: Record<string, string> = {}): Promise<Node> {
    const databaseLink = await link(postgres.port());
    const port = await findFreePort();
    const clientLink = await link(port);
    const url = `http://127.0.0.1:${clientLink.port}`;
    const name = `node ${nodes.length + 1}`;
    const databaseUrl = new URL(postgres.url(database));
    databaseUrl.port = String(databaseLink.port);
    const settings = {
      PATH: process.env.PATH ?? "",
      PORT: String(port),
      PUBLIC_URL: url,
      DATABASE_URL: databaseUrl.href,
      DATA_DIR: join(dataDir, String(nodes.length)),
      SECRET_KEY: secretKey,
      LOG_LEVEL: "warn",
      ...options.env,
      ...env,
    };
    const node = createNode({ name, url, port, clientLink, databaseLink, settings, history });
    nodes.push(node);
    closers.push(() => node.kill());
    await node.start();
    return node;
  }

  function databaseIsGone(): void {
    // Its port may soon belong to somebody else.
    for (const node of nodes) node.databaseLink.retarget(closedPort);
    history.record({ op: "database", up: false });
  }

  const cluster: Cluster = {
    postgres,
    directory: dataDir,
    database,
    nodes,
    get node() {
      return nodes[0]!;
    },
    addNode,
    addLink: (node) => link(Number(new URL(node.directUrl).port)),
    connect: () => postgres.connect(database),
    async killPostgres() {
      await postgres.kill();
      databaseIsGone();
    },
    async stopPostgres() {
      await postgres.stop();
      databaseIsGone();
    },
    async startPostgres() {
      await postgres.start();
      for (const node of nodes) node.databaseLink.retarget(postgres.port());
      history.record({ op: "database", up: true });
    },
    async close() {
      for (const close of closers.reverse()) await close();
      for (const proxy of links) await proxy.close();
      if (options.postgres === undefined) await postgres.close();
      else if (await postgres.isRunning()) await postgres.dropDatabase(database);
      await rm(dataDir, { recursive: true, force: true });
    },
  };
  try {
    await addNode();
  } catch (error) {
    await cluster.close();
    throw error;
  }
  return cluster;
}

function createNode(options: {
  name: string;
  url: string;
  port: number;
  clientLink: Proxy;
  databaseLink: Proxy;
  settings: Record<string, string>;
  history: History;
}): Node {
  const { name, port, settings, history } = options;
  const directUrl = `http://127.0.0.1:${port}`;
  let child: ChildProcess | null = null;
  let output = "";
  /** We told the present process to end. */
  let isWanted = false;
  let isReadyOnce = false;

  function spawnServer(env: Record<string, string>): ChildProcess {
    isWanted = false;
    // Its IPC channel tells it when we are gone, however we ended.
    const started = spawn(process.execPath, ["apps/server/src/main.ts"], {
      cwd: root,
      env: { ...settings, ...env },
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    child = started;
    const keep = (chunk: Buffer) => void (output = (output + chunk.toString()).slice(-200_000));
    started.stdout!.on("data", keep);
    started.stderr!.on("data", keep);
    started.on("exit", (code, signal) => {
      history.record({ op: "exit", node: name, code: String(signal ?? code), wanted: isWanted || !isReadyOnce });
    });
    return started;
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    if (child === null || hasEnded(child)) return;
    isWanted = true;
    const ended = once(child, "exit");
    if (signal === "SIGTERM") child.kill("SIGCONT");
    child.kill(signal);
    await ended;
  }

  const node: Node = {
    name,
    url: options.url,
    directUrl,
    clientLink: options.clientLink,
    databaseLink: options.databaseLink,
    async start(env = {}) {
      const began = performance.now();
      const elapsed = () => (performance.now() - began) / 1000;
      isReadyOnce = false;
      let started = spawnServer(env);
      while (!(await node.isReady())) {
        if (elapsed() > 60) throw new Error(`${name} was not ready in 60 s.\n${output}`);
        // Without its database it ends at once; like a supervisor we try again.
        if (hasEnded(started)) {
          if (elapsed() > 20) throw new Error(`${name} ended before it was ready.\n${output}`);
          await sleep(300);
          started = spawnServer(env);
        }
        await sleep(50);
      }
      isReadyOnce = true;
      return elapsed();
    },
    kill: () => end("SIGKILL"),
    stop: () => end("SIGTERM"),
    freeze: () => void child?.kill("SIGSTOP"),
    thaw: () => void child?.kill("SIGCONT"),
    pid: () => (child === null || hasEnded(child) ? null : (child.pid ?? null)),
    isReady: async () => (await ask(`${directUrl}/readyz`))?.ok ?? false,
    async metric(metricName) {
      const text = await (await ask(`${directUrl}/metrics`))?.text();
      const value = text?.split("\n").find((line) => line.startsWith(`${metricName} `));
      return value === undefined ? null : Number(value.slice(metricName.length + 1));
    },
    output: () => output,
  };
  return node;
}

/** What a process of the machinery uses; null when it does not run. */
export async function readUsage(pid: number): Promise<{ rssMiB: number; fds: number } | null> {
  try {
    const status = await readFile(`/proc/${pid}/status`, "utf8");
    const fds = await readdir(`/proc/${pid}/fd`);
    return { rssMiB: Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024), fds: fds.length };
  } catch {
    return null;
  }
}

/** Null when there is no answer in 3 s. */
function ask(url: string): Promise<Response | null> {
  return fetch(url, { signal: AbortSignal.timeout(3000) }).catch(() => null);
}

async function findFreePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  probe.close();
  await once(probe, "close");
  if (address === null || typeof address === "string") throw new Error("No port was given.");
  return address.port;
}

const hasEnded = (child: ChildProcess) => child.exitCode !== null || child.signalCode !== null;
