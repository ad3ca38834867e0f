import type { ParkedEvent } from "@presszero/contracts";
import { sql } from "kysely";
import type { Ctx } from "./context.ts";
import { encodeCursor, getCursorPosition } from "./cursor.ts";
import { inTx } from "./database.ts";
import { AppError } from "./errors.ts";

/** Parked events of the company, newest first. The caller has checked the permission. */
export async function listParkedEvents(
  ctx: Ctx,
  query: { cursor?: string; limit: number },
): Promise<{ items: ParkedEvent[]; next: string | null }> {
  const after = getCursorPosition<[eventId: number, consumer: string]>(ctx, "parked events", query.cursor);
  return inTx(ctx, async ({ tx, companyId }) => {
    const { rows } = await sql<{
      consumer: string;
      event_id: number;
      event_type: string;
      subject_id: string;
      attempts: number;
      reason: string | null;
      parked_at: Date;
    }>`
      select consumer, event_id, event_type, subject_id, attempts, reason, parked_at from consumer_retry
       where company_id = ${companyId} and parked_at is not null
         and (${after === null} or (event_id, consumer) < (${after?.[0] ?? 0}, ${after?.[1] ?? ""}))
       order by event_id desc, consumer desc limit ${query.limit + 1}`.execute(tx);
    const shown = rows.slice(0, query.limit);
    const last = rows.length > query.limit ? shown.at(-1) : undefined;
    return {
      items: shown.map((row) => ({
        consumer: row.consumer,
        eventId: String(row.event_id),
        eventType: row.event_type,
        subjectId: row.subject_id,
        attempts: row.attempts,
        reason: row.reason ?? "",
        parkedAt: row.parked_at.toISOString(),
      })),
      next: last ? encodeCursor(ctx, "parked events", [last.event_id, last.consumer]) : null,
    };
  });
}

/** Hands a parked event to its consumer again, with all its tries. The caller has checked the permission. */
export async function replayParkedEvent(ctx: Ctx, input: { consumer: string; eventId: string }): Promise<void> {
  await inTx(ctx, async ({ tx, companyId }) => {
    const { numAffectedRows } = await sql`
      update consumer_retry set parked_at = null, attempts = 0, next_at = clock_timestamp()
       where company_id = ${companyId} and consumer = ${input.consumer} and event_id = ${input.eventId}::numeric
         and parked_at is not null`.execute(tx);
    if (numAffectedRows === 0n) throw new AppError("NOT_FOUND");
  });
}
