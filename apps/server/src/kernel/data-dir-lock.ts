import { execFile } from "node:child_process";
import { link, readFile, rename, rm, writeFile } from "node:fs/promises";
import { platform } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

/** Either the function that frees the lock, or the number of the running process that has it. */
export type Lock = { release(): Promise<void> } | { heldBy: number };

/** A process that was killed a moment ago takes a moment to be gone. */
const patienceMs = 2_000;

/** Takes the lock at `file` for this process. A lock whose process is dead counts as free. */
export async function takeLock(file: string): Promise<Lock> {
  const askedAt = performance.now();
  const attempt = `${file}.${process.pid}`;
  await writeFile(attempt, `${process.pid} ${await findProcessStart(process.pid)}`, { mode: 0o600 });
  try {
    for (;;) {
      try {
        await link(attempt, file); // atomic: fails if the lock exists
        return { release: () => rm(file, { force: true }) };
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      }
      const holder = await readFile(file, "utf8").catch(() => null);
      if (holder === null) continue; // freed just now
      const [pid, ...start] = holder.split(" ");
      if ((await findProcessStart(Number(pid))) === start.join(" ")) {
        if (performance.now() - askedAt > patienceMs) return { heldBy: Number(pid) };
        await sleep(50);
        continue;
      }
      // Its holder is dead. Of several who see that, one renames it away; who took a living lock by that puts it back.
      const taken = `${attempt}.dead`;
      await rename(file, taken).catch(() => {});
      if ((await readFile(taken, "utf8").catch(() => holder)) !== holder) await link(taken, file).catch(() => {});
      await rm(taken, { force: true });
    }
  } finally {
    await rm(attempt, { force: true });
  }
}

/** When a process started, as a text that tells it from a later one with the same number; null if there is none. */
export async function findProcessStart(pid: number): Promise<string | null> {
  if (platform() === "linux") {
    const status = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => null);
    const fields = status?.slice(status.lastIndexOf(")") + 2).split(" ");
    // A zombie has ended; only its parent has not asked yet.
    return fields && fields[0] !== "Z" ? fields[19]! : null;
  }
  const { stdout } = await promisify(execFile)("ps", ["-o", "lstart=", "-p", String(pid)]).catch(() => ({
    stdout: "",
  }));
  return stdout.trim() || null;
}
