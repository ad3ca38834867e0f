import type { ChildProcess } from "node:child_process";
import { join } from "node:path";
import type { Bench } from "../bench.ts";
import { nextMessage, startChild } from "../lib/child.ts";
import { createDatabase } from "../lib/cluster.ts";
import { loadSide, type Side } from "../lib/sides.ts";
import { hasSocketIo } from "./socketio-types.ts";

const pairs = 200;

/** Starts the tutorial's server on a database of its own; null when the package is missing. */
export async function startSocketIo(bench: Bench): Promise<{ child: ChildProcess; port: number } | null> {
  if (!hasSocketIo()) {
    bench.skip("the peer socket.io: the package is not installed (npm install --workspace bench socket.io)");
    return null;
  }
  const url = await createDatabase(bench.product.cluster, "bench_socketio");
  const child = startChild(join(import.meta.dirname, "socketio.ts"), {
    execArgv: ["--expose-gc", "--import", join(import.meta.dirname, "../servers/control.ts")],
    env: { PATH: process.env.PATH, DATABASE_URL: url },
  });
  const { port } = await nextMessage<{ type: "ready"; port: number }>(child, "ready");
  return { child, port };
}

export async function socketIoSide(bench: Bench): Promise<Side | null> {
  const peer = await startSocketIo(bench);
  if (!peer) return null;
  const load = bench.newLoad();
  await load.target("socketio", peer.port);
  const people = Array.from({ length: 2 * pairs }, (_, index) => ({ login: String(index), address: "10.0.0.1" }));
  await load.connect(people);
  await load.pairs(
    Array.from({ length: pairs }, (_, index) => ({ conversationId: String(index), ends: [2 * index, 2 * index + 1] })),
  );
  const parties = () => ({ server: peer.child.pid!, database: bench.product.cluster.pid });
  return loadSide({ name: "socketio-closed", load, parties });
}
