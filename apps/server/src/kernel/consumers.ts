import type { CompanyId } from "@presszero/contracts";
import type pg from "pg";
import { type LockSession, openLockSession } from "./consumer-locks.ts";
import { type Ctx, type SystemCtx, systemCtx } from "./context.ts";
import type { RecordedEvent } from "./bus.ts";
import { countParked, readHorizonAge } from "./log-state.ts";
import { describeFailure } from "./log.ts";

/** An event as it is read back from the log. `id` is its number there. */
export type LoggedEvent = Omit<RecordedEvent, "actor" | "content"> & {
  id: number;
  actor: { type: RecordedEvent["actor"]["type"]; id: string };
};

/**
 * A reaction to events of the given types. It gets every event at least once: whatever leaves the process is keyed by the
 * event. Events of one subject come in order. What throws, or takes longer than `timeoutMs` (default 30 s), is tried
 * again with back-off, and parked after `maxAttempts` (default 8) for a person to look at.
 */
export type Consumer = {
  name: string;
  types: readonly string[];
  handle(ctx: Ctx, event: LoggedEvent): Promise<void>;
  maxAttempts?: number;
  timeoutMs?: number;
};

const batchSize = 200;
/** A batch ends early after this long, so that a killed process repeats little. */
const batchMs = 1_000;
const pollMs = 1_000;
const measureMs = 5_000;
/** A cursor that moved over events of other types alone is written at most this often. */
const idleWriteMs = 2_000;
/** Hints come in bursts; a short wait gathers them. */
const gatherMs = 20;

/**
 * Runs the consumers side by side. Over all processes each consumer runs once: it needs its advisory lock, which all
 * consumers of a process hold through one connection. Progress is written through that same connection, so a process
 * that has lost its locks cannot move a cursor any more.
 */
export function startConsumers(
  ctx: SystemCtx,
  consumers: readonly Consumer[],
): {
  /** Waits for the events in hand. */
  stop(): Promise<void>;
  /** Has all consumers look at the log now. */
  wake(): void;
} {
  const session = openLockSession(ctx);
  const runners = consumers.map((consumer) => startRunner(ctx, consumer, session));
  const measuring = setInterval(() => void measure(ctx, consumers, session), measureMs);
  const wakeFor = (type: string) => {
    for (const runner of runners) if (runner.types.has(type)) runner.wake();
  };
  const stopEvents = ctx.bus.onEvents((events) => events.forEach(({ type }) => wakeFor(type)));
  const stopHints = ctx.bus.onHint(({ type }) => wakeFor(type));
  return {
    wake: () => runners.forEach((runner) => runner.wake()),
    async stop() {
      stopEvents();
      stopHints();
      clearInterval(measuring);
      await Promise.all(runners.map((runner) => runner.stop()));
      await session.end();
    },
  };
}

function startRunner(ctx: SystemCtx, consumer: Consumer, session: LockSession) {
  let stopped = false;
  let woken = false;
  let wakeUp = () => {};
  const pause = async () => {
    if (!woken) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, pollMs);
        wakeUp = () => {
          clearTimeout(timer);
          setTimeout(resolve, gatherMs);
        };
      });
    }
    woken = false;
  };
  const wake = () => {
    woken = true;
    wakeUp();
  };
  const isStopped = () => stopped;
  let progress: Progress | null = null;

  const running = (async () => {
    while (!stopped) {
      let more = false;
      try {
        const client = await session.lock(consumer.name);
        if (client) {
          const retried = await retryDue(ctx, consumer, client, isStopped);
          const read = await readOn(ctx, consumer, client, progress, isStopped);
          progress = read.progress;
          more = read.more || retried;
        } else {
          progress = null;
          ctx.metrics.consumerLagSeconds.remove({ consumer: consumer.name });
        }
      } catch (error) {
        // How far it has come is read again: what was handled may not have been written down.
        progress = null;
        ctx.log.warn(
          { err: error, consumer: consumer.name },
          "consumer cannot work on the log; it goes on as soon as it can",
        );
      }
      if (!more && !stopped) await pause();
    }
  })();

  return {
    types: new Set(consumer.types),
    wake,
    stop: async () => {
      stopped = true;
      wake();
      await running;
    },
  };
}

type EventRow = {
  company_id: CompanyId;
  subject_id: string;
  seq: number;
  public_seq: number;
  is_public: boolean;
  type: string;
  actor_type: LoggedEvent["actor"]["type"];
  actor_id: string;
  ref_id: string | null;
  data: Record<string, unknown>;
  created_at: Date;
  id: number;
};

const eventColumns = `event.company_id, event.subject_id, event.seq, event.public_seq, event.is_public, event.type,
  event.actor_type, event.actor_id, event.ref_id, event.data, event.created_at, event.id`;

function toLoggedEvent(row: EventRow): LoggedEvent {
  return {
    id: row.id,
    companyId: row.company_id,
    subjectId: row.subject_id,
    seq: row.seq,
    publicSeq: row.public_seq,
    isPublic: row.is_public,
    type: row.type,
    actor: { type: row.actor_type, id: row.actor_id },
    refId: row.ref_id,
    data: row.data,
    at: row.created_at,
  };
}

