/**
 * Group commit: rows that arrive while a batch is under way go into the next one. There is no timer; the statement in
 * flight is the gather window. Rows keep the order of arrival.
 *
 * `run` gets up to `maxRows` rows and answers one result for each, in order; a result that takes longer than the batch may be
 * a promise. When it throws, the batch is split until the
 * row that fails stands alone, unless `isForAll` says that the error concerns every row alike (a lost connection).
 */
export type Batcher<Row, Result> = {
  add(row: Row): Promise<Result>;
  /** Resolves when everything added so far is settled. */
  idle(): Promise<void>;
};

type Entry<Row, Result> = {
  row: Row;
  resolve: (result: Result | Promise<Result>) => void;
  reject: (error: unknown) => void;
};

export function createBatcher<Row, Result>(options: {
  maxRows: number;
  run: (rows: Row[]) => Promise<(Result | Promise<Result>)[]>;
  isForAll: (error: unknown) => boolean;
}): Batcher<Row, Result> {
  let waiting: Entry<Row, Result>[] = [];
  let flushing: Promise<void> | null = null;

  async function settle(entries: Entry<Row, Result>[]): Promise<void> {
    let results: (Result | Promise<Result>)[];
    try {
      results = await options.run(entries.map((entry) => entry.row));
    } catch (error) {
      if (entries.length === 1 || options.isForAll(error)) {
        for (const entry of entries) entry.reject(error);
        return;
      }
      const half = entries.length >> 1;
      await settle(entries.slice(0, half));
      await settle(entries.slice(half));
      return;
    }
    entries.forEach((entry, index) => entry.resolve(results[index]!));
  }

  async function flush(): Promise<void> {
    // Everything that was read from the sockets in this turn of the loop goes together.
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (waiting.length > 0) {
      const entries = waiting.slice(0, options.maxRows);
      waiting = waiting.slice(options.maxRows);
      await settle(entries);
    }
    flushing = null;
  }

  return {
    add: (row) =>
      new Promise<Result>((resolve, reject) => {
        waiting.push({ row, resolve, reject });
        flushing ??= flush();
      }),
    idle: async () => {
      while (flushing) await flushing;
    },
  };
}
