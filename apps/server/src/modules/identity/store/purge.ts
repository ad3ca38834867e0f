import { sql } from "kysely";
import type { InCompany } from "./tables.ts";

/** Deletes what ended before `until`: sessions, guest sessions and invitations; and tickets that have expired. */
export async function purgeEnded(ctx: InCompany, until: Date): Promise<void> {
  const { companyId, tx } = ctx;
  await sql`delete from session
             where company_id = ${companyId} and least(revoked_at, expires_at) < ${until}`.execute(tx);
  await sql`delete from guest_session
             where company_id = ${companyId} and least(revoked_at, expires_at) < ${until}`.execute(tx);
  await sql`delete from invitation
             where company_id = ${companyId} and least(accepted_at, revoked_at, expires_at) < ${until}`.execute(tx);
  await sql`delete from realtime_ticket
             where company_id = ${companyId} and expires_at < clock_timestamp()`.execute(tx);
}
