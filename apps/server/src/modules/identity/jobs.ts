import { systemCtx } from "../../kernel/context.ts";
import { inTx } from "../../kernel/database.ts";
import type { Job } from "../../kernel/jobs.ts";
import { addDays } from "./rules.ts";
import { listCompanyIds } from "./service/companies.ts";
import { purgeEnded } from "./store/purge.ts";

const keptDays = 30;

/** Deletes sessions and invitations thirty days after they ended, and tickets that nobody used. */
const purge: Job = {
  name: "identity.purge",
  cron: "17 3 * * *",
  async run(ctx) {
    const until = addDays(ctx.clock.now(), -keptDays);
    for (const companyId of await listCompanyIds(ctx)) {
      await inTx(systemCtx(ctx, companyId, "job:identity.purge"), (tx) => purgeEnded(tx, until));
    }
  },
};

export const identityJobs: readonly Job[] = [purge];
