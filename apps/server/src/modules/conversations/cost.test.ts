import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestCtx, type TestCtx } from "../../kernel/testing.ts";

let system: TestCtx;

beforeAll(async () => {
  system = await createTestCtx();
});
afterAll(() => system.close());

test("no index of the hot table can be taken for its primary key", async () => {
  const { rows } = await system.database.worker.query<{ name: string }>(
    `select i.indexrelid::regclass::text as name
       from pg_index i
       join pg_attribute a on a.attrelid = i.indexrelid and a.attnum = 1
      where i.indrelid = 'conversation'::regclass and a.attname = 'company_id'`,
  );
  expect(rows).toEqual([{ name: "conversation_pkey" }]);
});
