// From nothing to the first delivered message, and what of it is the database's own start.
import { spawn } from "node:child_process";
import { chmod, chown, mkdtemp, readlink, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { once } from "node:events";
import type { Bench } from "../bench.ts";
import { findFreePort } from "../lib/child.ts";
import { addSample } from "../lib/sides.ts";
import { connectToProduct, createCastOfTwo, signIn } from "../people.ts";
import { startProduct } from "../product.ts";

const idle = { server: 0, database: 0, client: 0, other: 0, steal: 0 };

export async function measureStart(bench: Bench): Promise<void> {
  const binaries = dirname(await readlink(`/proc/${bench.product.cluster.pid}/exe`));
  const owner = await stat(join(bench.product.dataDir, "postgres/cluster"));
  for (let turn = 0; turn < bench.plan.repetitions; turn++) {
    record(bench, "start-product", await timeProduct(bench));
    record(bench, "start-postgres", await timePostgres(binaries, owner));
    process.stdout.write(".");
  }
  process.stdout.write("\n");
}

function record(bench: Bench, name: string, ms: number): void {
  addSample(bench.results, { name, unit: "ms" }, { values: { ms }, cores: idle, isClientBound: false, problems: [] });
}

async function timeProduct(bench: Bench): Promise<number> {
  const load = bench.newLoad();
  await load.target("product", 0);
  const began = performance.now();
  const product = await startProduct();
  const cast = await createCastOfTwo(product, await signIn(product));
  await connectToProduct(cast, load);
  const { unfinished } = await load.closed({ warmMs: 0, ms: 1 });
  const took = performance.now() - began;
  load.stop();
  await product.stop();
  if (unfinished > 0) throw new Error("the first message did not arrive");
  return took;
}

/** initdb and the start until it accepts connections, as our server does both. */
async function timePostgres(binaries: string, { uid, gid }: { uid: number; gid: number }): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), "presszero-bench-"));
  await chmod(directory, 0o700);
  await chown(directory, uid, gid);
  const passwordFile = join(directory, "password");
  await writeFile(passwordFile, "bench-of-press-zero");
  await chown(passwordFile, uid, gid);
  const user = process.getuid?.() === 0 ? { uid, gid } : {};
  const options = { ...user, cwd: directory, env: { PATH: process.env.PATH, LC_ALL: "C" } };
  const cluster = join(directory, "cluster");
  const port = await findFreePort();
  const began = performance.now();
  try {
    const flags = ["--username=postgres", `--pwfile=${passwordFile}`, "--auth=scram-sha-256", "--encoding=UTF8"];
    flags.push("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", `--pgdata=${cluster}`);
    const init = spawn(join(binaries, "initdb"), flags, { ...options, stdio: "ignore" });
    const [code] = (await once(init, "exit")) as [number];
    if (code !== 0) throw new Error(`initdb ended with ${code}`);
    const settings = [
      "listen_addresses=127.0.0.1",
      "unix_socket_directories=",
      "shared_buffers=256MB",
      "max_wal_size=2GB",
    ];
    const args = ["-D", cluster, "-p", String(port), ...settings.flatMap((one) => ["-c", one])];
    const server = spawn(join(binaries, "postgres"), args, { ...options, stdio: ["ignore", "ignore", "pipe"] });
    await new Promise<void>((resolve, reject) => {
      server.once("exit", () => reject(new Error("postgres ended by itself")));
      server.stderr.setEncoding("utf8").on("data", (text: string) => {
        if (text.includes("ready to accept connections")) resolve();
      });
    });
    const took = performance.now() - began;
    const gone = once(server, "exit");
    server.kill("SIGINT");
    await gone;
    return took;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
