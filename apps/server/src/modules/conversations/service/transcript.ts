import type { ConversationId, Transcript } from "@presszero/contracts";
import type { Ctx } from "../../../kernel/context.ts";
import { inTx } from "../../../kernel/database.ts";
import { accessLaneHead } from "../access.ts";
import { formatTranscript } from "../transcript.ts";
import { listLaneEvents } from "../views.ts";
import { toWire } from "../wire.ts";

const pageSize = 500;
const mostMessages = 5_000;

export type TranscriptQuery = { format: "text" | "json"; locale: string; timeZone: string };

/** What both sides said to each other, in the customer's lane whoever asks: notes are in no transcript. */
export async function getTranscript(ctx: Ctx, id: ConversationId, query: TranscriptQuery): Promise<Transcript> {
  return inTx(ctx, async (tx) => {
    await accessLaneHead(tx, id);
    const events = [];
    let before: number | undefined;
    while (events.length < mostMessages) {
      const page = await listLaneEvents(tx, "contact", id, { before, limit: pageSize });
      events.unshift(...page);
      before = page[0]?.publicSeq;
      if (page.length < pageSize) break;
    }
    const messages = events.flatMap((event) => {
      const wire = toWire(event, { side: "contact", isAuthor: false });
      return wire.kind === "message.created" ? [wire.data] : [];
    });
    return formatTranscript(id, messages, query);
  });
}
