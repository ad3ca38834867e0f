import { sql } from "kysely";
import type { Ctx } from "./context.ts";
import { authorOf } from "./context.ts";
import type { InTx } from "./database.ts";
import type { RecordedEvent } from "./bus.ts";

export type NewEvent = Pick<RecordedEvent, "subjectId" | "type" | "data"> & {
  /** Lane numbers, for subjects that have lanes. */
  lane?: { seq: number; publicSeq: number; isPublic: boolean };
  refId?: string;
  content?: unknown;
};

/** Appends a fact in the transaction that makes it true. Data holds ids and values that staff may see, never secrets. */
export async function appendEvent(ctx: Ctx & InTx, event: NewEvent): Promise<RecordedEvent> {
  const actor = authorOf(ctx.actor);
  const lane = event.lane ?? { seq: null, publicSeq: 0, isPublic: false };
  const { rows } = await sql<{ seq: number; created_at: Date }>`
    insert into event (company_id, subject_id, seq, public_seq, is_public, type, actor_type, actor_id, ref_id, data)
    values (${ctx.companyId}, ${event.subjectId}, coalesce(${lane.seq}::bigint, nextval('event_free_seq')),
            ${lane.publicSeq}, ${lane.isPublic}, ${event.type}, ${actor.type}, ${actor.id}, ${event.refId ?? null},
            ${JSON.stringify(event.data)}::jsonb)
    returning seq, created_at`.execute(ctx.tx);
  const recorded: RecordedEvent = {
    companyId: ctx.companyId,
    subjectId: event.subjectId,
    seq: rows[0]!.seq,
    publicSeq: lane.publicSeq,
    isPublic: lane.isPublic,
    type: event.type,
    actor,
    refId: event.refId ?? null,
    data: event.data,
    at: rows[0]!.created_at,
    content: event.content,
  };
  ctx.recorded.push(recorded);
  return recorded;
}
