// Memory of an idle connection: what the server's process grows by, garbage collected before and after.
import type { ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { type Bench, startFloor } from "../bench.ts";
import { nextMessage, stopChild } from "../lib/child.ts";
import type { Load } from "../lib/load.ts";
import { rssBytes } from "../lib/proc.ts";
import { addSample } from "../lib/sides.ts";
import { startSocketIo } from "../peers/socketio-peer.ts";
import { connectToProduct, createIdleGuests } from "../people.ts";

const sizes = { quick: [1_000], full: [1_000, 10_000] };
/** Connections before the measured ones: what is allocated once is allocated. */
const warmUp = 100;
const settleMs = 1_000;
const idle = { server: 0, database: 0, client: 0, other: 0, steal: 0 };

export async function measureMemory(bench: Bench): Promise<void> {
  for (const count of bench.isFull ? sizes.full : sizes.quick) {
    const most = openFilesLimit() - 100;
    if (count + warmUp > most) {
      bench.skip(`memory of ${count} connections: a process may open ${most + 100} files (ulimit -n)`);
      continue;
    }
    await measureProduct(bench, count);
    await measureEcho(bench, count);
    await measureSocketIo(bench, count);
  }
}

function openFilesLimit(): number {
  return Number(/^Max open files +(\d+)/m.exec(readFileSync("/proc/self/limits", "latin1"))![1]);
}

async function measureProduct(bench: Bench, count: number): Promise<void> {
  const { product, admin } = bench;
  const first = await createIdleGuests(product, admin, warmUp);
  const cast = await createIdleGuests(product, admin, count);
  // A fresh process, whose memory no earlier suite has grown.
  await stopChild(product.child);
  await product.restart();
  const load = bench.newLoad();
  await connectToProduct(first, load);
  await record(bench, `mem-product-${count}`, product.child, count, () => connectToProduct(cast, load));
  load.stop();
}

async function measureEcho(bench: Bench, count: number): Promise<void> {
  const floor = await startFloor("echo");
  const load = bench.newLoad();
  await load.target("echo", floor.port);
  await load.connect(strangers(warmUp));
  await record(bench, `mem-ws-${count}`, floor.child, count, () => load.connect(strangers(count)));
  await end(load, floor.child);
}

async function measureSocketIo(bench: Bench, count: number): Promise<void> {
  const peer = await startSocketIo(bench);
  if (!peer) return;
  const load = bench.newLoad();
  await load.target("socketio", peer.port);
  await load.connect(strangers(warmUp));
  await record(bench, `mem-socketio-${count}`, peer.child, count, () => load.connect(strangers(count)));
  await end(load, peer.child);
}

function strangers(count: number) {
  return Array.from({ length: count }, (_, index) => ({ login: String(index), address: "10.0.0.1" }));
}

async function record(
  bench: Bench,
  name: string,
  server: ChildProcess,
  count: number,
  connect: () => Promise<void>,
): Promise<void> {
  const before = await settledRss(server);
  await connect();
  const after = await settledRss(server);
  const values = { kb: (after - before) / 1024 / count };
  addSample(
    bench.results,
    { name, unit: "KB/connection" },
    { values, cores: idle, isClientBound: false, problems: [] },
  );
}

async function settledRss(server: ChildProcess): Promise<number> {
  await sleep(settleMs);
  const obeyed = nextMessage(server, "obeyed");
  server.send({ bench: "collect" });
  await obeyed;
  return rssBytes(server.pid!);
}

async function end(load: Load, server: ChildProcess): Promise<void> {
  load.stop();
  await stopChild(server);
}
