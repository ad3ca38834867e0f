import type { Ctx } from "../../kernel/context.ts";
import type { Database } from "../../kernel/database.ts";
import { AppError } from "../../kernel/errors.ts";
import { createBucketTable } from "../../kernel/rate.ts";
import type { Limits } from "../../kernel/settings-limits.ts";
import { addressKey } from "../identity/index.ts";

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
  let waitMs = 0;
  if (actor.type === "agent") waitMs = tables.agents.take(person, now);
  if (actor.type === "contact") {
    waitMs = tables.customers.take(person, now);
    if (waitMs === 0 && address !== undefined) waitMs = tables.addresses.take(addressKey(address), now);
  }
  if (waitMs === 0) waitMs = tables.companies.take(companyId, now);
  if (waitMs > 0) throw new AppError("RATE_LIMITED", { retryAfterMs: waitMs });
}
