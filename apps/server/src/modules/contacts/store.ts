import type { ConsentId, ContactId } from "@presszero/contracts";
import type { Ctx } from "../../kernel/context.ts";
import type { InTx } from "../../kernel/database.ts";

type Tables = {
  contact: {
    company_id: string;
    id: ContactId;
    name: string | null;
    email: string | null;
    locale: string | null;
    created_at: Date;
  };
  consent: {
    company_id: string;
    id: ConsentId;
    contact_id: ContactId;
    version: string;
    locale: string;
    ip_truncated: string;
    user_agent_hash: Buffer;
    created_at: Date;
  };
};

const tables = (ctx: InTx) => ctx.tx.withTables<Tables>();

export async function insertContact(
  ctx: Ctx & InTx,
  contact: { id: ContactId; name: string | null; locale: string; created_at: Date },
): Promise<void> {
  await tables(ctx)
    .insertInto("contact")
    .values({ ...contact, company_id: ctx.companyId })
    .execute();
}

export async function insertConsent(ctx: Ctx & InTx, consent: Omit<Tables["consent"], "company_id">): Promise<void> {
  await tables(ctx)
    .insertInto("consent")
    .values({ ...consent, company_id: ctx.companyId })
    .execute();
}
