import { PgBoss } from "pg-boss";
import type { SystemCtx } from "./context.ts";
import { describeFailure } from "./log.ts";

/** Work that no event triggers. It may run twice, so it is written to bear that. `cron` is in UTC. */
export type Job = {
  name: string;
  cron?: string;
  run(ctx: SystemCtx, data: Record<string, unknown>): Promise<void>;
};

export type Jobs = {
  /** Queues a job; a company's job names its company in the data. `after`: not before this time. */
  send(name: string, data: Record<string, unknown>, options?: { after?: Date }): Promise<void>;
  /** Waits up to 20 s for the jobs in hand; what is not done by then runs again elsewhere. */
  stop(): Promise<void>;
};

const stopMs = 20_000;

/** Runs jobs and schedules on pg-boss, in its own schema of the same database. `url` is that of the owning login. */
export async function startJobs(ctx: SystemCtx, url: string, jobs: readonly Job[]): Promise<Jobs> {
  const boss = new PgBoss({
    connectionString: url,
    schema: "pgboss",
    application_name: "presszero_jobs",
    max: 3,
    useListenNotify: true,
  });
  boss.on("error", (error) => ctx.log.error({ err: error }, "the job queue reports an error"));
  boss.on("warning", (warning) => ctx.log.warn({ warning: warning.message }, "the job queue warns"));
  await boss.start();
  for (const job of jobs) {
    // Full back-off from 5 s on; a job that takes longer than 15 minutes counts as failed.
    const queue = {
      notify: true,
      retryLimit: 8,
      retryDelay: 5,
      retryBackoff: true,
      retryDelayMax: 3600,
      expireInSeconds: 900,
    };
    await boss.createQueue(job.name, queue);
    await boss.updateQueue(job.name, queue);
    await boss.work(job.name, { pollingIntervalSeconds: 5, notifyPollingIntervalSeconds: 5 }, async ([item]) => {
      try {
        await job.run(ctx, (item?.data ?? {}) as Record<string, unknown>);
      } catch (error) {
        const reason = describeFailure(error);
        ctx.log.warn({ job: job.name, jobId: item?.id, reason }, "job failed");
        throw new Error(reason); // pg-boss stores what is thrown
      }
    });
    if (job.cron) await boss.schedule(job.name, job.cron, {}, { tz: "UTC" });
  }
  for (const { name } of await boss.getSchedules()) {
    if (!jobs.some((job) => job.name === name && job.cron)) await boss.unschedule(name);
  }
  return {
    async send(name, data, options = {}) {
      await boss.send(name, data, options.after ? { startAfter: options.after } : {});
    },
    stop: () => boss.stop({ graceful: true, timeout: stopMs }),
  };
}
