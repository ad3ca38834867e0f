import { Kysely, PostgresDialect, type PostgresPoolClient } from "kysely";
import pg from "pg";
import type { Bus, RecordedEvent } from "./bus.ts";
import { AppError } from "./errors.ts";
import type { Metrics } from "./metrics.ts";

// Postgres bigint: sequence numbers and counters stay far below 2^53.
pg.types.setTypeParser(pg.types.builtins.INT8, Number);

/** SQL inside a transaction. A store narrows it to its own tables with `withTables`. */
// oxlint-disable-next-line typescript/no-empty-object-type -- no tables until a store names its own
export type Tx = Kysely<{}>;

/**
 * The three ways into Postgres. Each pool takes on a role of its own, none of which owns a table or may bypass
 * row-level security: `app` sees one company per transaction, `writer` may only do what the message writer needs, across
 * companies, and `worker` may only read the event log and move the consumers' cursors.
 */
export type Database = {
  app: pg.Pool;
  writer: pg.Pool;
  worker: pg.Pool;
  close(): Promise<void>;
};

export type DatabaseRole = "presszero_app" | "presszero_writer" | "presszero_worker";

/** SQLSTATE of the warning that a company's table was used without a company; see the migration company_missing. */
const companyMissing = "PZ001";

export function openDatabase(
  url: string,
  options: { appConnections?: number; metrics?: Metrics; onError?: (error: unknown) => void } = {},
): Database {
  const { metrics } = options;
  const pool = (role: DatabaseRole, max: number) => {
    const created = new pg.Pool({
      connectionString: url,
      max,
      application_name: role,
      options: `-c role=${role} -c statement_timeout=8000 -c lock_timeout=3000 -c idle_in_transaction_session_timeout=15000`,
      connectionTimeoutMillis: 5000,
      // Longer than any statement may run: an answer that late will not come, for the other end is gone without a word.
      query_timeout: 10_000,
      keepAlive: true,
    });
    // A connection that breaks while in use fails its query and is given up by whoever holds it; the pool listens only
    // while it is idle, and without a listener the event would end the process.
    created.on("connect", (client) => {
      client.on("error", () => {});
      client.on("notice", ({ code, message, detail }) => {
        if (code !== companyMissing) return;
        metrics?.rlsContextMissing.inc();
        options.onError?.(new Error(`${message}: ${detail?.slice(0, 500)}`));
      });
    });
    // A connection that breaks while idle is replaced by the pool; without a listener it would end the process.
    created.on("error", (error) => options.onError?.(error));
    if (metrics) measureWaits(created, metrics.poolWaitSeconds.labels(role.slice("presszero_".length)));
    return created;
  };
  const app = pool("presszero_app", options.appConnections ?? 16);
  const writer = pool("presszero_writer", 4);
  const worker = pool("presszero_worker", 4);
  return {
    app,
    writer,
    worker,
    close: async () => void (await Promise.all([app.end(), writer.end(), worker.end()])),
  };
}

/** `pool.query` takes its connection by `connect` with a callback, everybody else by its promise. */
function measureWaits(pool: pg.Pool, waits: { observe(seconds: number): void }): void {
  type Callback = (...results: unknown[]) => void;
  const connect = pool.connect.bind(pool) as (callback?: Callback) => Promise<pg.PoolClient>;
  const measured = (callback?: Callback) => {
    const began = performance.now();
    const arrived = () => waits.observe((performance.now() - began) / 1000);
    if (callback) {
      return connect((...results) => {
        arrived();
        callback(...results);
      });
    }
    const connected = connect();
    connected.then(arrived, arrived);
    return connected;
  };
  pool.connect = measured as typeof pool.connect;
}

