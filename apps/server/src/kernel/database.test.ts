import { createServer, type AddressInfo, connect, type Socket } from "node:net";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Database, inTx, openDatabase } from "./database.ts";
import { createTestCtx, type TestCtx } from "./testing.ts";

/** A line to the test's database that can be cut, or go silent. */
async function openLine(url: string) {
  const { hostname, port } = new URL(url);
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on("error", () => to.destroy()).on("close", () => to.destroy());
      from.pipe(to);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const through = Object.assign(new URL(url), {
    hostname: "127.0.0.1",
    port: String((server.address() as AddressInfo).port),
  });
  const cut = () => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };
  return {
    url: through.href,
    cut,
    silence: () => {
      for (const socket of sockets) socket.unpipe().pause();
      sockets.clear();
    },
    close: () => {
      cut();
      server.close();
    },
  };
}

let system: TestCtx;
let line: Awaited<ReturnType<typeof openLine>>;
let database: Database;

beforeAll(async () => {
  system = await createTestCtx();
  line = await openLine(system.url);
  database = openDatabase(line.url);
});
afterAll(async () => {
  await database.close();
  line.close();
  await system.close();
});

function answerOf(statement: string): Promise<unknown> {
  return inTx({ ...system, database }, async (ctx) => {
    const { rows } = await sql.raw(statement).execute(ctx.tx);
    return rows;
  });
}

it("a line that breaks during a statement fails that statement, and nothing else", async () => {
  await answerOf("select 1");
  const failure = answerOf("select pg_advisory_xact_lock(4711), pg_sleep(5)").catch((error: unknown) => error);
  const isRunning = `select 1 from pg_locks where locktype = 'advisory' and objid = 4711
    and database = (select oid from pg_database where datname = current_database())`;
  await expect.poll(async () => (await system.database.worker.query(isRunning)).rowCount).toBe(1);
  line.cut();
  expect(await failure).toMatchObject({ code: "UNAVAILABLE" });
  expect(await answerOf("select 2 as two")).toEqual([{ two: 2 }]);
});

it("a line that goes silent is given up", async () => {
  await answerOf("select 1");
  line.silence();
  await expect(answerOf("select 1")).rejects.toMatchObject({ code: "UNAVAILABLE" });
  expect(await answerOf("select 2 as two")).toEqual([{ two: 2 }]);
});
