// The real server as a process of its own, on the PostgreSQL it brings along, with data of its own.
import type { ChildProcess } from "node:child_process";
import { rmSync } from "node:fs";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { findFreePort, killChild, nextMessage, startChild, stopChild } from "./lib/child.ts";
import { type Cluster, findCluster } from "./lib/cluster.ts";
import type { Order } from "./servers/control.ts";

export type Product = {
  dataDir: string;
  port: number;
  baseUrl: string;
  /** Of the running server; both change with every start. */
  child: ChildProcess;
  cluster: Cluster;
  collectGarbage(): Promise<void>;
  startProfile(): Promise<void>;
  writeProfile(file: string): Promise<void>;
  /** Starts again on the same data and the same port. */
  restart(): Promise<void>;
  stop(): Promise<void>;
};

const main = join(import.meta.dirname, "../apps/server/src/main.ts");
const control = join(import.meta.dirname, "servers/control.ts");
const startWithinMs = 60_000;

/** The load comes from one machine and one company: what protects a server from that is switched off. */
const unlimited = {
  RATE_FRAMES: "off",
  RATE_AGENT_SENDS: "off",
  RATE_CUSTOMER_SENDS: "off",
  RATE_COMPANY_SENDS: "off",
  RATE_ADDRESS_SENDS: "off",
  RATE_HELLOS: "off",
  MAX_HELLOS_IN_FLIGHT: "1000000",
  MAX_USER_CONNECTIONS: "1000000",
  MAX_DEVICE_CONNECTIONS: "1000000",
  MAX_ADDRESS_CONNECTIONS: "1000000",
  // Every guest comes from an address of its own: the forwarded one.
  TRUST_PROXY: "loopback",
};

/** Makes the data directory and starts the server; resolves when it is ready to serve. */
export async function startProduct(): Promise<Product> {
  const dataDir = await mkdtemp(join(tmpdir(), "presszero-bench-"));
  // As root the database runs as another user, who has to be let in.
  await chmod(dataDir, 0o711);
  // Also when the bench is interrupted; then every child has been stopped before.
  process.once("exit", () => rmSync(dataDir, { recursive: true, force: true }));
  const port = await findFreePort();
  const baseUrl = `http://127.0.0.1:${port}`;

  async function start(): Promise<ChildProcess> {
    const child = startChild(main, {
      execArgv: ["--expose-gc", "--import", control],
      env: { PATH: process.env.PATH, PORT: String(port), DATA_DIR: dataDir, LOG_LEVEL: "error", ...unlimited },
    });
    for (const until = performance.now() + startWithinMs; performance.now() < until; await sleep(10)) {
      const response = await fetch(`${baseUrl}/readyz`).catch(() => null);
      if (response?.ok) return child;
      if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}`);
    }
    await killChild(child);
    throw new Error("the server was not ready after a minute");
  }

  async function order(message: Order): Promise<void> {
    const obeyed = nextMessage(product.child, "obeyed");
    product.child.send(message);
    await obeyed;
  }

  const child = await start();
  const product: Product = {
    dataDir,
    port,
    baseUrl,
    child,
    cluster: findCluster(dataDir),
    collectGarbage: () => order({ bench: "collect" }),
    startProfile: () => order({ bench: "profile" }),
    writeProfile: (file) => order({ bench: "write-profile", file }),
    async restart() {
      product.child = await start();
      product.cluster = findCluster(dataDir);
    },
    async stop() {
      await stopChild(product.child);
      await rm(dataDir, { recursive: true, force: true });
    },
  };
  return product;
}
