-- owner: identity

-- Global: the companies of this installation.
create table company (
  id text collate "C" primary key,
  name text not null,
  slug text collate "C" not null unique,
  widget_key text collate "C" not null unique,
  allowed_origins text[] not null default '{}',
  accent_color text not null default '#2f5bd7',
  status text not null default 'active' check (status in ('active', 'suspended')),
  consent_version text not null default 'v1',
  created_at timestamptz(3) not null default clock_timestamp()
);
grant select, insert, update on company to presszero_app;
grant select on company to presszero_writer;

create table agent (
  company_id text collate "C" not null,
  id text collate "C" not null,
  name text not null,
  email text collate "C" not null,
  password_hash text not null,
  role text not null check (role in ('company_admin', 'supervisor', 'agent')),
  status text not null default 'active' check (status in ('active', 'deactivated')),
  created_at timestamptz(3) not null default clock_timestamp(),
  primary key (company_id, id),
  constraint agent_email unique (company_id, email),
  foreign key (company_id) references company (id)
);
call protect_company_table('agent');
grant select on agent to presszero_writer;
create policy writer_reads on agent for select to presszero_writer using (true);

-- Global: who may manage the installation. Every row is an active agent.
create table platform_admin (
  company_id text collate "C" not null,
  agent_id text collate "C" not null,
  primary key (company_id, agent_id),
  foreign key (company_id, agent_id) references agent (company_id, id)
);
grant select, insert, update, delete on platform_admin to presszero_app;

-- Global: in which companies to look for a login.
create table sign_in_directory (
  email text collate "C" not null,
  company_id text collate "C" not null,
  primary key (email, company_id),
  foreign key (company_id) references company (id)
);
grant select, insert on sign_in_directory to presszero_app;

create table session (
  company_id text collate "C" not null,
  id text collate "C" not null,
  agent_id text collate "C" not null,
  secret_hash bytea not null,
  user_agent text not null,
  created_at timestamptz(3) not null,
  last_used_at timestamptz(3) not null,
  expires_at timestamptz(3) not null,
  revoked_at timestamptz(3),
  primary key (company_id, id),
  unique (company_id, secret_hash),
  foreign key (company_id, agent_id) references agent (company_id, id)
);
create index session_of_agent on session (company_id, agent_id, last_used_at desc) where revoked_at is null;
call protect_company_table('session');

-- An invitation is open until it is accepted, revoked or expired; its token is a signature and is not stored.
create table invitation (
  company_id text collate "C" not null,
  id text collate "C" not null,
  email text collate "C" not null,
  role text not null check (role in ('company_admin', 'supervisor', 'agent')),
  invited_by text not null,
  created_at timestamptz(3) not null,
  expires_at timestamptz(3) not null,
  accepted_at timestamptz(3),
  revoked_at timestamptz(3),
  primary key (company_id, id),
  foreign key (company_id) references company (id)
);
create unique index invitation_open on invitation (company_id, email) where accepted_at is null and revoked_at is null;
call protect_company_table('invitation');

create table api_key (
  company_id text collate "C" not null,
  id text collate "C" not null,
  name text not null,
  secret_hash bytea not null,
  prefix text not null,
  permissions text[] not null,
  created_by text collate "C" not null,
  created_at timestamptz(3) not null,
  last_used_at timestamptz(3),
  expires_at timestamptz(3),
  revoked_at timestamptz(3),
  primary key (company_id, id),
  unique (company_id, secret_hash),
  foreign key (company_id) references company (id)
);
call protect_company_table('api_key');
grant select on api_key to presszero_writer;
create policy writer_reads on api_key for select to presszero_writer using (true);

-- A customer without registration, on one browser or app. The contact is a foreign key from 0003 on.
create table guest_session (
  company_id text collate "C" not null,
  id text collate "C" not null,
  contact_id text collate "C" not null,
  secret_hash bytea not null,
  device_id uuid not null,
  created_at timestamptz(3) not null,
  last_used_at timestamptz(3) not null,
  expires_at timestamptz(3) not null,
  revoked_at timestamptz(3),
  primary key (company_id, id),
  unique (company_id, secret_hash),
  foreign key (company_id) references company (id)
);
create index guest_session_of_contact on guest_session (company_id, contact_id);
call protect_company_table('guest_session');

-- The client id of a message is unique per device, so a device belongs to one owner for ever.
create table device (
  company_id text collate "C" not null,
  id uuid not null,
  owner_type text not null,
  owner_id text collate "C" not null,
  last_seen_at timestamptz(3) not null,
  primary key (company_id, id),
  foreign key (company_id) references company (id)
);
call protect_company_table('device');

create table realtime_ticket (
  company_id text collate "C" not null,
  secret_hash bytea not null,
  owner_type text not null,
  owner_id text collate "C" not null,
  session_id text collate "C",
  device_id uuid not null,
  expires_at timestamptz(3) not null,
  primary key (company_id, secret_hash),
  foreign key (company_id, device_id) references device (company_id, id)
);
create index realtime_ticket_of_owner on realtime_ticket (company_id, owner_id);
call protect_company_table('realtime_ticket');
