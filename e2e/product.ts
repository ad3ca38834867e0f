import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const root = join(import.meta.dirname, "..");

/** A running Press Zero with a data directory of its own, on a port that stays the same through restarts. */
export type Product = {
  url: string;
  /** Returns when the product answers ready. */
  start(): Promise<void>;
  /** The hard end: SIGKILL to the server, which gets no chance to say goodbye. */
  kill(): Promise<void>;
  /** The polite end, as by Ctrl-C. Throws unless the exit code is 0. */
  stop(): Promise<void>;
  /** Stops and deletes everything. */
  close(): Promise<void>;
};

/** Starts the product as users run it, with the demo company. `env` adds settings. */
export async function startProduct(env: Record<string, string> = {}): Promise<Product> {
  const dataDir = await createDirectory("presszero-e2e-");
  const port = await findFreePort();
  const url = `http://127.0.0.1:${port}`;
  let server: ChildProcess | null = null;
  let output = "";

  const product: Product = {
    url,
    async start() {
      const child = spawn(process.execPath, ["apps/server/src/main.ts"], {
        cwd: root,
        env: { ...process.env, PORT: String(port), PUBLIC_URL: url, DATA_DIR: join(dataDir, "data"), ...env },
        stdio: ["ignore", "pipe", "pipe"],
      });
      server = child;
      child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
      child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
      await waitUntilReady(url, () => {
        if (hasEnded(child)) throw new Error(`The server ended before it was ready.\n${output}`);
      });
    },
    async kill() {
      if (!server || hasEnded(server)) return;
      const ended = once(server, "exit");
      server.kill("SIGKILL");
      await ended;
    },
    async stop() {
      if (!server || hasEnded(server)) return;
      const ended = once(server, "exit");
      server.kill("SIGINT");
      const [code] = await ended;
      if (code !== 0) throw new Error(`The server ended with ${code} instead of 0.\n${output}`);
    },
    async close() {
      try {
        await product.stop();
      } finally {
        await rm(dataDir, { recursive: true, force: true });
      }
    },
  };
  try {
    await product.start();
  } catch (error) {
    await product.kill();
    await rm(dataDir, { recursive: true, force: true });
    throw error;
  }
  return product;
}

/** A new temporary directory that every user may pass through: PostgreSQL never runs as root. */
export async function createDirectory(prefix: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), prefix));
  await chmod(directory, 0o755);
  return directory;
}

/** Asks `/readyz` until it says yes; `assertAlive` throws when there is nothing to wait for any more. */
export async function waitUntilReady(url: string, assertAlive: () => void, seconds = 60): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  while (performance.now() < deadline) {
    assertAlive();
    const response = await fetch(`${url}/readyz`).catch(() => null);
    if (response?.ok) return;
    await sleep(100);
  }
  throw new Error(`${url} was not ready within ${seconds} s.`);
}

export async function findFreePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  probe.close();
  await once(probe, "close");
  if (address === null || typeof address === "string") throw new Error("No port was given.");
  return address.port;
}

const hasEnded = (child: ChildProcess) => child.exitCode !== null || child.signalCode !== null;
