// Processor time and memory of groups of processes, from /proc (Linux).
import { readdirSync, readFileSync } from "node:fs";

const ticksPerSecond = 100;
const pageBytes = 4096;

/** `seconds` include those of children that have ended, such as the backends of a benchmark's own connections. */
type Process = { parent: number; seconds: number; rssBytes: number };
export type Snapshot = { atMs: number; processes: Map<number, Process>; busySeconds: number; stealSeconds: number };

/** Cores that were busy, on average: one full core is 1. */
export type Cores = { server: number; database: number; client: number; other: number; steal: number };

/** The processes of each party by their topmost one. The database is taken out of the server, and both out of the client. */
export type Parties = { server: number | null; database: number | null; client: number };

export function takeSnapshot(): Snapshot {
  const processes = new Map<number, Process>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const found = readProcess(name);
    if (found) processes.set(Number(name), found);
  }
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = readFileSync("/proc/stat", "latin1")
    .split("\n")[0]!
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return {
    atMs: performance.now(),
    processes,
    busySeconds: (user + nice + system + irq + softirq) / ticksPerSecond,
    stealSeconds: steal / ticksPerSecond,
  };
}

function readProcess(pid: string): Process | null {
  try {
    const line = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The name in parentheses may hold spaces and parentheses itself.
    const fields = line.slice(line.lastIndexOf(")") + 2).split(" ");
    return {
      parent: Number(fields[1]),
      seconds: fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / ticksPerSecond,
      rssBytes: Number(fields[21]) * pageBytes,
    };
  } catch {
    return null; // it has ended meanwhile
  }
}

/** A process and everything below it. */
export function processTree(snapshot: Snapshot, root: number): Set<number> {
  const members = new Set([root]);
  for (let before = 0; before !== members.size;) {
    before = members.size;
    for (const [pid, { parent }] of snapshot.processes) if (members.has(parent)) members.add(pid);
  }
  return members;
}

/** What each party used between two snapshots; `other` is everything else on this machine. */
export function coresBetween(before: Snapshot, after: Snapshot, parties: Parties): Cores {
  const seconds = (after.atMs - before.atMs) / 1000;
  const used = secondsOf(after, parties).map((total, party) => total - secondsOf(before, parties)[party]!);
  const [database = 0, server = 0, client = 0] = used.map((total) => total / seconds);
  const busy = (after.busySeconds - before.busySeconds) / seconds;
  return {
    server,
    database,
    client,
    other: Math.max(0, busy - server - database - client),
    steal: (after.stealSeconds - before.stealSeconds) / seconds,
  };
}

/** Processor time so far of database, server and client; each process counts once, for the first of them. */
function secondsOf(snapshot: Snapshot, { database, server, client }: Parties): number[] {
  const counted = new Set<number>();
  return [database, server, client].map((root) => {
    let total = 0;
    for (const pid of root === null ? [] : processTree(snapshot, root)) {
      if (!counted.has(pid)) total += snapshot.processes.get(pid)?.seconds ?? 0;
      counted.add(pid);
    }
    return total;
  });
}

/** Resident memory of one process, without its children. */
export function rssBytes(pid: number): number {
  return readProcess(String(pid))?.rssBytes ?? 0;
}