/** A place in the log, between two events. */
type Position = { xid: string; id: number };

/** How far this process has read for a consumer, while it holds the consumer's lock through `client`. */
type Progress = { client: pg.PoolClient; position: Position; writtenAt: number };

/**
 * Handles the events after the cursor and moves it. Ids commit out of order, so only events below the snapshot's horizon
 * are read: no running transaction can still put one before them. Events of other types are passed over without being
 * sent; a cursor that moved over such alone is written down now and then only, for reading over them again does no harm.
 */
async function readOn(
  ctx: SystemCtx,
  consumer: Consumer,
  client: pg.PoolClient,
  before: Progress | null,
  isStopped: () => boolean,
): Promise<{ more: boolean; progress: Progress }> {
  const known = before?.client === client ? before : await startReading(consumer, client);
  const { rows: found } = await ctx.database.worker.query<
    { horizon: string } & ((EventRow & { xid: string; age: number }) | { id: null })
  >({
    name: "read_log",
    text: `select horizon.xid as horizon, mine.*
       from (select pg_snapshot_xmin(pg_current_snapshot()) as xid) horizon
       left join lateral (
         select ${eventColumns}, event.xid, extract(epoch from clock_timestamp() - event.created_at)::float8 as age
           from event
          where (event.xid, event.id) > ($1::xid8, $2::bigint) and event.xid < horizon.xid and event.type = any($3::text[])
          order by event.xid, event.id limit $4
       ) mine on true`,
    values: [known.position.xid, known.position.id, consumer.types, batchSize],
  });
  const rows = found.filter((row) => row.id !== null);
  const { horizon } = found[0]!;
  ctx.metrics.consumerLagSeconds.set({ consumer: consumer.name }, rows[0]?.age ?? 0);

  const blocked = await findBlockedSubjects(ctx, consumer, rows);
  const retries: Retry[] = [];
  const until = performance.now() + batchMs;
  let handled = 0;
  for (const row of rows) {
    if (handled > 0 && (isStopped() || performance.now() > until)) break;
    handled++;
    const subject = subjectKey(row);
    if (blocked.has(subject)) {
      retries.push(toRetry(row, 0, null, consumer));
      continue;
    }
    const failure = await handle(ctx, consumer, toLoggedEvent(row));
    if (failure === null) continue;
    const retry = toRetry(row, 1, failure, consumer);
    retries.push(retry);
    if (!retry.parked) blocked.add(subject);
  }
  const isAll = handled === rows.length && rows.length < batchSize;
  const last = rows[handled - 1];
  const position = isAll ? { xid: horizon, id: 0 } : { xid: last!.xid, id: last!.id };
  const isDue = handled > 0 || performance.now() - known.writtenAt > idleWriteMs;
  if (handled > 0) await writeProgress(consumer, client, position, retries);
  else if (isDue) await writeIdleProgress(consumer, client, position);
  const writtenAt = isDue ? performance.now() : known.writtenAt;
  return { more: !isAll, progress: { client, position, writtenAt } };
}

async function startReading(consumer: Consumer, client: pg.PoolClient): Promise<Progress> {
  const { rows } = await client.query<Position>(
    `with created as (insert into consumer (name, xid, id) values ($1, '0', 0) on conflict do nothing)
     select xid::text, id from consumer where name = $1`,
    [consumer.name],
  );
  return { client, position: rows[0] ?? { xid: "0", id: 0 }, writtenAt: performance.now() };
}

/** Where there was nothing to pass over, nothing is written, and an installation that rests stays at rest. */
async function writeIdleProgress(consumer: Consumer, client: pg.PoolClient, position: Position): Promise<void> {
  await client.query(
    `update consumer set xid = $2::xid8, id = $3
      where name = $1 and exists (select from event where (event.xid, event.id) > (consumer.xid, consumer.id))`,
    [consumer.name, position.xid, position.id],
  );
}

/** One statement, so it is one transaction although several consumers share the connection. */
async function writeProgress(
  consumer: Consumer,
  client: pg.PoolClient,
  position: Position,
  retries: readonly Retry[],
): Promise<void> {
  await client.query(
    `with moved as (update consumer set xid = $2::xid8, id = $3 where name = $1)
     insert into consumer_retry (company_id, consumer, event_id, subject_id, event_type, seq, attempts, next_at, reason, parked_at)
     select company_id, $1, event_id, subject_id, event_type, seq, attempts,
            clock_timestamp() + delay_ms * interval '1 millisecond', reason, case when parked then clock_timestamp() end
       from jsonb_to_recordset($4::jsonb) as retry (company_id text, event_id bigint, subject_id text, event_type text,
            seq bigint, attempts int, delay_ms float8, reason text, parked boolean)
     on conflict do nothing`,
    [consumer.name, position.xid, position.id, JSON.stringify(retries)],
  );
}

