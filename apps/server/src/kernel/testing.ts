// For tests and e2e scripts only: the product never imports this file.
import { randomBytes } from "node:crypto";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { pino } from "pino";
import { createBus } from "./bus.ts";
import type { Clock } from "./clock.ts";
import type { SystemCtx } from "./context.ts";
import { openDatabase } from "./database.ts";
import { startEmbeddedPostgres } from "./embedded-postgres.ts";
import { createMailer, type Mail } from "./mail.ts";
import { createMetrics, type Metrics } from "./metrics.ts";
import { migrate } from "./migrate.ts";
import { allRoles, loadSettings, type Settings } from "./settings.ts";
import { createTrace } from "./trace.ts";

/** Hands the server's address to test workers, and to scripts that a test starts. */
const urlVariable = "PRESSZERO_TEST_DATABASE_URL";
const templateDatabase = "presszero_template";

/** One PostgreSQL for a whole test run, with a migrated template database. */
export async function startTestPostgres(): Promise<{ stop(): Promise<void> }> {
  const dataDir = await mkdtemp(join(tmpdir(), "presszero-test-"));
  const log = pino({ level: process.env.LOG_LEVEL ?? "silent" });
  // Directories that mkdtemp makes are closed to others, and as root the server runs as another user.
  await chmod(dataDir, 0o711);
  let stopServer = async () => {};
  const stop = async () => {
    await stopServer();
    await rm(dataDir, { recursive: true, force: true });
  };
  try {
    const postgres = await startEmbeddedPostgres({ dataDir, log, forTests: true });
    stopServer = postgres.stop;
    await runOnServer(postgres.url, `create database ${templateDatabase}`);
    await migrate(databaseUrl(postgres.url, templateDatabase));
    await runOnServer(postgres.url, `alter database ${templateDatabase} allow_connections false`);
    process.env[urlVariable] = postgres.url;
    return { stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Follows the real time until a test sets it. */
export type TestClock = Clock & { set(time: Date): void; advance(milliseconds: number): void };

export type TestCtx = SystemCtx & {
  /** Of this test's own database, as the login that owns it. */
  url: string;
  clock: TestClock;
  /** What was sent so far. */
  mails: readonly Mail[];
  close(): Promise<void>;
};

/** A context on a database of its own, cloned from the migrated template. Call `close()` when done: it drops the database. */
export async function createTestCtx(overrides: Partial<Settings> = {}): Promise<TestCtx> {
  const serverUrl = process.env[urlVariable];
  if (!serverUrl) throw new Error("No test database: vitest's globalSetup, or startTestPostgres(), has to run first.");
  const name = `test_${randomBytes(8).toString("hex")}`;
  await runOnServer(serverUrl, `create database ${name} template ${templateDatabase}`);
  const url = databaseUrl(serverUrl, name);
  const dataDir = await mkdtemp(join(tmpdir(), "presszero-test-"));
  const settings: Settings = {
    port: 0,
    host: "127.0.0.1",
    publicUrl: "http://localhost:4000",
    databaseUrl: url,
    dataDir,
    secretKey: randomBytes(32).toString("base64url"),
    smtpUrl: null,
    mailFrom: "Press Zero <no-reply@localhost>",
    logLevel: "silent",
    trustProxy: [],
    demo: false,
    egressAllow: [],
    metricsToken: null,
    limits: loadSettings({ PUBLIC_URL: "http://localhost:4000", DATA_DIR: dataDir }).limits,
    roles: new Set(allRoles),
    ...overrides,
  };
  const log = pino({ level: process.env.LOG_LEVEL ?? "silent" });
  const metrics = createMetrics({ ofProcess: false });
  const database = openDatabase(url, { metrics, onError: (error) => log.error(error) });
  const bus = createBus((error) => log.error(error));
  const clock = createTestClock();
  const mailer = createMailer(settings);
  const mails: Mail[] = [];
  return {
    url,
    settings,
    log,
    database,
    metrics,
    bus,
    clock,
    trace: createTrace(bus, clock),
    mails,
    mailer: {
      async send(mail) {
        await mailer.send(mail);
        mails.push(mail);
      },
    },
    async close() {
      await database.close();
      await runOnServer(serverUrl, `drop database if exists ${name} with (force)`);
      await rm(dataDir, { recursive: true, force: true });
      await assertCompanyWasNamed(metrics);
    },
  };
}

/** A statement that forgets the company fails the test that ran it, whatever that test is about. */
async function assertCompanyWasNamed(metrics: Metrics): Promise<void> {
  const { values } = await metrics.rlsContextMissing.get();
  if (values[0]?.value) throw new Error(`${values[0].value} statements used a company's table without a company`);
}

function createTestClock(): TestClock {
  let fixed: Date | null = null;
  const clock: TestClock = {
    now: () => new Date(fixed ?? Date.now()),
    set: (time) => void (fixed = time),
    advance: (milliseconds) => void (fixed = new Date(clock.now().getTime() + milliseconds)),
  };
  return clock;
}

function databaseUrl(serverUrl: string, database: string): string {
  return Object.assign(new URL(serverUrl), { pathname: `/${database}` }).href;
}

async function runOnServer(serverUrl: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: serverUrl });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
