import type pg from "pg";
import type { SystemCtx } from "./context.ts";

/** First of the two numbers of our advisory locks; the second comes from the consumer's name. */
const lockSpace = 7_077_978;

export type LockSession = {
  /** The connection that holds the consumer's lock; null while another process holds it. */
  lock(name: string): Promise<pg.PoolClient | null>;
  holds(name: string): boolean;
  end(): Promise<void>;
};

/** Gets a connection when the first lock is asked for, and a new one after it was lost. */
export function openLockSession(ctx: SystemCtx): LockSession {
  let current: Promise<pg.PoolClient> | null = null;
  const held = new Set<string>();
  let ended = false;

  const lose = (client: pg.PoolClient, error: Error) => {
    client.release(error);
    held.clear();
    current = null;
  };
  const connect = async () => {
    const client = await ctx.database.worker.connect();
    // Locks live as long as the connection: when it breaks, they are all gone and each is asked for anew.
    client.once("error", (error) => {
      if (ended) return;
      ctx.log.warn({ err: error }, "lost the connection that holds the consumers' locks");
      lose(client, error);
    });
    return client;
  };
  return {
    async lock(name) {
      current ??= connect().catch((error: unknown) => {
        current = null;
        throw error;
      });
      const session = current;
      const client = await session;
      if (held.has(name)) return client;
      const { rows } = await client.query<{ locked: boolean }>(
        "select pg_try_advisory_lock($1, hashtext($2)) as locked",
        [lockSpace, name],
      );
      if (!rows[0]!.locked || current !== session) return null;
      held.add(name);
      return client;
    },
    holds: (name) => held.has(name),
    async end() {
      const client = await current?.catch(() => null);
      ended = true;
      client?.release(true);
      held.clear();
      current = null;
    },
  };
}
