-- Roles that the server takes on. None owns a table or bypasses row-level security.
do $$
declare wanted text;
begin
  foreach wanted in array array['presszero_app', 'presszero_writer', 'presszero_worker'] loop
    begin
      execute format('create role %I nologin', wanted);
    exception when duplicate_object or unique_violation then null;
    end;
    execute format('grant %I to current_user', wanted);
  end loop;
end $$;

-- The company whose rows this transaction may see; null sees none.
create function current_company() returns text
  language sql stable parallel safe
  return nullif(current_setting('presszero.company_id', true), '');

-- Second wall: every table with a company_id goes through here.
create procedure protect_company_table(target regclass)
language plpgsql as $$
begin
  execute format('alter table %s enable row level security', target);
  execute format('alter table %s force row level security', target);
  execute format('create policy company on %s to presszero_app using (company_id = (select current_company()))'
                 ' with check (company_id = (select current_company()))', target);
  execute format('grant select, insert, update, delete on %s to presszero_app', target);
end $$;

-- Facts about the installation: the epoch (changed by every restore), the first-admin token.
create table system_meta (
  name text primary key,
  value text not null
);
grant select, insert, update, delete on system_meta to presszero_app;
grant select on system_meta to presszero_writer, presszero_worker;
insert into system_meta (name, value) values ('epoch', substr(md5(random()::text || clock_timestamp()::text), 1, 16));

-- Events of subjects without lanes take their seq from here: unique, not gap-free.
create sequence event_free_seq;
grant usage on sequence event_free_seq to presszero_app, presszero_writer;

-- The event log. Ids commit out of order, so readers go by (xid, id) below the snapshot's horizon.
create table event (
  company_id text collate "C" not null,
  subject_id text collate "C" not null,
  seq bigint not null,
  public_seq bigint not null,
  is_public boolean not null,
  type text not null,
  actor_type text not null,
  actor_id text collate "C" not null,
  ref_id text collate "C",
  data jsonb not null default '{}',
  created_at timestamptz(3) not null default clock_timestamp(),
  xid xid8 not null default pg_current_xact_id(),
  id bigint not null generated always as identity,
  primary key (company_id, subject_id, seq)
);
create index event_log_position on event (xid, id);
call protect_company_table('event');
revoke update, delete on event from presszero_app;
grant select on event to presszero_worker;
create policy log_reader on event for select to presszero_worker using (true);

-- Where each consumer stands in the log.
create table consumer (
  name text primary key,
  xid xid8 not null,
  id bigint not null
);
grant select, insert, update on consumer to presszero_worker;

-- Events that a consumer failed on, or that wait behind such a one of the same subject.
create table consumer_retry (
  company_id text collate "C" not null,
  consumer text not null,
  event_id bigint not null,
  subject_id text collate "C" not null,
  event_type text not null,
  seq bigint not null,
  attempts int not null default 0,
  next_at timestamptz not null default clock_timestamp(),
  reason text,
  parked_at timestamptz,
  primary key (company_id, consumer, event_id)
);
create index consumer_retry_due on consumer_retry (consumer, next_at) where parked_at is null;
create index consumer_retry_subject on consumer_retry (company_id, consumer, subject_id) where parked_at is null;
call protect_company_table('consumer_retry');
grant select, insert, update, delete on consumer_retry to presszero_worker;
create policy worker on consumer_retry to presszero_worker using (true) with check (true);
