import { type CompanyId, parkedEvent } from "@presszero/contracts";
import fc from "fast-check";
import pg from "pg";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Consumer, type LoggedEvent, startConsumers } from "./consumers.ts";
import { type Ctx, systemCtx } from "./context.ts";
import { inTx } from "./database.ts";
import { AppError } from "./errors.ts";
import { appendEvent } from "./events.ts";
import { newId } from "./ids.ts";
import { listParkedEvents, replayParkedEvent } from "./parked-events.ts";
import { createTestCtx, type TestCtx } from "./testing.ts";

let ctx: TestCtx;
let stops: (() => Promise<void>)[];

beforeEach(async () => {
  ctx = await createTestCtx();
  stops = [];
});

afterEach(async () => {
  await Promise.all(stops.map((stop) => stop()));
  await ctx.close();
});

function start(...consumers: Consumer[]) {
  const running = startConsumers(ctx, consumers);
  stops.push(running.stop);
  return running;
}

/** A consumer that notes what it was given, and fails as `fails` says. */
function recorder(
  name: string,
  fails: (event: LoggedEvent) => boolean = () => false,
  options: Partial<Consumer> = {},
): Consumer & { seen: string[] } {
  const seen: string[] = [];
  return {
    name,
    types: ["thing.happened"],
    seen,
    async handle(_ctx, event) {
      seen.push(String(event.data.label));
      if (fails(event)) throw new Error("the provider said no");
    },
    ...options,
  };
}

const company = (): Ctx => systemCtx(ctx, newId("company"), "test");

async function append(actor: Ctx, subjectId: string, label: string, type = "thing.happened") {
  return inTx(actor, (tx) => appendEvent(tx, { subjectId, type, data: { label } }));
}

const eventually = (check: () => unknown) => vi.waitFor(check, { timeout: 20_000 });

const retries = async () => {
  const { rows } = await ctx.database.worker.query(
    `select event.data->>'label' as label, retry.attempts, retry.parked_at is not null as parked, retry.reason
       from consumer_retry retry join event on event.id = retry.event_id order by event.id`,
  );
  return rows as { label: string; attempts: number; parked: boolean; reason: string | null }[];
};

/** Back-off is over for all that waits. */
const becomeDue = () => ctx.database.worker.query("update consumer_retry set next_at = clock_timestamp()");

test("a new consumer reads the log from its beginning, only its types, and its cursor survives a restart", async () => {
  const us = company();
  await append(us, "s1", "one");
  await append(us, "s1", "not for us", "other.happened");
  await append(us, "s2", "two");
  const first = recorder("notes");
  const running = start(first);
  await eventually(() => expect(first.seen).toEqual(["one", "two"]));
  await append(us, "s1", "three");
  await eventually(() => expect(first.seen).toEqual(["one", "two", "three"]));
  await running.stop();

  const second = recorder("notes");
  start(second);
  await append(us, "s1", "four");
  await eventually(() => expect(second.seen).toEqual(["four"]));
});

test("the handler acts as the system, for the company of the event", async () => {
  const us = company();
  const acting: unknown[] = [];
  start({
    name: "notes",
    types: ["thing.happened"],
    handle: async (given, event) => {
      acting.push([
        given.companyId,
        given.actor.type,
        given.actor.id,
        event.companyId,
        event.subjectId,
        event.at instanceof Date,
      ]);
    },
  });
  await append(us, "s1", "one");
  await eventually(() =>
    expect(acting).toEqual([[us.companyId, "system", "consumer:notes", us.companyId, "s1", true]]),
  );
});