type Retry = {
  company_id: string;
  event_id: number;
  subject_id: string;
  event_type: string;
  seq: number;
  attempts: number;
  delay_ms: number;
  reason: string | null;
  parked: boolean;
};

function toRetry(row: EventRow, attempts: number, reason: string | null, consumer: Consumer): Retry {
  return {
    company_id: row.company_id,
    event_id: row.id,
    subject_id: row.subject_id,
    event_type: row.type,
    seq: row.seq,
    attempts,
    delay_ms: attempts === 0 ? 0 : backoffMs(attempts),
    reason,
    parked: attempts >= maxAttempts(consumer),
  };
}

const subjectKey = (row: { company_id: string; subject_id: string }) => `${row.company_id} ${row.subject_id}`;
const maxAttempts = (consumer: Consumer) => consumer.maxAttempts ?? 8;

/** Full jitter: anything up to 5 s × 2ⁿ, at most an hour. */
function backoffMs(attempts: number): number {
  return Math.random() * Math.min(3_600_000, 5_000 * 2 ** attempts);
}

/** Subjects of these events that an earlier event still waits for. */
async function findBlockedSubjects(
  ctx: SystemCtx,
  consumer: Consumer,
  events: readonly EventRow[],
): Promise<Set<string>> {
  if (events.length === 0) return new Set();
  const { rows } = await ctx.database.worker.query<{ company_id: string; subject_id: string }>(
    `select distinct company_id, subject_id from consumer_retry
      where consumer = $1 and parked_at is null
        and (company_id, subject_id) in (select * from unnest($2::text[], $3::text[]))`,
    [consumer.name, events.map((event) => event.company_id), events.map((event) => event.subject_id)],
  );
  return new Set(rows.map(subjectKey));
}

/** Tries the first waiting event of each subject that is due. True if any was, for its successor may be due by then. */
async function retryDue(
  ctx: SystemCtx,
  consumer: Consumer,
  client: pg.PoolClient,
  isStopped: () => boolean,
): Promise<boolean> {
  const { rows } = await ctx.database.worker.query<EventRow & { attempts: number }>(
    `select ${eventColumns}, retry.attempts
       from consumer_retry retry
       join event on event.company_id = retry.company_id and event.subject_id = retry.subject_id and event.seq = retry.seq
      where retry.consumer = $1 and retry.parked_at is null and retry.next_at <= clock_timestamp()
        and not exists (
          select from consumer_retry earlier
           where earlier.company_id = retry.company_id and earlier.consumer = retry.consumer
             and earlier.subject_id = retry.subject_id and earlier.parked_at is null and earlier.event_id < retry.event_id)
      order by retry.next_at limit 50`,
    [consumer.name],
  );
  const until = performance.now() + batchMs;
  for (const row of rows) {
    if (isStopped() || performance.now() > until) break;
    const failure = await handle(ctx, consumer, toLoggedEvent(row));
    const key = [row.company_id, consumer.name, row.id];
    if (failure === null) {
      await client.query("delete from consumer_retry where company_id = $1 and consumer = $2 and event_id = $3", key);
    } else {
      const attempts = row.attempts + 1;
      await client.query(
        `update consumer_retry set attempts = $4, next_at = clock_timestamp() + $5::float8 * interval '1 millisecond',
                reason = $6, parked_at = case when $7::boolean then clock_timestamp() end
          where company_id = $1 and consumer = $2 and event_id = $3`,
        [...key, attempts, backoffMs(attempts), failure, attempts >= maxAttempts(consumer)],
      );
    }
  }
  return rows.length > 0;
}

/** Null, or why it failed. */
async function handle(ctx: SystemCtx, consumer: Consumer, event: LoggedEvent): Promise<string | null> {
  const timeoutMs = consumer.timeoutMs ?? 30_000;
  let timer: NodeJS.Timeout | undefined;
  try {
    await Promise.race([
      consumer.handle(systemCtx(ctx, event.companyId, `consumer:${consumer.name}`), event),
      new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs / 1000} s`)), timeoutMs);
      }),
    ]);
    return null;
  } catch (error) {
    const reason = describeFailure(error);
    ctx.log.warn(
      { consumer: consumer.name, eventId: event.id, eventType: event.type, reason },
      "consumer failed on an event",
    );
    return reason;
  } finally {
    clearTimeout(timer);
  }
}

async function measure(ctx: SystemCtx, consumers: readonly Consumer[], session: LockSession): Promise<void> {
  try {
    const parked = await countParked(ctx.database.worker);
    for (const { name } of consumers) {
      if (session.holds(name)) ctx.metrics.deadLetters.set({ consumer: name }, parked.get(name) ?? 0);
      else ctx.metrics.deadLetters.remove({ consumer: name });
    }
    ctx.metrics.xidHorizonAgeSeconds.set(await readHorizonAge(ctx.database.worker));
  } catch (error) {
    ctx.log.warn({ err: error }, "the consumers could not be measured");
  }
}
