import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { inTx } from "../../kernel/database.ts";
import { createTestCtx, type TestCtx } from "../../kernel/testing.ts";
import { createTestCompany } from "../testing.ts";
import { sendMessage } from "./service/send.ts";
import { startConversation } from "./service/start.ts";
import { listLaneEvents } from "./views.ts";

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

test("a page of events reads each of its messages once, also on tables that were never analyzed", async () => {
  const { customer, agent } = await createTestCompany(system);
  const input = (text: string) => ({
    deviceId: randomUUID(),
    clientId: randomUUID(),
    message: { kind: "text" as const, text },
  });
  const { conversationId, messageId } = await startConversation(customer, input("Hello"));
  const count = 150;
  await Promise.all(
    Array.from({ length: count }, (_, index) => {
      const one = input(`line ${index}`);
      return sendMessage(agent, conversationId, { ...one, message: { ...one.message, replyTo: messageId } });
    }),
  );
  const fetched = await inTx(agent, async (tx) => {
    const sofar = async () => {
      const { rows } = await sql<{ read: number }>`
        select idx_tup_fetch + seq_tup_read as read from pg_stat_xact_user_tables where relname = 'message'`.execute(
        tx.tx,
      );
      return rows[0]!.read;
    };
    const before = await sofar();
    expect(await listLaneEvents(tx, "business", conversationId, { after: 0, limit: 500 })).toHaveLength(count + 2);
    return (await sofar()) - before;
  });
  expect(fetched).toBeLessThan(4 * count);
});
