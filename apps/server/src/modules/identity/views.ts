import type { ContactId, GuestSessionId } from "@presszero/contracts";
import { sql } from "kysely";
import type { Credential, InCompany } from "./store/tables.ts";

export type LiveGuest = { id: GuestSessionId; last_used_at: Date; contact_id: ContactId; name: string | null };

/** A guest session that counts: not revoked or expired, of an active company; with the name of the person. */
export async function findLiveGuest(
  ctx: InCompany,
  credential: Credential<GuestSessionId>,
  now: Date,
): Promise<LiveGuest | null> {
  const isIt = "id" in credential ? sql`g.id = ${credential.id}` : sql`g.secret_hash = ${credential.secretHash}`;
  const { rows } = await sql<LiveGuest>`
    select g.id, g.last_used_at, g.contact_id, p.name
      from guest_session g
      join contact p on p.company_id = g.company_id and p.id = g.contact_id
      join company c on c.id = g.company_id and c.status = 'active'
     where g.company_id = ${ctx.companyId} and ${isIt} and g.revoked_at is null and g.expires_at > ${now}`.execute(
    ctx.tx,
  );
  return rows[0] ?? null;
}
