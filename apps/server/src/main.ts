import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { demoLogins, demoWidgetKey } from "./app/demo/seed.ts";
import { type RunningServer, startServer } from "./app/server.ts";
import { EmbeddedPostgresError } from "./kernel/embedded-postgres.ts";
import { createLogger } from "./kernel/log.ts";
import { MigrationError } from "./kernel/migrate.ts";
import { loadSettings, type Settings, SettingsError } from "./kernel/settings.ts";

/** A stop that takes longer than this ends the process; every part can bear it. */
const stopMs = 30_000;

function readSettings(): Settings {
  try {
    return loadSettings(process.env, process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    console.error("Press Zero cannot start with these settings:");
    for (const problem of error.problems) console.error(`  ${problem}`);
    process.exit(1);
  }
}

/** One sentence for faults that a person can mend; everything else keeps its stack. */
function describeStartFailure(error: unknown, settings: Settings): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === "EADDRINUSE") {
    return `Port ${settings.port} is in use by another program. Stop it, or start with another one: PORT=4001 npm start`;
  }
  if (code === "EACCES" && (error as NodeJS.ErrnoException).syscall === "listen") {
    return `This user may not open port ${settings.port}. Ports from 1024 on are free to all: PORT=4000 npm start`;
  }
  if (code === "EADDRNOTAVAIL") return `HOST=${settings.host} is not an address of this machine.`;
  const isCutOff = error instanceof Error && /Connection terminated|connection timeout/i.test(error.message);
  if (isCutOff || code === "ECONNREFUSED" || code === "ENOTFOUND" || code === "28P01" || code === "3D000") {
    return `The database of DATABASE_URL does not let us in: ${(error as Error).message}`;
  }
  if (error instanceof EmbeddedPostgresError || error instanceof MigrationError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** What a person needs first: where everything is, and how to get in. */
function printTable(settings: Settings, running: RunningServer): void {
  const port = running.address.port;
  const base = settings.port === port ? settings.publicUrl : `http://localhost:${port}`;
  const rows: [string, string][] = [];
  if (running.hasDemo) {
    rows.push(["Demo shop with the chat", `${base}/demo/`], ["Chat on a page", `${base}/chat/${demoWidgetKey}`]);
  }
  rows.push(["Dashboard", `${base}/`]);
  if (running.hasDemo)
    for (const login of demoLogins) rows.push([`  ${login.title}`, `${login.email} · ${login.password}`]);
  if (running.firstAdminLink) rows.push(["Make this installation yours", running.firstAdminLink]);
  rows.push(["API", `${base}/docs`]);
  if (!settings.smtpUrl) rows.push(["Mails are written to", join(settings.dataDir, "mail")]);
  if (settings.host === "0.0.0.0" || settings.host === "::") {
    for (const address of Object.values(networkInterfaces()).flat()) {
      if (address && !address.internal && address.family === "IPv4")
        rows.push(["In your network", `http://${address.address}:${port}`]);
    }
  }
  const width = Math.max(...rows.map(([name]) => name.length));
  console.log("");
  console.log("  Press Zero is ready.");
  console.log("");
  for (const [name, value] of rows) console.log(`  ${name.padEnd(width)}   ${value}`);
  console.log("");
  console.log("  Stop with Ctrl-C. Everything is kept.");
  console.log("");
}

const settings = readSettings();
const log = createLogger(settings);
let running: RunningServer | null = null;
let exitCode = 0;

async function end(): Promise<void> {
  setTimeout(() => process.exit(1), stopMs).unref();
  await running?.stop();
  process.exit(exitCode);
}

let isEnding = false;
function requestEnd(): void {
  if (isEnding) return;
  isEnding = true;
  // During the start the end waits for it: half a start is stopped the same way as a whole one.
  void starting.then(end);
}

const starting = startServer(settings, log).then(
  (started) => {
    running = started;
    if (!isEnding) printTable(settings, started);
  },
  (error: unknown) => {
    console.error(describeStartFailure(error, settings));
    process.exit(1);
  },
);

process.on("SIGINT", requestEnd);
process.on("SIGTERM", requestEnd);
process.on("SIGHUP", requestEnd);
// The process that started us is gone: without its terminal nobody could stop us.
process.on("disconnect", requestEnd);
for (const fault of ["uncaughtException", "unhandledRejection"] as const) {
  process.on(fault, (error: unknown) => {
    log.fatal({ err: error }, "the process cannot go on");
    exitCode = 1;
    requestEnd();
  });
}
