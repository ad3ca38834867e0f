import { sql } from "kysely";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Database, inTx, openDatabase } from "./database.ts";
import { createTestCtx, type TestCtx } from "./testing.ts";
import { openLine } from "./testing-line.ts";

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
