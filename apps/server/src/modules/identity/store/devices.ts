import { sql } from "kysely";
import { type InCompany, type OwnerType, tables } from "./tables.ts";

export type OwnedDevice = { id: string; ownerType: OwnerType; ownerId: string };

export async function isDeviceOf(ctx: InCompany, device: OwnedDevice): Promise<boolean> {
  const row = await tables(ctx)
    .selectFrom("device")
    .select("id")
    .where("company_id", "=", ctx.companyId)
    .where("id", "=", device.id)
    .where("owner_type", "=", device.ownerType)
    .where("owner_id", "=", device.ownerId)
    .executeTakeFirst();
  return row !== undefined;
}

/** False if the device belongs to somebody else. */
export async function claimDevice(ctx: InCompany, device: OwnedDevice, now: Date): Promise<boolean> {
  const row = await tables(ctx)
    .insertInto("device")
    .values({
      company_id: ctx.companyId,
      id: device.id,
      owner_type: device.ownerType,
      owner_id: device.ownerId,
      last_seen_at: now,
    })
    .onConflict((conflict) =>
      conflict
        .columns(["company_id", "id"])
        .doUpdateSet({ last_seen_at: now })
        .where("device.owner_type", "=", device.ownerType)
        .where("device.owner_id", "=", device.ownerId),
    )
    .returning("id")
    .executeTakeFirst();
  return row !== undefined;
}

export type TicketRow = { owner_type: OwnerType; owner_id: string; session_id: string | null; device_id: string };

/** Valid for a minute of the database's time, which all processes share. Returns when it ends. */
export async function insertTicket(ctx: InCompany, ticket: TicketRow & { secret_hash: Buffer }): Promise<Date> {
  const { rows } = await sql<{ expires_at: Date }>`
    insert into realtime_ticket (company_id, secret_hash, owner_type, owner_id, session_id, device_id, expires_at)
    values (${ctx.companyId}, ${ticket.secret_hash}, ${ticket.owner_type}, ${ticket.owner_id}, ${ticket.session_id},
            ${ticket.device_id}, clock_timestamp() + interval '60 seconds')
    returning expires_at`.execute(ctx.tx);
  return rows[0]!.expires_at;
}

/** Takes the ticket, so that nobody can take it again. */
export async function takeTicket(
  ctx: InCompany,
  secretHash: Buffer,
): Promise<(TicketRow & { is_live: boolean }) | null> {
  const { rows } = await sql<TicketRow & { is_live: boolean }>`
    delete from realtime_ticket
     where company_id = ${ctx.companyId} and secret_hash = ${secretHash}
    returning owner_type, owner_id, session_id, device_id, expires_at > clock_timestamp() as is_live`.execute(ctx.tx);
  return rows[0] ?? null;
}

export async function deleteTicketsOf(ctx: InCompany, ownerId: string): Promise<void> {
  await sql`delete from realtime_ticket where company_id = ${ctx.companyId} and owner_id = ${ownerId}`.execute(ctx.tx);
}
