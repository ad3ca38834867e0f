-- owner: conversations

-- Hot row: counters change with every message. Room on the page and no index on them keep those updates heap-only.
-- `listed_at` orders lists; it follows `activity_at` in steps of ten seconds, because it is indexed.
create table conversation (
  company_id text collate "C" not null,
  id text collate "C" not null,
  contact_id text collate "C" not null,
  channel text not null,
  status text not null default 'open' check (status in ('open', 'closed')),
  assignee_id text collate "C",
  seq bigint not null default 0,
  public_seq bigint not null default 0,
  contact_messages int not null default 0,
  business_messages int not null default 0,
  last_message_id text collate "C",
  last_public_message_id text collate "C",
  started_at timestamptz(3) not null,
  activity_at timestamptz(3) not null,
  public_activity_at timestamptz(3) not null,
  listed_at timestamptz(3) not null,
  primary key (company_id, id),
  foreign key (company_id) references company (id),
  foreign key (company_id, contact_id) references contact (company_id, id),
  foreign key (company_id, assignee_id) references agent (company_id, id)
) with (fillfactor = 50);
-- None of these begins with company_id: as long as there are no statistics, a planner takes any index that does for as good
-- as the primary key, and looks through all of the company's conversations to find the one it locks, updates or refers to.
create index conversation_listed on conversation (status, company_id, listed_at desc);
create index conversation_of_contact on conversation (contact_id, company_id, listed_at desc);
create index conversation_assigned on conversation (assignee_id, company_id, listed_at desc) where status = 'open';
call protect_company_table('conversation');
grant select, update on conversation to presszero_writer;
create policy writer on conversation to presszero_writer using (true) with check (true);

-- The client id is unique per device for ever: a repeated send finds its message here. No foreign key to the conversation:
-- commit_messages, the only way in, holds the lock on its row, and checking once more for each message is a tenth of the
-- whole commit.
create table message (
  company_id text collate "C" not null,
  id text collate "C" not null,
  conversation_id text collate "C" not null,
  seq bigint not null,
  public_seq bigint not null,
  device_id text collate "C" not null,
  client_id uuid not null,
  body_hash bytea not null,
  author_type text not null,
  author_id text collate "C" not null,
  kind text not null check (kind in ('text', 'note', 'form', 'cards', 'answer')),
  text text not null,
  content jsonb,
  reply_to_id text collate "C",
  revision int not null default 0,
  edited_at timestamptz(3),
  deleted_at timestamptz(3),
  created_at timestamptz(3) not null,
  constraint message_client_id unique (company_id, device_id, client_id)
);
-- Made last, because of two indexes that seem to cost the same PostgreSQL takes the younger one: on a table that was not
-- analyzed yet it would look for one message among all of the company otherwise.
alter table message add primary key (company_id, id);
call protect_company_table('message');
revoke delete on message from presszero_app;
grant select, insert on message to presszero_writer;
create policy writer on message to presszero_writer using (true) with check (true);

-- What a message said before it was edited: for staff, and gone when the message is deleted.
create table message_revision (
  company_id text collate "C" not null,
  message_id text collate "C" not null,
  revision int not null,
  text text not null,
  replaced_at timestamptz(3) not null default clock_timestamp(),
  primary key (company_id, message_id, revision),
  foreign key (company_id, message_id) references message (company_id, id)
);
call protect_company_table('message_revision');

create table message_reaction (
  company_id text collate "C" not null,
  message_id text collate "C" not null,
  author_type text not null,
  author_id text collate "C" not null,
  emoji text not null,
  created_at timestamptz(3) not null default clock_timestamp(),
  primary key (company_id, message_id, author_id, emoji),
  foreign key (company_id, message_id) references message (company_id, id)
);
call protect_company_table('message_reaction');

grant select, insert on event to presszero_writer;
create policy writer_reads on event for select to presszero_writer using (true);
create policy writer_appends on event for insert to presszero_writer with check (true);

