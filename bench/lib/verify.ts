// A result counts only when the database holds what was acknowledged: everything once, and numbered without a gap.
import type pg from "pg";

export type Stored = {
  conversationId: string;
  messages: number;
  /** Client ids that occur more than once on a device. */
  duplicates: number;
  events: number;
  /** Highest number among the events, and the conversation's own idea of it; the same for the customer's lane. */
  maxSeq: number;
  head: number;
  publicEvents: number;
  maxPublicSeq: number;
  publicHead: number;
};

export type Verdict = { lost: number; unexpected: number; duplicated: number; gaps: number; problems: string[] };

/** `expected`: how many messages each conversation holds when every acknowledged one is stored once and no other is. */
export function judge(expected: ReadonlyMap<string, number>, stored: readonly Stored[]): Verdict {
  const verdict: Verdict = { lost: 0, unexpected: 0, duplicated: 0, gaps: 0, problems: [] };
  const byId = new Map(stored.map((one) => [one.conversationId, one]));
  for (const [id, count] of expected) {
    const found = byId.get(id);
    const problems: string[] = [];
    const messages = found?.messages ?? 0;
    if (messages < count) {
      verdict.lost += count - messages;
      problems.push(`${count} messages were acknowledged, ${messages} are stored`);
    }
    if (messages > count) {
      verdict.unexpected += messages - count;
      problems.push(`${messages} messages are stored, only ${count} were acknowledged`);
    }
    if (found && found.duplicates > 0) {
      verdict.duplicated += found.duplicates;
      problems.push(`${found.duplicates} messages are stored twice`);
    }
    if (found && (found.maxSeq !== found.events || found.head !== found.events)) {
      verdict.gaps++;
      problems.push(`${found.events} events, the highest is ${found.maxSeq}, the conversation stands at ${found.head}`);
    }
    if (found && (found.maxPublicSeq !== found.publicEvents || found.publicHead !== found.publicEvents)) {
      verdict.gaps++;
      problems.push(
        `${found.publicEvents} public events, the highest is ${found.maxPublicSeq}, the lane stands at ${found.publicHead}`,
      );
    }
    verdict.problems.push(...problems.map((problem) => `${id}: ${problem}`));
  }
  return verdict;
}

export async function readStored(client: pg.Client, ids: readonly string[]): Promise<Stored[]> {
  const { rows } = await client.query<Record<keyof Stored, string>>(
    `select c.id as "conversationId", c.seq as head, c.public_seq as "publicHead",
            coalesce(m.messages, 0) as messages, coalesce(m.duplicates, 0) as duplicates, e.events, e.max_seq as "maxSeq",
            e.public_events as "publicEvents", e.max_public_seq as "maxPublicSeq"
     from conversation c
     left join (
       select conversation_id, count(*) as messages, count(*) - count(distinct (device_id, client_id)) as duplicates
       from message group by conversation_id
     ) m on m.conversation_id = c.id
     left join (
       select subject_id, count(*) as events, max(seq) as max_seq, count(*) filter (where is_public) as public_events,
              coalesce(max(public_seq) filter (where is_public), 0) as max_public_seq
       from event group by subject_id
     ) e on e.subject_id = c.id
     where c.id = any($1)`,
    [ids],
  );
  return rows.map((row) => ({
    conversationId: row.conversationId,
    messages: Number(row.messages),
    duplicates: Number(row.duplicates),
    events: Number(row.events),
    maxSeq: Number(row.maxSeq),
    head: Number(row.head),
    publicEvents: Number(row.publicEvents),
    maxPublicSeq: Number(row.maxPublicSeq),
    publicHead: Number(row.publicHead),
  }));
}
