// A database that is slow, locked, busy or full: F9 to F12, F23.
import { execFile } from "node:child_process";
import { chmod, mkdtemp, rm, statfs, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { secondsToOk } from "../latency.ts";
import { lockConversation, openLongTransaction, takeConnections } from "../nemesis.ts";
import { startPostgres } from "../postgres.ts";
import type { Scenario } from "../scenario.ts";

const run = promisify(execFile);

export const slowDatabase: Scenario = {
  name: "slow-database",
  faults: "F9",
  expects: "requests time out instead of piling up; the event loop stays free; the service recovers at once",
  seconds: 20,
  async run({ world, seconds }) {
    const { node } = world.cluster;
    world.traffic.start();
    await sleep(2000);
    const slow = (ms: number) => () => node.databaseLink.set({ kind: "latency", ms });
    const heal = () => node.databaseLink.set({ kind: "pass" });
    let waiting = 0;
    const watch = setInterval(() => {
      void node.metric('presszero_pool_waiting{pool="app"}').then((value) => (waiting = Math.max(waiting, value ?? 0)));
    }, 1000);
    await world.during("the database is 500 ms slower", seconds / 2, slow(500), heal);
    await world.during("the database is 5 s slower", seconds, slow(5000), heal);
    clearInterval(watch);
    world.say(`    at most ${waiting} callers waited for a connection`);
    const lag = await node.metric("presszero_nodejs_eventloop_lag_p99_seconds");
    if (lag !== null) world.time("lag of the event loop, 99th percentile", lag, 0.5);
    world.time("a message is stored after the database is fast again", await world.untilUsable(), 15);
    world.time("all devices agree again", await world.settle(), 30);
  },
};

export const lockedRow: Scenario = {
  name: "locked-row",
  faults: "F10",
  expects: "only the locked conversation waits; everybody else is served as before",
  seconds: 20,
  async run({ world, seconds }) {
    const { history } = world;
    world.traffic.start();
    await sleep(2000);
    const locked = world.customers[0]!.conversationId;
    const began = history.now();
    let unlock = async () => {};
    await world.during(
      "the row of one conversation is locked",
      seconds,
      async () => void (unlock = await lockConversation(world, locked)),
      () => unlock(),
    );
    const ended = history.now();
    const others = secondsToOk(
      history.entries,
      (send) => send.c !== locked && send.ts >= began && send.ts < ended - 4000,
    );
    world.say(`    ${others.count} messages in other conversations, half in ${others.median.toFixed(3)} s`);
    world.time("a message in another conversation, 95th percentile", others.p95, 1.5);
    world.time("a message is stored after the lock is gone", await world.untilUsable(), 15);
    world.time("all devices agree again", await world.settle(), 30);
  },
};

export const longTransaction: Scenario = {
  name: "long-transaction",
  faults: "F11",
  expects: "messages are stored and shown as before; what goes by the log is caught up afterwards",
  seconds: 20,
  async run({ world, seconds }) {
    const { history } = world;
    world.traffic.start();
    await sleep(2000);
    const began = history.now();
    let end = async () => {};
    await world.during(
      "a long writing transaction",
      Math.min(seconds, 60),
      async () => void (end = await openLongTransaction(world)),
      () => end(),
    );
    const live = secondsToOk(history.entries, (send) => send.ts >= began && send.ts < history.now() - 2000);
    world.time(`a message meanwhile (${live.count}), 95th percentile`, live.p95, 1.5);
    world.time("all devices and consumers agree again", await world.settle(), 20);
  },
};

export const noConnections: Scenario = {
  name: "no-connections",
  faults: "F12",
  expects: "sends are answered as unavailable, readiness is false; all recovers by itself",
  seconds: 12,
  async run({ world, seconds }) {
    const { node } = world.cluster;
    world.traffic.start();
    await sleep(2000);
    let giveBack = async () => {};
    let wasUnready = false;
    const watch = setInterval(() => void node.isReady().then((isReady) => (wasUnready ||= !isReady)), 500);
    await world.during(
      "no database connection is left",
      seconds,
      async () => void (giveBack = await takeConnections(world)),
      () => giveBack(),
    );
    clearInterval(watch);
    if (!wasUnready) throw new Error("/readyz said yes all the time without a database connection.");
    world.time("a message is stored after connections are free", await world.untilUsable(), 15);
    world.time("all devices agree again", await world.settle(), 30);
  },
};

const ballast = "ballast";
let mounted = "";

export const fullDisk: Scenario = {
  name: "full-disk",
  faults: "F23",
  expects: "sends are answered as unavailable, the server survives and recovers when there is space again",
  seconds: 15,
  async postgres() {
    const directory = await mkdtemp(join(tmpdir(), "presszero-chaos-disk-"));
    try {
      await run("mount", ["-t", "tmpfs", "-o", "size=320m,mode=0755", "tmpfs", directory]);
    } catch (error) {
      await rm(directory, { recursive: true });
      return { skip: `this user may not mount a small disk: ${String((error as { stderr?: string }).stderr).trim()}` };
    }
    mounted = directory;
    await chmod(directory, 0o755);
    const unmount = async () => {
      await run("umount", ["-l", directory]);
      await rm(directory, { recursive: true, force: true });
    };
    try {
      const postgres = await startPostgres(directory);
      return {
        postgres,
        async close() {
          await postgres.close();
          await unmount();
        },
      };
    } catch (error) {
      await unmount();
      throw error;
    }
  },
  async run({ world, seconds }) {
    const { cluster, history } = world;
    world.traffic.start();
    await sleep(2000);
    const fill = async () => {
      const { bavail, bsize } = await statfs(mounted);
      await writeFile(join(mounted, ballast), Buffer.alloc(bavail * bsize, 1)).catch(() => {});
      // New pages of tables and of the write-ahead log have to be asked for before the lack of space shows.
      await world.query("select pg_switch_wal()").catch(() => {});
    };
    const free = async () => {
      await rm(join(mounted, ballast), { force: true });
      if (!(await cluster.postgres.isRunning())) await cluster.startPostgres();
    };
    const began = history.now();
    await world.during("the disk of the database is full", seconds, fill, free);
    const errors = history.entries.filter((entry) => entry.op === "err" && entry.ts >= began);
    world.say(`    ${errors.length} sends were refused for now`);
    world.time("a message is stored after there is space", await world.untilUsable(), 20);
    world.time("all devices agree again", await world.settle(), 30);
  },
};