/** Kysely over one connection that is already in a transaction. */
const boundTo = new WeakMap<pg.PoolClient, Tx>();
function bind(client: pg.PoolClient): Tx {
  let tx = boundTo.get(client);
  if (!tx) {
    // To Kysely this one connection is the whole pool; taking it and giving it back stays our business.
    const connection = { query: client.query.bind(client), release: () => {} } as unknown as PostgresPoolClient;
    const pool = { options: {}, connect: async () => connection, end: async () => {} };
    tx = new Kysely({ dialect: new PostgresDialect({ pool }) });
    boundTo.set(client, tx);
  }
  return tx;
}

/** What a transaction needs of the context; the company is the one whose rows it sees. */
type TxCtx = { database: Database; bus: Bus; companyId?: string; tx?: Tx; recorded?: RecordedEvent[] };

export type InTx = { tx: Tx; recorded: RecordedEvent[] };

/**
 * Runs `work` in one transaction that sees only the company of `ctx` (no company: the global tables only). Events that
 * were appended are published after the commit. Inside a transaction it joins that one. A deadlock is retried, so `work`
 * does nothing but SQL.
 */
export async function inTx<C extends TxCtx, T>(ctx: C, work: (ctx: C & InTx) => Promise<T>): Promise<T> {
  if (ctx.tx && ctx.recorded) return work(ctx as C & InTx);
  for (let attempt = 1; ; attempt++) {
    try {
      return await runTx(ctx, work);
    } catch (error) {
      if (attempt < 4 && isDatabaseError(error, "40P01")) continue;
      throw translate(error);
    }
  }
}

async function runTx<C extends TxCtx, T>(ctx: C, work: (ctx: C & InTx) => Promise<T>): Promise<T> {
  const client = await ctx.database.app.connect();
  const recorded: RecordedEvent[] = [];
  let broken: Error | undefined;
  let result: T;
  try {
    const company = client.escapeLiteral(ctx.companyId ?? "");
    await client.query(`begin; select set_config('presszero.company_id', ${company}, true)`);
    result = await work({ ...ctx, tx: bind(client), recorded });
    try {
      await client.query("commit");
    } catch (error) {
      broken = error as Error;
      throw isDatabaseError(error) ? error : new AppError("UNKNOWN_RETRY", { cause: error });
    }
  } catch (error) {
    if (error instanceof Error && isConnectionFault(error)) broken ??= error;
    if (!broken) await client.query("rollback").catch((rollbackError: Error) => (broken = rollbackError));
    throw error;
  } finally {
    client.release(broken);
  }
  const committedAt = performance.now();
  for (const event of recorded) event.committedAt = committedAt;
  ctx.bus.publish(recorded);
  return result;
}

/** True for an error that Postgres itself reported, of this SQLSTATE if one is given. */
export function isDatabaseError(error: unknown, sqlState?: string): error is pg.DatabaseError {
  return error instanceof pg.DatabaseError && (sqlState === undefined || error.code === sqlState);
}

export function isUniqueViolation(error: unknown, constraint?: string): boolean {
  return isDatabaseError(error, "23505") && (constraint === undefined || error.constraint === constraint);
}

/** Faults of the database as errors that a caller can act upon; everything else as it was. */
export function translate(error: unknown): unknown {
  if (error instanceof AppError) return error;
  if (isDatabaseError(error)) {
    const sqlState = error.code ?? "";
    if (sqlState === "57014") return new AppError("TIMEOUT", { cause: error });
    if (sqlState === "55P03" || sqlState.startsWith("53") || sqlState.startsWith("57P") || sqlState.startsWith("08")) {
      return new AppError("UNAVAILABLE", { cause: error });
    }
    return error;
  }
  if (error instanceof Error && isConnectionFault(error)) return new AppError("UNAVAILABLE", { cause: error });
  return error;
}

function isConnectionFault(error: Error): boolean {
  const code = (error as NodeJS.ErrnoException).code ?? "";
  return (
    ["ECONNREFUSED", "ECONNRESET", "EPIPE", "ETIMEDOUT", "ENOENT", "ENOTFOUND"].includes(code) ||
    /Connection terminated|timeout exceeded when trying to connect|Query read timeout|Client has encountered a connection error/.test(
      error.message,
    )
  );
}
