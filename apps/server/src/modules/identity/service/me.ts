import type { Me } from "@presszero/contracts";
import type { Ctx } from "../../../kernel/context.ts";
import { inTx } from "../../../kernel/database.ts";
import { AppError } from "../../../kernel/errors.ts";
import { findAgent, toAgent } from "../store/agents.ts";
import { findCompany, toCompany } from "../store/companies.ts";

/** Who the actor is, as they may see it themselves. */
export async function getMe(ctx: Ctx): Promise<Me> {
  const { actor, companyId } = ctx;
  if (actor.type === "api_key") {
    return { type: "api_key", id: actor.id, name: actor.name, companyId, permissions: [...actor.permissions] };
  }
  return inTx(ctx, async (tx) => {
    const company = await findCompany(tx, companyId);
    if (!company) throw new AppError("NOT_FOUND");
    if (actor.type === "contact") {
      return { type: "contact", id: actor.id, name: actor.name, companyId, companyName: company.name };
    }
    const agent = actor.type === "agent" ? await findAgent(tx, actor.id) : null;
    if (!agent || actor.type !== "agent") throw new AppError("NOT_FOUND");
    return { type: "agent", agent: toAgent(agent), company: toCompany(company), permissions: [...actor.permissions] };
  });
}
