-- owner: contacts

create table contact (
  company_id text collate "C" not null,
  id text collate "C" not null,
  name text,
  email text collate "C",
  locale text,
  created_at timestamptz(3) not null default clock_timestamp(),
  primary key (company_id, id),
  foreign key (company_id) references company (id)
);
call protect_company_table('contact');
grant select on contact to presszero_writer;
create policy writer_reads on contact for select to presszero_writer using (true);

alter table guest_session add foreign key (company_id, contact_id) references contact (company_id, id);

-- What a person agreed to, when and from where: a record that is only ever added to.
create table consent (
  company_id text collate "C" not null,
  id text collate "C" not null,
  contact_id text collate "C" not null,
  version text not null,
  locale text not null,
  ip_truncated text not null,
  user_agent_hash bytea not null,
  created_at timestamptz(3) not null default clock_timestamp(),
  primary key (company_id, id),
  foreign key (company_id, contact_id) references contact (company_id, id)
);
create index consent_of_contact on consent (company_id, contact_id);
call protect_company_table('consent');
revoke update on consent from presszero_app;
