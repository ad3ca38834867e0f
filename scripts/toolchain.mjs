// What every command needs before it can start: a Node that can run us, the packages, and Node 24. Plain JavaScript that
// runs on Node 20 with nothing installed.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = join(root, "node_modules", ".bin");
const installedLock = join(root, "node_modules", ".presszero-lock");

/** Prints one clear sentence and ends with code 1. */
export function fail(sentence) {
  console.error(sentence);
  process.exit(1);
}

/** Installs what is missing and returns the path of Node 24. */
export async function prepare() {
  if (Number(process.versions.node.split(".")[0]) < 20) {
    fail(`Press Zero needs Node.js 20 or newer to start; this is ${process.version}. Get it from https://nodejs.org.`);
  }
  await installPackages();
  return findNode24();
}

async function installPackages() {
  const lock = readFileSync(join(root, "package-lock.json"));
  const wanted = createHash("sha256").update(lock).digest("hex");
  if (existsSync(installedLock) && readFileSync(installedLock, "utf8") === wanted) return;
  if (!matchesInstalled(JSON.parse(lock.toString("utf8")))) {
    const first = !existsSync(join(root, "node_modules"));
    console.log(`Installing packages (${first ? "first start" : "they changed"}, about a minute)…`);
    // Not `npm ci`: it refuses a lock file without the optional packages of other platforms, which we do not need.
    const install = npm("install", "--no-save", "--include=dev", "--include=optional", "--no-audit", "--no-fund");
    const { code, output } = await runQuietly(...install);
    if (code !== 0) fail(`${output}\nThe packages could not be installed: npm ended with code ${code} (see above).`);
  }
  writeFileSync(installedLock, wanted);
}

/** Whether npm's own record of node_modules holds every version of the lock file: someone ran npm install by hand. */
function matchesInstalled(lock) {
  const record = join(root, "node_modules", ".package-lock.json");
  if (!existsSync(record)) return false;
  const installed = JSON.parse(readFileSync(record, "utf8")).packages;
  return Object.entries(lock.packages).every(([path, entry]) => {
    if (!path.startsWith("node_modules/")) return true;
    const have = installed[path];
    return have ? have.version === entry.version : Boolean(entry.optional || entry.devOptional || entry.peer);
  });
}

function findNode24() {
  const installed = join(bin, "node");
  if (existsSync(installed) && spawnSync(installed, ["--version"]).status === 0) return installed;
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > 24 || (major === 24 && minor >= 15)) return process.execPath;
  return fail(
    `Press Zero runs on Node.js 24.15 or newer, which has no package for this machine (${process.platform} ${process.arch}): ` +
      `install it from https://nodejs.org and start again; this is ${process.version}.`,
  );
}

/** Command and arguments that run npm: the one that runs this script, else the one on the path. */
export function npm(...args) {
  const current = process.env.npm_execpath;
  return current && current.endsWith(".js") ? [process.execPath, [current, ...args]] : ["npm", args];
}

/** The environment with the packages' commands, Node 24 among them, first on the path. */
export function toolEnvironment(extra = {}) {
  return { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH ?? ""}`, ...extra };
}

/** Runs a command and keeps what it says. */
export function runQuietly(command, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: root,
      env: toolEnvironment(),
      stdio: ["ignore", "pipe", "pipe"],
      ...options,
    });
    let output = "";
    child.stdout.on("data", (chunk) => (output += chunk));
    child.stderr.on("data", (chunk) => (output += chunk));
    child.on("error", (error) => resolve({ code: 1, output: `${command}: ${error.message}` }));
    child.on("close", (code) => resolve({ code: code ?? 1, output }));
  });
}

/** Runs a command that says what it does, and returns its exit code. */
export function runLoudly(command, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, env: toolEnvironment(), stdio: "inherit", ...options });
    child.on("error", (error) => {
      console.error(`${command}: ${error.message}`);
      resolve(1);
    });
    child.on("close", (code, signal) => resolve(code ?? 128 + constants.signals[signal]));
  });
}

/**
 * Hands this process over to another: its input, output, signals and exit code. The child has a process group of its own,
 * so that Ctrl-C reaches it once, through us; it learns of our sudden end by the `disconnect` of its IPC channel.
 */
export function become(command, args) {
  const child = spawn(command, args, {
    cwd: root,
    env: toolEnvironment(),
    stdio: ["inherit", "inherit", "inherit", "ipc"],
    detached: process.platform !== "win32",
  });
  const last = {};
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => {
      // npm passes on the Ctrl-C that the terminal has sent us already.
      const now = Date.now();
      if (now - (last[signal] ?? 0) > 500) child.kill(signal);
      last[signal] = now;
    });
  }
  child.on("error", (error) => fail(`${command} could not be started: ${error.message}`));
  child.on("exit", (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
  return child;
}
