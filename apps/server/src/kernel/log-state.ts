// How far the readers of the event log have come.
import { sql } from "kysely";
import type pg from "pg";
import type { Ctx } from "./context.ts";
import type { InTx } from "./database.ts";

/** Parked events of all companies, by consumer. */
export async function countParked(worker: pg.Pool): Promise<Map<string, number>> {
  const { rows } = await worker.query<{ consumer: string; parked: number }>(
    "select consumer, count(*) as parked from consumer_retry where parked_at is not null group by consumer",
  );
  return new Map(rows.map((row) => [row.consumer, row.parked]));
}

/** Age in seconds of the oldest event that its readers must not see yet, because an older transaction still runs. */
export async function readHorizonAge(worker: pg.Pool): Promise<number> {
  const { rows } = await worker.query<{ age: number }>(
    `select coalesce(extract(epoch from clock_timestamp() - min(created_at)), 0)::float8 as age
       from event where xid >= pg_snapshot_xmin(pg_current_snapshot())`,
  );
  return rows[0]!.age;
}

export type ConsumerState = { name: string; lagSeconds: number; parked: number };

/** Each consumer of the database: the age of the oldest event that it has not read, and how many it has parked. */
export async function listConsumerStates(worker: pg.Pool): Promise<ConsumerState[]> {
  const parked = await countParked(worker);
  const { rows } = await worker.query<{ name: string; lag: number }>(
    `select consumer.name, coalesce(extract(epoch from clock_timestamp() - oldest.created_at), 0)::float8 as lag
       from consumer left join lateral (
         select created_at from event where (event.xid, event.id) > (consumer.xid, consumer.id)
          order by event.xid, event.id limit 1) oldest on true
      order by consumer.name`,
  );
  return rows.map(({ name, lag }) => ({ name, lagSeconds: lag, parked: parked.get(name) ?? 0 }));
}

/** A place in the log: the transaction and the number of an event. */
export type LogPlace = { xid: string; id: number };

export type ConsumerProgress =
  | { name: string; state: "done" | "waiting" | "never_ran" }
  | { name: string; state: "retrying" | "parked"; attempts: number; reason: string | null; at: Date };

/** What became of one event of the ctx's company with each of these consumers. `at`: of the next try, or of the parking. */
export async function listConsumerProgress(
  ctx: Ctx & InTx,
  consumers: readonly string[],
  place: LogPlace,
): Promise<ConsumerProgress[]> {
  const { rows: cursors } = await ctx.database.worker.query<{ name: string; passed: boolean }>(
    "select name, (xid, id) >= ($2::xid8, $3::bigint) as passed from consumer where name = any($1::text[])",
    [consumers, place.xid, place.id],
  );
  const { rows: retries } = await sql<{
    consumer: string;
    attempts: number;
    reason: string | null;
    next_at: Date;
    parked_at: Date | null;
  }>`
    select consumer, attempts, reason, next_at, parked_at from consumer_retry
     where company_id = ${ctx.companyId} and event_id = ${place.id}
       and consumer = any(${consumers as string[]}::text[])`.execute(ctx.tx);
  return consumers.map((name) => {
    const retry = retries.find((row) => row.consumer === name);
    if (retry) {
      const { attempts, reason } = retry;
      const state = retry.parked_at ? "parked" : "retrying";
      return { name, state, attempts, reason, at: retry.parked_at ?? retry.next_at };
    }
    const cursor = cursors.find((row) => row.name === name);
    return { name, state: cursor ? (cursor.passed ? "done" : "waiting") : "never_ran" };
  });
}
