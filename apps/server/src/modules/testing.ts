// For tests only: companies with people, in the state that the services leave behind.
import { randomBytes, randomUUID } from "node:crypto";
import { type CompanyId, type Permission, permissions } from "@presszero/contracts";
import type { Actor, Ctx, SystemCtx } from "../kernel/context.ts";
import { newId } from "../kernel/ids.ts";
import { formatToken, hashSecret, newSecret } from "../kernel/tokens.ts";

export type TestCompany = {
  companyId: CompanyId;
  widgetKey: string;
  admin: Ctx;
  agent: Ctx;
  customer: Ctx;
  otherCustomer: Ctx;
};

const tokens = new WeakMap<Ctx, string>();

/** The bearer token of somebody of a test company. */
export function tokenOf(ctx: Ctx): string {
  return tokens.get(ctx)!;
}

/** A company with an admin, an agent and two customers, each as a context to call services with. */
export async function createTestCompany(system: SystemCtx, name = "Kestrel & Finch"): Promise<TestCompany> {
  const companyId = newId("company");
  const widgetKey = randomBytes(8).toString("hex");
  const client = await system.database.app.connect();
  const as = (actor: Actor): Ctx => ({ ...system, companyId, actor });
  const insert = (text: string, values: unknown[]) => client.query(text, values);
  try {
    await client.query("begin");
    await client.query(`select set_config('presszero.company_id', '${companyId}', true)`);
    await insert("insert into company (id, name, slug, widget_key) values ($1, $2, $3, $4)", [
      companyId,
      name,
      randomBytes(6).toString("hex"),
      widgetKey,
    ]);
    const enter = (kind: "pzs" | "pzg", actor: Actor, secret: string): Ctx => {
      const ctx = as(actor);
      tokens.set(ctx, formatToken(kind, companyId, secret));
      return ctx;
    };
    const staff = async (personName: string, role: "company_admin" | "agent"): Promise<Ctx> => {
      const id = newId("agent");
      const sessionId = newId("session");
      const secret = newSecret();
      const email = `${id}@example.com`;
      await insert(
        "insert into agent (company_id, id, name, email, password_hash, role) values ($1, $2, $3, $4, 'none', $5)",
        [companyId, id, personName, email, role],
      );
      await insert(
        `insert into session (company_id, id, agent_id, secret_hash, user_agent, created_at, last_used_at, expires_at)
         values ($1, $2, $3, $4, 'test', now(), now(), now() + interval '1 day')`,
        [companyId, sessionId, id, hashSecret(secret)],
      );
      const all: readonly Permission[] = permissions;
      const actor = { type: "agent" as const, id, name: personName, role, permissions: new Set(all), sessionId };
      return enter("pzs", actor, secret);
    };
    const customer = async (personName: string | null): Promise<Ctx> => {
      const id = newId("contact");
      const sessionId = newId("guestSession");
      const secret = newSecret();
      await insert("insert into contact (company_id, id, name) values ($1, $2, $3)", [companyId, id, personName]);
      await insert(
        `insert into guest_session (company_id, id, contact_id, secret_hash, device_id, created_at, last_used_at, expires_at)
         values ($1, $2, $3, $4, $5, now(), now(), now() + interval '1 day')`,
        [companyId, sessionId, id, hashSecret(secret), randomUUID()],
      );
      return enter("pzg", { type: "contact", id, name: personName, sessionId }, secret);
    };
    const company = {
      companyId,
      widgetKey,
      admin: await staff("Amara Okafor", "company_admin"),
      agent: await staff("Jonas Weber", "agent"),
      customer: await customer("Mia"),
      otherCustomer: await customer(null),
    };
    await client.query("commit");
    return company;
  } finally {
    client.release();
  }
}