-- How far each reader's devices have received and read, in both lanes; `seen_messages` counts the other side's messages
-- up to the read mark, so that unread is a subtraction.
create table conversation_mark (
  company_id text collate "C" not null,
  conversation_id text collate "C" not null,
  reader_id text collate "C" not null,
  reader_type text not null,
  delivered_seq bigint not null default 0,
  delivered_public_seq bigint not null default 0,
  read_seq bigint not null default 0,
  read_public_seq bigint not null default 0,
  seen_messages int not null default 0,
  primary key (company_id, conversation_id, reader_id),
  foreign key (company_id, conversation_id) references conversation (company_id, id)
) with (fillfactor = 70);
call protect_company_table('conversation_mark');
grant select, insert, update on conversation_mark to presszero_writer;
create policy writer on conversation_mark to presszero_writer using (true) with check (true);

-- The commit rule for a batch of messages of any companies. One row comes back for every input row:
--   ok         stored; seq and public_seq are its places in the two lanes
--   duplicate  the same client id stored the same message before; its places
--   conflict   the same client id was used with another body or conversation
--   closed     staff may not reply in a closed conversation (a customer's message reopens it, a note may be added)
--   not_found  no such conversation for this author, or the author may no longer act
--   no_target  the message that it answers is not in this conversation, or not for this author to see
--   busy       without p_wait: another transaction holds the conversation; try again with p_wait, apart from the others
-- The conversations are locked first, in one order; only then are duplicates looked for and numbers given, each statement
-- with a fresh snapshot. So a duplicate never takes a number, and a number never leaves a hole.
-- Input rows must not repeat a (company, device, client id) among themselves: the caller sees to it.
create function commit_messages(
  p_company text[], p_conversation text[], p_message text[], p_device text[], p_client uuid[], p_hash bytea[],
  p_author_type text[], p_author text[], p_kind text[], p_text text[], p_content jsonb[], p_reply_to text[], p_wait boolean
) returns table (
  ord bigint, outcome text, message_id text, conversation_id text, seq bigint, public_seq bigint, created_at timestamptz
)
-- Plans are kept: one that was made for an empty table would read all of it when it has grown.
language plpgsql set enable_seqscan = off as $$
#variable_conflict use_column
declare
  any_closed boolean;
  held text[];
  stamp constant timestamptz(3) := clock_timestamp();
begin
  if p_wait then
    select coalesce(bool_or(locked.status = 'closed'), false), array_agg(locked.id) into any_closed, held
    from (
      select c.id, c.status from conversation c
      where (c.company_id, c.id) in (select u.a, u.b from unnest(p_company, p_conversation) as u(a, b))
      order by c.company_id, c.id
      for no key update
    ) locked;
  else
    select coalesce(bool_or(locked.status = 'closed'), false), array_agg(locked.id) into any_closed, held
    from (
      select c.id, c.status from conversation c
      where (c.company_id, c.id) in (select u.a, u.b from unnest(p_company, p_conversation) as u(a, b))
      order by c.company_id, c.id
      for no key update skip locked
    ) locked;
  end if;

  if any_closed then
    with reopened as (
      update conversation c
      set status = 'open', seq = c.seq + 1, public_seq = c.public_seq + 1
      from (
        select distinct i.company_id, i.conversation_id, i.author_id
        from unnest(p_company, p_conversation, p_device, p_client, p_author_type, p_author, p_kind)
          as i(company_id, conversation_id, device_id, client_id, author_type, author_id, kind)
        where i.author_type = 'contact' and i.kind in ('text', 'answer') and i.conversation_id = any(held)
          and not exists (
            select 1 from message m
            where m.company_id = i.company_id and m.device_id = i.device_id and m.client_id = i.client_id)
      ) f
      where c.company_id = f.company_id and c.id = f.conversation_id and c.status = 'closed' and c.contact_id = f.author_id
      returning c.company_id, c.id, c.seq, c.public_seq, c.contact_id
    )
    insert into event (company_id, subject_id, seq, public_seq, is_public, type, actor_type, actor_id, created_at)
    select r.company_id, r.id, r.seq, r.public_seq, true, 'conversation.reopened', 'contact', r.contact_id, stamp
    from reopened r;
  end if;

  return query
  with input as (
    select * from unnest(p_company, p_conversation, p_message, p_device, p_client, p_hash, p_author_type, p_author,
                         p_kind, p_text, p_content, p_reply_to) with ordinality
      as i(company_id, conversation_id, message_id, device_id, client_id, body_hash, author_type, author_id, kind, text,
           content, reply_to_id, ord)
  ),
  known as (
    select i.ord, m.id, m.conversation_id, m.seq, m.public_seq, m.created_at,
           m.body_hash = i.body_hash and m.conversation_id = i.conversation_id and m.author_id = i.author_id as same
    from input i
    join message m on m.company_id = i.company_id and m.device_id = i.device_id and m.client_id = i.client_id
  ),
  fresh as (
    select i.*, c.seq as head, c.public_seq as public_head,
           case
             when c.id is null
               or (i.author_type = 'contact' and (c.contact_id <> i.author_id or i.kind not in ('text', 'answer')))
               or (i.author_type = 'agent' and not exists (
                     select 1 from agent a where a.company_id = i.company_id and a.id = i.author_id and a.status = 'active'))
               or (i.author_type = 'api_key' and not exists (
                     select 1 from api_key k
                     where k.company_id = i.company_id and k.id = i.author_id and k.revoked_at is null))
               then 'not_found'
             when h.id is null then 'busy'
             when c.status = 'closed' and i.kind <> 'note' then 'closed'
             when i.reply_to_id is not null and not exists (
                    select 1 from message r
                    where r.company_id = i.company_id and r.id = i.reply_to_id and r.conversation_id = i.conversation_id
                      and (i.kind = 'note' or r.kind <> 'note')
                      and (i.kind <> 'answer' or r.kind = 'form'))
               then 'no_target'
             else 'ok'
           end as outcome
    from input i
    left join conversation c on c.company_id = i.company_id and c.id = i.conversation_id
    left join unnest(held) as h(id) on h.id = i.conversation_id
    where not exists (select 1 from known k where k.ord = i.ord)
  ),
  numbered as (
    select f.*,
           f.head + row_number() over lane as seq,
           f.public_head + count(*) filter (where f.kind <> 'note') over lane as public_seq
    from fresh f
    where f.outcome = 'ok'
    window lane as (partition by f.company_id, f.conversation_id order by f.ord rows unbounded preceding)
  ),
  heads as (
    select n.company_id, n.conversation_id, max(n.seq) as seq, max(n.public_seq) as public_seq,
           count(*) filter (where n.author_type = 'contact') as contact_messages,
           count(*) filter (where n.author_type <> 'contact' and n.kind <> 'note') as business_messages,
           (array_agg(n.message_id order by n.seq desc))[1] as last_message_id,
           (array_agg(n.message_id order by n.seq desc) filter (where n.kind <> 'note'))[1] as last_public_message_id
    from numbered n
    group by n.company_id, n.conversation_id
  ),
  bumped as (
    update conversation c
    set seq = h.seq,
        public_seq = h.public_seq,
        contact_messages = c.contact_messages + h.contact_messages,
        business_messages = c.business_messages + h.business_messages,
        last_message_id = h.last_message_id,
        last_public_message_id = coalesce(h.last_public_message_id, c.last_public_message_id),
        activity_at = stamp,
        public_activity_at = case when h.last_public_message_id is null then c.public_activity_at else stamp end,
        listed_at = case when stamp - c.listed_at > interval '10 seconds' then stamp else c.listed_at end
    from heads h
    where c.company_id = h.company_id and c.id = h.conversation_id
  ),
  stored as (
    insert into message (company_id, id, conversation_id, seq, public_seq, device_id, client_id, body_hash, author_type,
                         author_id, kind, text, content, reply_to_id, created_at)
    select n.company_id, n.message_id, n.conversation_id, n.seq, n.public_seq, n.device_id, n.client_id, n.body_hash,
           n.author_type, n.author_id, n.kind, n.text, n.content, n.reply_to_id, stamp
    from numbered n
  ),
  logged as (
    insert into event (company_id, subject_id, seq, public_seq, is_public, type, actor_type, actor_id, ref_id, created_at)
    select n.company_id, n.conversation_id, n.seq, n.public_seq, n.kind <> 'note', 'message.created', n.author_type,
           n.author_id, n.message_id, stamp
    from numbered n
    order by n.company_id, n.conversation_id, n.seq
  )
  select n.ord, 'ok', n.message_id, n.conversation_id, n.seq, n.public_seq, stamp::timestamptz from numbered n
  union all
  select k.ord, case when k.same then 'duplicate' else 'conflict' end, k.id, k.conversation_id, k.seq, k.public_seq,
         k.created_at::timestamptz
  from known k
  union all
  select f.ord, f.outcome, null, f.conversation_id, null, null, null from fresh f where f.outcome <> 'ok';
end $$;

-- Merges marks: what a reader's device has received (`delivered`) and what the person has read, each a position in the
-- reader's own lane, clamped to its head; never goes back. Returns the marks that changed, in both lanes.
create function merge_marks(
  p_company text[], p_conversation text[], p_reader_type text[], p_reader text[], p_delivered bigint[], p_read bigint[]
) returns table (
  company_id text, conversation_id text, reader_type text, reader_id text,
  delivered_seq bigint, delivered_public_seq bigint, read_seq bigint, read_public_seq bigint, seen_messages int
)
language sql as $$
  with input as (
    select i.company_id, i.conversation_id, i.reader_type, i.reader_id,
           max(greatest(i.delivered, i.read)) as delivered, max(i.read) as read
    from unnest(p_company, p_conversation, p_reader_type, p_reader, p_delivered, p_read)
      as i(company_id, conversation_id, reader_type, reader_id, delivered, read)
    group by 1, 2, 3, 4
  ),
  clamped as (
    select i.company_id, i.conversation_id, i.reader_type, i.reader_id, c.contact_messages, c.business_messages,
           least(i.delivered, case i.reader_type when 'contact' then c.public_seq else c.seq end) as delivered,
           least(i.read, case i.reader_type when 'contact' then c.public_seq else c.seq end) as read
    from input i
    join conversation c on c.company_id = i.company_id and c.id = i.conversation_id
    where i.reader_type <> 'contact' or c.contact_id = i.reader_id
  ),
  -- A mark of zero is at no event: looking for it would read the whole conversation.
  placed as (
    select k.*,
      case k.reader_type when 'contact'
        then coalesce((select min(e.seq) from event e where e.company_id = k.company_id and e.subject_id = k.conversation_id
                       and k.delivered > 0 and e.seq >= k.delivered and e.public_seq = k.delivered and e.is_public), 0)
        else k.delivered end as delivered_seq,
      case k.reader_type when 'contact'
        then k.delivered
        else coalesce((select e.public_seq from event e where e.company_id = k.company_id
                       and e.subject_id = k.conversation_id and e.seq = k.delivered), 0) end as delivered_public_seq,
      case k.reader_type when 'contact'
        then coalesce((select min(e.seq) from event e where e.company_id = k.company_id and e.subject_id = k.conversation_id
                       and k.read > 0 and e.seq >= k.read and e.public_seq = k.read and e.is_public), 0)
        else k.read end as read_seq,
      case k.reader_type when 'contact'
        then k.read
        else coalesce((select e.public_seq from event e where e.company_id = k.company_id
                       and e.subject_id = k.conversation_id and e.seq = k.read), 0) end as read_public_seq
    from clamped k
  ),
  counted as (
    select p.*,
      (case p.reader_type when 'contact' then p.business_messages else p.contact_messages end
       - case when p.read = 0
           then case p.reader_type when 'contact' then p.business_messages else p.contact_messages end
           else (select count(*) from event e
                 where e.company_id = p.company_id and e.subject_id = p.conversation_id and e.seq > p.read_seq
                   and e.type = 'message.created' and e.is_public
                   and (e.actor_type = 'contact') = (p.reader_type <> 'contact')) end)::int as seen
    from placed p
  )
  insert into conversation_mark as m (company_id, conversation_id, reader_type, reader_id, delivered_seq,
    delivered_public_seq, read_seq, read_public_seq, seen_messages)
  select company_id, conversation_id, reader_type, reader_id, delivered_seq, delivered_public_seq, read_seq,
         read_public_seq, seen
  from counted
  on conflict (company_id, conversation_id, reader_id) do update
  set delivered_seq = greatest(m.delivered_seq, excluded.delivered_seq),
      delivered_public_seq = greatest(m.delivered_public_seq, excluded.delivered_public_seq),
      read_seq = greatest(m.read_seq, excluded.read_seq),
      read_public_seq = greatest(m.read_public_seq, excluded.read_public_seq),
      seen_messages = greatest(m.seen_messages, excluded.seen_messages)
  where excluded.delivered_seq > m.delivered_seq or excluded.read_seq > m.read_seq
  returning m.company_id, m.conversation_id, m.reader_type, m.reader_id, m.delivered_seq, m.delivered_public_seq,
            m.read_seq, m.read_public_seq, m.seen_messages;
$$;
