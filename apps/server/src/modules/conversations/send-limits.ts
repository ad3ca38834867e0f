import type { Ctx } from "../../kernel/context.ts";
import type { Database } from "../../kernel/database.ts";
import { AppError } from "../../kernel/errors.ts";
import { createBucketTable } from "../../kernel/rate.ts";
import type { Limits } from "../../kernel/settings-limits.ts";
import { addressKey } from "../identity/index.ts";

type BucketTable = ReturnType<typeof createBucketTable>;

function createTables(limits: Limits) {
  return {
    agents: createBucketTable(limits.agentSends),
    customers: createBucketTable(limits.customerSends),
    companies: createBucketTable(limits.companySends),
    addresses: createBucketTable(limits.addressSends),
  };
}

const tablesOf = new WeakMap<Database, ReturnType<typeof createTables>>();

/**
 * RATE_LIMITED when this person, company or address sends too fast, whichever way the message comes in. Counted in this
 * process. Our own software and API keys are held to the company's rate alone.
 */
export function limitSends(ctx: Ctx): void {
  let tables = tablesOf.get(ctx.database);
  if (!tables) tablesOf.set(ctx.database, (tables = createTables(ctx.settings.limits)));
  const now = performance.now();
  const { actor, companyId, address } = ctx;
  const person = `${companyId} ${actor.id}`;
  const hold = (limit: keyof Limits, table: BucketTable, name: string) => {
    const waitMs = table.take(name, now);
    if (waitMs === 0) return;
    ctx.metrics.rateLimited.inc({ limit });
    throw new AppError("RATE_LIMITED", { retryAfterMs: waitMs });
  };
  if (actor.type === "agent") hold("agentSends", tables.agents, person);
  if (actor.type === "contact") {
    hold("customerSends", tables.customers, person);
    if (address !== undefined) hold("addressSends", tables.addresses, addressKey(address));
  }
  hold("companySends", tables.companies, companyId);
}
