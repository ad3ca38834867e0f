import pg from "pg";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Job, startJobs } from "./jobs.ts";
import { createTestCtx, type TestCtx } from "./testing.ts";

let ctx: TestCtx;

beforeEach(async () => void (ctx = await createTestCtx()));
afterEach(() => ctx.close());

async function asOwner(statement: string): Promise<unknown[]> {
  const owner = new pg.Client({ connectionString: ctx.url });
  await owner.connect();
  const { rows } = await owner.query(statement);
  await owner.end();
  return rows;
}

const schedules = () => asOwner("select name, cron, timezone from pgboss.schedule");
const eventually = (check: () => unknown) => vi.waitFor(check, { timeout: 20_000 });

test("a sent job runs with its data, and a failing one is tried again", async () => {
  const done: unknown[] = [];
  const flaky: Job = {
    name: "flaky",
    run: async (_ctx, data) => {
      done.push(data);
      if (done.length === 1) throw new Error("not yet");
    },
  };
  const jobs = await startJobs(ctx, ctx.url, [flaky]);
  try {
    await jobs.send("flaky", { companyId: "cmp_1" });
    await eventually(async () => {
      await asOwner("update pgboss.job set start_after = now() where state = 'retry'");
      expect(done).toHaveLength(2);
    });
    expect(done).toEqual([{ companyId: "cmp_1" }, { companyId: "cmp_1" }]);
  } finally {
    await jobs.stop();
  }
});

test("a schedule is kept in UTC, survives a restart, and goes when its job loses it", async () => {
  const runs: string[] = [];
  const tick: Job = { name: "tick", cron: "* * * * *", run: async () => void runs.push("tick") };
  const first = await startJobs(ctx, ctx.url, [tick]);
  await first.stop();
  const second = await startJobs(ctx, ctx.url, [tick]);
  expect(await schedules()).toEqual([{ name: "tick", cron: "* * * * *", timezone: "UTC" }]);
  await second.stop();
  const third = await startJobs(ctx, ctx.url, [{ name: "tick", run: tick.run }]);
  expect(await schedules()).toEqual([]);
  await third.stop();
});
