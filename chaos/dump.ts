import type pg from "pg";

/** The database at the end, as far as the invariants speak of it. Lanes: `seq` of staff, `publicSeq` of customers. */
export type Dump = {
  conversations: { company: string; c: string; contact: string; seq: number; publicSeq: number }[];
  events: {
    company: string;
    c: string;
    seq: number;
    publicSeq: number;
    isPublic: boolean;
    type: string;
    mid: string | null;
  }[];
  messages: {
    company: string;
    c: string;
    mid: string;
    cid: string;
    device: string;
    author: string;
    kind: string;
    text: string;
    seq: number;
    publicSeq: number;
  }[];
  marks: { c: string; reader: string; side: "business" | "contact"; read: number }[];
  /** Consumers of the event log, and how many events each has not read. */
  consumers: { name: string; behind: number }[];
  /** Events that a consumer has to try again, or gave up on with a reason. */
  retries: { consumer: string; event: string; isParked: boolean; reason: string | null }[];
  /** Jobs that are held longer than their lease. */
  stuckJobs: { name: string; id: string; seconds: number }[];
};

const number = (value: unknown) => Number(value);

export async function dumpDatabase(client: pg.Client): Promise<Dump> {
  const rows = async <T extends pg.QueryResultRow>(text: string) => (await client.query<T>(text)).rows;
  const conversations = await rows<Dump["conversations"][number]>(
    `select company_id as company, id as c, contact_id as contact, seq, public_seq as "publicSeq" from conversation`,
  );
  const events = await rows<Dump["events"][number]>(
    `select company_id as company, subject_id as c, seq, public_seq as "publicSeq", is_public as "isPublic", type,
            ref_id as mid
     from event where subject_id like 'cnv\\_%' order by subject_id, seq`,
  );
  const messages = await rows<Dump["messages"][number]>(
    `select company_id as company, conversation_id as c, id as mid, client_id as cid, device_id as device,
            author_id as author, kind, text, seq, public_seq as "publicSeq"
     from message order by conversation_id, seq`,
  );
  const marks = await rows<Dump["marks"][number]>(
    `select conversation_id as c, reader_id as reader,
            case reader_type when 'contact' then 'contact' else 'business' end as side,
            case reader_type when 'contact' then read_public_seq else read_seq end as read
     from conversation_mark`,
  );
  const consumers = await rows<Dump["consumers"][number]>(
    `select c.name, (select count(*) from event e where (e.xid, e.id) > (c.xid, c.id)) as behind from consumer c`,
  );
  const retries = await rows<Dump["retries"][number]>(
    `select consumer, event_id::text as event, parked_at is not null as "isParked", reason from consumer_retry`,
  );
  const [hasJobs] = await rows<{ exists: boolean }>(`select to_regclass('pgboss.job') is not null as exists`);
  const stuckJobs = hasJobs?.exists
    ? await rows<Dump["stuckJobs"][number]>(
        `select name, id::text as id, extract(epoch from clock_timestamp() - started_on)::int as seconds
         from pgboss.job
         where state = 'active' and started_on < clock_timestamp() - make_interval(secs => expire_seconds + 5)`,
      )
    : [];
  // Postgres sends bigints as text.
  return {
    conversations: conversations.map((row) => ({ ...row, seq: number(row.seq), publicSeq: number(row.publicSeq) })),
    events: events.map((row) => ({ ...row, seq: number(row.seq), publicSeq: number(row.publicSeq) })),
    messages: messages.map((row) => ({ ...row, seq: number(row.seq), publicSeq: number(row.publicSeq) })),
    marks: marks.map((row) => ({ ...row, read: number(row.read) })),
    consumers: consumers.map((row) => ({ ...row, behind: number(row.behind) })),
    retries,
    stuckJobs,
  };
}
