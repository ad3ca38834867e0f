// For tests only: the real server as a process of its own, on the database of a test.
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { TestCtx } from "../kernel/testing.ts";

export type TestProcess = {
  baseUrl: string;
  /** Ready to serve; `crash` is the point at which it kills itself, see crash-child.ts. */
  start(crash?: "after_commit" | "before_commit"): Promise<ChildProcess>;
  /** Kills what still runs. */
  close(): void;
};

export async function createTestProcess(system: TestCtx): Promise<TestProcess> {
  const port = await findFreePort();
  const baseUrl = `http://127.0.0.1:${port}`;
  const secretKey = randomBytes(32).toString("hex");
  const children: ChildProcess[] = [];
  return {
    baseUrl,
    async start(crash) {
      const child = spawn(process.execPath, [join(import.meta.dirname, "crash-child.ts")], {
        env: {
          PATH: process.env.PATH,
          PORT: String(port),
          DATABASE_URL: system.url,
          DATA_DIR: system.settings.dataDir,
          SECRET_KEY: secretKey,
          LOG_LEVEL: "silent",
          ...(crash && { CRASH: crash }),
        },
        stdio: ["ignore", "ignore", "inherit"],
      });
      children.push(child);
      for (;;) {
        const response = await fetch(`${baseUrl}/readyz`).catch(() => null);
        if (response?.ok) return child;
        if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}`);
        await sleep(50);
      }
    },
    close() {
      for (const child of children) child.kill("SIGKILL");
    },
  };
}

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  return typeof address === "object" && address ? address.port : 0;
}
