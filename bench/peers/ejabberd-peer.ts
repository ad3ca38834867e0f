// ejabberd, when it is installed: the archive stores every message twice in PostgreSQL before it is delivered.
import { execFile, spawn } from "node:child_process";
import { chmod, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import type { Bench } from "../bench.ts";
import { findFreePort } from "../lib/child.ts";
import { createDatabase, withClient } from "../lib/cluster.ts";
import { loadSide, type Side } from "../lib/sides.ts";

const pairs = 200;
const schema = "/usr/share/ejabberd/sql/pg.sql";
const startWithinMs = 30_000;

export async function ejabberdSide(bench: Bench): Promise<Side | null> {
  const program = (process.env.PATH ?? "")
    .split(delimiter)
    .concat("/usr/sbin")
    .map((directory) => join(directory, "ejabberdctl"))
    .find((file) => existsSync(file));
  if (!program || !existsSync(schema)) {
    bench.skip("the peer ejabberd: ejabberdctl or its PostgreSQL schema is not installed");
    return null;
  }
  const url = new URL(await createDatabase(bench.product.cluster, "bench_ejabberd"));
  await withClient(url.href, async (client) => {
    await client.query(await readFile(schema, "utf8"));
    await client.query("insert into users (username, password) select 'u' || n, 'p' from generate_series(0, 19999) n");
  });
  const port = await findFreePort();
  const stop = await start(program, url, port);
  if (!stop) {
    bench.skip(
      "the peer ejabberd: it did not open its port. Debian's script reads /etc/ejabberd/ejabberd.yml whatever it is told; " +
        "put bench/peers/ejabberd.yml there with the values filled in",
    );
    return null;
  }
  const load = bench.newLoad();
  await load.target("xmpp", port);
  // More at once and some are refused.
  const people = Array.from({ length: 2 * pairs }, (_, index) => ({ login: `u${index}`, address: "10.0.0.1" }));
  await load.connect(people, 10);
  await load.pairs(
    Array.from({ length: pairs }, (_, index) => ({ conversationId: "", ends: [2 * index, 2 * index + 1] })),
  );
  const parties = () => ({ server: stop.pid, database: bench.product.cluster.pid });
  return { ...loadSide({ name: "ejabberd-closed", load, parties }), close: stop.end };
}

async function start(program: string, url: URL, port: number): Promise<{ pid: number; end(): Promise<void> } | null> {
  const home = await mkdtemp(join(tmpdir(), "presszero-bench-ejabberd-"));
  await chmod(home, 0o777);
  const config = join(home, "ejabberd.yml");
  const filled = (await readFile(join(import.meta.dirname, "ejabberd.yml"), "utf8"))
    .replace("SQL_PORT", url.port)
    .replace("SQL_DATABASE", url.pathname.slice(1))
    .replace("SQL_PASSWORD", url.password)
    .replace("WEBSOCKET_PORT", String(port));
  await writeFile(config, filled, { mode: 0o644 });
  const child = spawn(program, ["--config", config, "--spool", home, "--logs", home, "foreground"], {
    ...(await ejabberdUser()),
    env: { PATH: process.env.PATH, HOME: home, ERL_MAX_PORTS: "30000" },
    detached: true,
    stdio: "ignore",
  });
  const end = async () => {
    if (child.exitCode !== null) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    // The script and the Erlang machine below it are one process group.
    process.kill(-child.pid!, "SIGTERM");
    await gone;
  };
  for (const until = performance.now() + startWithinMs; performance.now() < until; await sleep(100)) {
    if (child.exitCode !== null) return null;
    if (await accepts(port)) return { pid: child.pid!, end };
  }
  await end();
  return null;
}

/** As root it runs as its own user. */
async function ejabberdUser(): Promise<{ uid?: number; gid?: number }> {
  if (process.getuid?.() !== 0) return {};
  const ids = ["-u", "-g"].map((flag) => promisify(execFile)("id", [flag, "ejabberd"]));
  const [uid, gid] = (await Promise.all(ids)).map(({ stdout }) => Number(stdout));
  return { uid, gid };
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("connect", () => resolve(true)).on("error", () => resolve(false));
    socket.on("connect", () => socket.destroy());
  });
}
