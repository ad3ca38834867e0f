// Processes that the bench starts: each is ended by its own id, also when the bench itself is interrupted.
import { type ChildProcess, fork, type ForkOptions } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";

const running = new Set<ChildProcess>();

/** Runs a TypeScript file with a message channel. It ends when we do: each listens for the `disconnect`. */
export function startChild(file: string, options: ForkOptions): ChildProcess {
  const child = fork(file, [], { stdio: ["ignore", "ignore", "inherit", "ipc"], ...options });
  running.add(child);
  child.once("exit", () => running.delete(child));
  return child;
}

/** Resolves with the exit code; kills the process when it takes longer than `withinMs`. */
export async function stopChild(child: ChildProcess, withinMs = 15_000): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), withinMs);
  await gone;
  clearTimeout(timer);
}

export async function killChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}

export async function stopAllChildren(): Promise<void> {
  await Promise.all([...running].map((child) => stopChild(child)));
}

/** The next message of this kind from a child; rejects when it ends before. */
export function nextMessage<T extends { type: string }>(child: ChildProcess, type: T["type"]): Promise<T> {
  return new Promise((resolve, reject) => {
    const settle = () => {
      child.off("message", onMessage);
      child.off("exit", onExit);
    };
    const onExit = (code: number | null) => {
      settle();
      reject(new Error(`${child.spawnargs.at(-1)} ended with ${code}`));
    };
    const onMessage = (message: T) => {
      if (message?.type !== type) return;
      settle();
      resolve(message);
    };
    child.on("message", onMessage);
    child.on("exit", onExit);
  });
}

export async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no free port");
  return address.port;
}
