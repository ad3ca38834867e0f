// The simulated database as the server processes reach it: every statement takes its time, may find nobody there, and may
// end without its sender learning how.
import type { ErrorCode } from "@presszero/contracts";
import { errorCodes } from "@presszero/contracts";
import type { Random } from "../random.ts";
import type { Cores } from "./cores.ts";
import { createDatabase, type Transaction, type Work } from "./database.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Tables } from "./tables.ts";

export type Failure = { code: ErrorCode; retry: boolean };
export const failureOf = (code: ErrorCode): Failure => ({ code, retry: errorCodes[code].retry });

export type Answer<Result> = { result: Result } | { failure: Failure };

export type Trouble = {
  isDown: boolean;
  /** ms of a statement: from, to. */
  delay: [number, number];
  /** Of all commits, so many answers are lost: half of those were carried out. */
  lostAnswers: number;
  /** Of all statements, so many fail without any effect. */
  failing: number;
};

/** Longer does no statement wait for a lock. */
const lockTimeoutMs = 3_000;

export type DatabaseServer = ReturnType<typeof createDatabaseServer>;

export function createDatabaseServer(scheduler: Scheduler, random: Random, cores: Cores) {
  const database = createDatabase({ merge: cores.mergedMark, readUpTo: cores.readUpTo });
  const trouble: Trouble = { isDown: false, delay: [0, 5], lostAnswers: 0, failing: 0 };
  const open = new Set<() => void>();

  const soon = (what: () => void) => void scheduler.after(random.between(...trouble.delay), what);
  const isFailing = () => trouble.isDown || random.next() < trouble.failing;
  /** Grows with every crash: what was on its way to the database then never arrives. */
  let crashes = 0;

  /** A statement that only reads: it sees what is committed when it runs. */
  function read<Result>(query: (tables: Tables, horizon: number) => Result, answer: (answer: Answer<Result>) => void) {
    const sentTo = crashes;
    soon(() => {
      if (isFailing() || crashes !== sentTo) return soon(() => answer({ failure: failureOf("UNAVAILABLE") }));
      const result = query(database.tables, database.horizon());
      soon(() => answer({ result }));
    });
  }

  function write<Result>(work: Work<Result>, answer: (answer: Answer<Result>) => void): void {
    const sentTo = crashes;
    soon(() => {
      if (crashes !== sentTo) return soon(() => answer({ failure: failureOf("UNKNOWN_RETRY") }));
      if (isFailing()) return soon(() => answer({ failure: failureOf("UNAVAILABLE") }));
      let isSettled = false;
      const settle = (how: Answer<Result>) => {
        if (isSettled) return;
        isSettled = true;
        open.delete(broken);
        cancelTimeout();
        soon(() => answer(how));
      };
      const broken = () => settle({ failure: failureOf("UNKNOWN_RETRY") });
      open.add(broken);
      let transaction: Transaction<Result> | null = null;
      const cancelTimeout = scheduler.after(lockTimeoutMs, () => {
        if (transaction === null || transaction.planned !== null) return;
        database.rollback(transaction);
        settle({ failure: failureOf("UNAVAILABLE") });
      });
      transaction = database.begin(work, (planned) =>
        soon(() => {
          if (planned.hasEnded) return;
          if (random.next() >= trouble.lostAnswers) return settle({ result: database.commit(planned) });
          if (random.next() < 0.5) database.commit(planned);
          else database.rollback(planned);
          settle({ failure: failureOf("UNKNOWN_RETRY") });
        }),
      );
    });
  }

  /** Everything that runs is undone, and whoever waits for it learns nothing. */
  function crash(): void {
    trouble.isDown = true;
    crashes++;
    database.rollbackAll();
    for (const broken of open) broken();
  }

  return { database, tables: database.tables, trouble, now: scheduler.now, read, write, crash };
}
