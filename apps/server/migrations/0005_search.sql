-- owner: conversations

create extension if not exists btree_gin;

-- The words of messages, as src/modules/conversations/words.ts cuts them: without accents, in small letters, and Chinese,
-- Japanese and Korean in pairs of characters. Filled by a consumer, so that sending does not wait for it.
create table message_words (
  company_id text collate "C" not null,
  message_id text collate "C" not null,
  conversation_id text collate "C" not null,
  contact_id text collate "C" not null,
  is_public boolean not null,
  from_contact boolean not null,
  created_at timestamptz(3) not null,
  words tsvector not null,
  primary key (company_id, message_id),
  foreign key (company_id, message_id) references message (company_id, id)
);
-- Rare words are found by the first, and the newest of very many by the others.
create index message_words_words on message_words using gin (company_id, words);
create index message_words_newest on message_words (company_id, created_at desc, message_id desc);
create index message_words_of_contact on message_words (contact_id, company_id, created_at desc);
call protect_company_table('message_words');

-- What an agent has written in a conversation and not sent yet: the same on all their devices.
create table draft (
  company_id text collate "C" not null,
  conversation_id text collate "C" not null,
  agent_id text collate "C" not null,
  kind text not null check (kind in ('text', 'note')),
  text text not null,
  updated_at timestamptz(3) not null default clock_timestamp(),
  primary key (company_id, conversation_id, agent_id, kind),
  foreign key (company_id, conversation_id) references conversation (company_id, id),
  foreign key (company_id, agent_id) references agent (company_id, id)
);
call protect_company_table('draft');