test("[CM6] nothing is skipped when transactions commit in another order than they began", async () => {
  await fc.assert(
    fc.asyncProperty(fc.shuffledSubarray([0, 1, 2, 3, 4, 5], { minLength: 6 }), fc.nat(5), async (order, readAfter) => {
      const us = company();
      const notes = recorder(`notes-${us.companyId}`);
      const clients = await Promise.all(order.map(() => ctx.database.app.connect()));
      for (const [index, client] of clients.entries()) {
        await client.query(`begin; select set_config('presszero.company_id', '${us.companyId}', true)`);
        await client.query(
          `insert into event (company_id, subject_id, seq, public_seq, is_public, type, actor_type, actor_id, data)
           values ($1, $2, 1, 0, false, 'thing.happened', 'system', 'test', $3)`,
          [us.companyId, `s${index}`, { label: `${us.companyId} ${index}` }],
        );
      }
      const running = startConsumers(ctx, [notes]);
      for (const [step, index] of order.entries()) {
        await clients[index]!.query("commit");
        clients[index]!.release();
        running.wake();
        if (step === readAfter) await ctx.database.worker.query("select pg_sleep(0.05)");
      }
      const mine = () => notes.seen.filter((label) => label.startsWith(us.companyId));
      await eventually(() => expect(mine()).toHaveLength(6));
      await running.stop();
      expect(mine()).toEqual([0, 1, 2, 3, 4, 5].map((index) => `${us.companyId} ${index}`));
    }),
    { numRuns: 12 },
  );
});

test("a failed event is tried again and holds back its subject alone, in order", async () => {
  const us = company();
  const them = company();
  let broken = true;
  const notes = recorder("notes", (event) => broken && event.data.label === "a1");
  start(notes);
  await append(us, "a", "a1");
  await append(us, "a", "a2");
  await append(us, "b", "b1");
  await append(them, "a", "their a1");
  await append(us, "a", "a3");
  await eventually(async () => expect((await retries()).map(({ label }) => label)).toEqual(["a1", "a2", "a3"]));
  expect(notes.seen).toEqual(expect.arrayContaining(["a1", "b1", "their a1"]));
  expect(notes.seen).not.toContain("a2");
  expect(await retries()).toEqual([
    { label: "a1", attempts: expect.any(Number), parked: false, reason: "the provider said no" },
    { label: "a2", attempts: 0, parked: false, reason: null },
    { label: "a3", attempts: 0, parked: false, reason: null },
  ]);
  broken = false;
  await becomeDue();
  await eventually(async () => expect(await retries()).toEqual([]));
  expect(notes.seen.slice(-3)).toEqual(["a1", "a2", "a3"]);
});

test("[PR9] after its last attempt an event is parked, and its successors go on", async () => {
  const us = company();
  const notes = recorder("notes", (event) => event.data.label === "a1", { maxAttempts: 3 });
  const running = start(notes);
  await append(us, "a", "a1");
  await append(us, "a", "a2");
  await eventually(async () => {
    await becomeDue();
    running.wake();
    expect(notes.seen).toEqual(["a1", "a1", "a1", "a2"]);
  });
  await eventually(async () => {
    expect(await retries()).toEqual([{ label: "a1", attempts: 3, parked: true, reason: "the provider said no" }]);
  });
});

test("a consumer that hangs holds up no other, and counts as failed", async () => {
  const us = company();
  const hanging: Consumer = {
    name: "hanging",
    types: ["thing.happened"],
    handle: () => new Promise(() => {}),
    maxAttempts: 1,
    timeoutMs: 200,
  };
  const notes = recorder("notes");
  start(hanging, notes);
  await append(us, "a", "a1");
  await append(us, "a", "a2");
  await eventually(() => expect(notes.seen).toEqual(["a1", "a2"]));
  await eventually(async () => {
    expect(await retries()).toEqual([
      { label: "a1", attempts: 1, parked: true, reason: "no answer within 0.2 s" },
      { label: "a2", attempts: 1, parked: true, reason: "no answer within 0.2 s" },
    ]);
  });
});

test("[PR9] killed between handling and saving the cursor: the event comes again, and the work goes on", async () => {
  const us = company();
  const notes = recorder("notes");
  let kill = true;
  start({
    ...notes,
    async handle(given, event) {
      await notes.handle(given, event);
      if (!kill) return;
      kill = false;
      // What the death of the process does to its connections.
      await endLockHolders();
    },
  });
  await append(us, "a", "a1");
  await eventually(() => expect(notes.seen).toEqual(["a1", "a1"]));
  await append(us, "a", "a2");
  await eventually(() => expect(notes.seen).toEqual(["a1", "a1", "a2"]));
  expect(await retries()).toEqual([]);
});

async function endLockHolders() {
  const owner = new pg.Client({ connectionString: ctx.url });
  await owner.connect();
  const { rowCount } = await owner.query(
    `select pg_terminate_backend(pid) from pg_locks
      where locktype = 'advisory' and granted and database = (select oid from pg_database where datname = current_database())`,
  );
  await owner.end();
  expect(rowCount).toBe(1);
}

