import { randomUUID } from "node:crypto";
import type { CompanyId } from "@presszero/contracts";
import type { SystemCtx } from "./context.ts";
import type { Recollection, TracedMessage } from "./trace.ts";

/** First of the two numbers of the lock by which a process says that it is there; the second is its own. */
const lockSpace = 7_077_979;
/** A process that has not answered by then is told of as silent. */
const patienceMs = 1_000;

type Asked = { ask: string; message: TracedMessage };
type Answered = { ask: string; recollection: Recollection };

/** Held by the relay's connection: when the process or its line to the others is gone, so is the lock. */
export const presenceLock = (process: number) => ({
  text: "select pg_advisory_lock_shared($1, $2)",
  values: [lockSpace, process],
});

/** Names of the processes on this database that the others can reach, and of this one. */
export async function listProcesses(ctx: SystemCtx): Promise<string[]> {
  const { rows } = await ctx.database.worker.query<{ name: string }>(
    `select distinct lpad(to_hex(objid::bigint), 8, '0') as name from pg_locks
      where locktype = 'advisory' and classid = $1 and objsubid = 2 and granted
        and database = (select oid from pg_database where datname = current_database())`,
    [lockSpace],
  );
  return [...new Set([ctx.trace.process, ...rows.map((row) => row.name)])].sort();
}

/** Lets the other processes ask this one what it remembers. */
export function answerTraces(ctx: SystemCtx): { stop(): void } {
  const stop = ctx.bus.onSignal((signal) => {
    if (signal.kind !== "trace.asked" || !signal.isRemote) return;
    const { ask, message } = signal.data as Asked;
    const { companyId, subjectId, by } = signal;
    const data: Answered = { ask, recollection: ctx.trace.recall(message) };
    ctx.bus.signal({ companyId, subjectId, kind: "trace.answered", by, data });
  });
  return { stop };
}

/** What each process remembers of the message; null for one that is there and does not answer. */
export async function askProcesses(
  ctx: SystemCtx,
  companyId: CompanyId,
  message: TracedMessage,
): Promise<Map<string, Recollection | null>> {
  const answers = new Map<string, Recollection | null>();
  for (const process of await listProcesses(ctx)) answers.set(process, null);
  answers.set(ctx.trace.process, ctx.trace.recall(message));
  const ask = randomUUID();
  let missing = answers.size - 1;
  if (missing === 0) return answers;
  await new Promise<void>((resolve) => {
    const done = () => {
      clearTimeout(timer);
      stop();
      resolve();
    };
    const timer = setTimeout(done, patienceMs);
    const stop = ctx.bus.onSignal(({ kind, data }) => {
      if (kind !== "trace.answered" || (data as Answered).ask !== ask) return;
      const { recollection } = data as Answered;
      if (answers.get(recollection.process) !== null) return;
      answers.set(recollection.process, recollection);
      if (--missing === 0) done();
    });
    const data: Asked = { ask, message };
    const by = { type: "system" as const, id: "trace", name: null };
    ctx.bus.signal({ companyId, subjectId: message.subjectId, kind: "trace.asked", by, data });
  });
  return answers;
}
