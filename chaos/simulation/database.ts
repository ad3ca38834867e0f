// A database that keeps what PostgreSQL promises and nothing more: rows are locked one transaction at a time, a client id
// is unique for ever, writes are seen all at once at the commit, and the horizon stands at the oldest transaction that has
// not ended. `database.test.ts` holds it against a real one.
import type { Plan } from "./commit-rule.ts";
import { applyWrites, copyOf, emptyTables, keyOf, mergedMark, type Tables, type Writes } from "./tables.ts";

export type Work<Result> = {
  /** Keys of the conversations that it locks. */
  locks: readonly string[];
  /** Waits for a conversation that another transaction holds; otherwise does without. */
  wait: boolean;
  /** Decides on the committed tables, once the locks are there. */
  plan(tables: Tables, held: ReadonlySet<string>): Plan<Result>;
};

export type Transaction<Result> = {
  /** Given by its first lock or write; null as long as it only read. */
  xid: number | null;
  work: Work<Result>;
  held: Set<string>;
  /** Null while it waits for a lock, or for another that writes the same client id. */
  planned: Plan<Result> | null;
  hasEnded: boolean;
  onPlanned: (transaction: Transaction<Result>) => void;
};

// oxlint-disable-next-line typescript/no-explicit-any -- transactions of every kind wait in one queue
type AnyTransaction = Transaction<any>;

export function createDatabase({ merge = mergedMark, readUpTo = (horizon: number, _next: number) => horizon } = {}) {
  const tables = emptyTables();
  let nextXid = 1;
  const running = new Set<AnyTransaction>();
  const locks = new Map<string, AnyTransaction>();
  /** Client ids in the writes of running transactions. */
  const pendingIds = new Set<string>();
  let watch = (_writes: Writes) => {};
  const backups = new Map<number, Tables>();

  const clientIdsOf = (writes: Writes) =>
    writes.messages.map((row) => keyOf(row.companyId, row.deviceId, row.clientId));
  const hasWrites = (writes: Writes) => Object.values(writes).some((rows) => rows.length > 0);

  /** Begins a transaction and takes it as far as it gets; see `planned`. */
  function begin<Result>(
    work: Work<Result>,
    onPlanned: (transaction: Transaction<Result>) => void = () => {},
  ): Transaction<Result> {
    const transaction: Transaction<Result> = {
      xid: null,
      work,
      held: new Set(),
      planned: null,
      hasEnded: false,
      onPlanned,
    };
    running.add(transaction);
    proceed(transaction);
    return transaction;
  }

  function proceed(transaction: AnyTransaction): void {
    const { work, held } = transaction;
    // In one order, as the statements do, so that nobody waits in a circle.
    for (const key of [...work.locks].sort()) {
      const holder = locks.get(key);
      if (holder !== undefined && holder !== transaction) {
        if (work.wait) return;
        continue;
      }
      locks.set(key, transaction);
      held.add(key);
      transaction.xid ??= nextXid++;
    }
    const plan = work.plan(tables, held);
    const ids = clientIdsOf(plan.writes);
    // The unique index makes the second of two that write the same client id wait for the first. If that one commits, the
    // statement fails and its caller repeats it, which is to decide anew.
    if (ids.some((id) => pendingIds.has(id))) return;
    for (const id of ids) pendingIds.add(id);
    if (hasWrites(plan.writes)) transaction.xid ??= nextXid++;
    transaction.planned = plan;
    transaction.onPlanned(transaction);
  }

  /** Makes the writes visible; answers the result. */
  function commit<Result>(transaction: Transaction<Result>): Result {
    const { planned, xid, hasEnded } = transaction;
    if (planned === null || hasEnded) throw new Error("This transaction cannot commit.");
    if (xid !== null) {
      watch(planned.writes);
      applyWrites(tables, planned.writes, xid, merge);
    }
    end(transaction);
    return planned.results;
  }

  function end(transaction: AnyTransaction): void {
    if (transaction.hasEnded) return;
    transaction.hasEnded = true;
    running.delete(transaction);
    for (const key of transaction.held) locks.delete(key);
    if (transaction.planned) for (const id of clientIdsOf(transaction.planned.writes)) pendingIds.delete(id);
    for (const waiting of running) if (waiting.planned === null) proceed(waiting);
  }

  return {
    tables,
    begin,
    commit,
    backups: backups as ReadonlyMap<number, Tables>,
    backUp: (name: number) => void backups.set(name, copyOf(tables)),
    restore: (backup: Tables) => void Object.assign(tables, copyOf(backup)),
    /** Called before a commit with what it makes visible. */
    onCommit: (listener: (writes: Writes) => void) => void (watch = listener),
    rollback: end,
    rollbackAll(): void {
      // Those that wait go first, so that none of them gets further on the way.
      for (const transaction of [...running].toSorted(
        (a, b) => Number(a.planned !== null) - Number(b.planned !== null),
      ))
        end(transaction);
    },
    /** Begins and commits at once; for what nobody else stands in the way of. */
    run<Result>(work: Work<Result>): Result {
      return commit(begin(work));
    },
    /** Every transaction below this number has ended. */
    horizon: (): number => readUpTo(Math.min(nextXid, ...[...running].map(({ xid }) => xid ?? nextXid)), nextXid),
    isLocked: (key: string): boolean => locks.has(key),
  };
}