test("of two processes one runs a consumer, and the other takes over when the first is gone", async () => {
  const us = company();
  const first = recorder("notes");
  const second = recorder("notes");
  const running = start(first);
  await append(us, "a", "a1");
  await eventually(() => expect(first.seen).toEqual(["a1"]));
  start(second);
  await append(us, "a", "a2");
  await eventually(() => expect(first.seen).toEqual(["a1", "a2"]));
  await running.stop();
  await append(us, "a", "a3");
  await eventually(() => expect(second.seen).toEqual(["a3"]));
  expect(first.seen).toEqual(["a1", "a2"]);
});

test("a parked event is listed and replayed for its company, and hidden from others", async () => {
  const us = company();
  const them = company();
  let broken = true;
  const notes = recorder("notes", () => broken, { maxAttempts: 1 });
  const running = start(notes);
  for (const label of ["one", "two", "three"]) await append(us, "a", label);
  await eventually(async () => expect(await retries()).toHaveLength(3));

  const firstPage = await listParkedEvents(us, { limit: 2 });
  expect(firstPage.items.map((item) => parkedEvent.parse(item))).toMatchObject([
    { consumer: "notes", eventType: "thing.happened", subjectId: "a", attempts: 1, reason: "the provider said no" },
    { consumer: "notes" },
  ]);
  const secondPage = await listParkedEvents(us, { limit: 2, cursor: firstPage.next! });
  expect(secondPage.items).toHaveLength(1);
  expect(secondPage.next).toBeNull();
  expect(await listParkedEvents(them, { limit: 2 })).toEqual({ items: [], next: null });
  await expect(listParkedEvents(us, { limit: 2, cursor: "x" })).rejects.toMatchObject({ code: "VALIDATION" });

  const { consumer, eventId } = secondPage.items[0]!;
  await expect(replayParkedEvent(them, { consumer, eventId })).rejects.toMatchObject({ code: "NOT_FOUND" });
  await expect(replayParkedEvent(us, { consumer: "other", eventId })).rejects.toMatchObject({ code: "NOT_FOUND" });
  await expect(replayParkedEvent(us, { consumer, eventId: "9".repeat(19) })).rejects.toMatchObject({
    code: "NOT_FOUND",
  });
  broken = false;
  await replayParkedEvent(us, { consumer, eventId });
  running.wake();
  await eventually(() => expect(notes.seen).toEqual(["one", "two", "three", "one"]));
  await eventually(async () => expect(await retries()).toHaveLength(2));
});

test("an error of ours is recorded by its code, and lag is measured", async () => {
  const us = company();
  start({
    name: "notes",
    types: ["thing.happened"],
    maxAttempts: 1,
    handle: async () => {
      throw new AppError("RATE_LIMITED", { message: "text of a customer" });
    },
  });
  await append(us, "a", "one");
  await eventually(async () => expect(await retries()).toMatchObject([{ reason: "RATE_LIMITED" }]));
  const { values } = await ctx.metrics.consumerLagSeconds.get();
  expect(values).toMatchObject([{ labels: { consumer: "notes" }, value: expect.any(Number) }]);
});

test("many companies and subjects, failing at random: everything is handled, each subject in order", async () => {
  const companies: CompanyId[] = [newId("company"), newId("company")];
  const done = new Map<string, number[]>();
  const running = start({
    name: "notes",
    types: ["thing.happened"],
    maxAttempts: 1_000,
    async handle(_given, event) {
      if (Math.random() < 0.3) throw new Error("bad luck");
      const key = `${event.companyId} ${event.subjectId}`;
      done.set(key, [...(done.get(key) ?? []), Number(event.data.label)]);
    },
  });
  for (let i = 0; i < 60; i++) await append(systemCtx(ctx, companies[i % 2]!, "test"), `s${i % 6}`, String(i));
  await eventually(async () => {
    await becomeDue();
    running.wake();
    expect([...done.values()].flat()).toHaveLength(60);
  });
  for (const labels of done.values()) expect(labels).toEqual([...labels].sort((a, b) => a - b));
});
