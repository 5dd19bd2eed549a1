-- One delivery is one provider message, with a state, an id and a history of its own ---------------------------------

alter table deliveries drop constraint deliveries_message_id_key;
alter table deliveries add column position integer not null default 1 check (position >= 1);
alter table deliveries add column body text;
alter table deliveries add column attempted_at timestamptz; -- when the last attempt began
alter table deliveries add column resends integer not null default 0; -- attempts after one whose outcome nobody knows

-- What was one row with all parts becomes one row a part; what waits in the queue is followed by its later parts.
create temporary table later_parts on commit drop as
select gen_random_uuid() as id, d.id as first_id, part.position::integer, part.body
  from deliveries d cross join unnest(d.parts) with ordinality as part (body, position)
 where part.position > 1;
update deliveries set body = parts[1];
alter table deliveries drop column parts;
insert into deliveries (id, message_id, channel, recipient, position, body, state, provider_id, attempts, detail,
                        created_at, updated_at)
select l.id, d.message_id, d.channel, d.recipient, l.position, l.body, d.state, d.provider_id, d.attempts, d.detail,
       d.created_at, d.updated_at
  from later_parts l join deliveries d on d.id = l.first_id;
with moved as (
    insert into message_queue (topic, key, payload, dedup_key)
    select q.topic, q.key, jsonb_build_object('delivery_id', l.id), l.id::text
      from later_parts l join message_queue q on q.payload ->> 'delivery_id' = l.first_id::text
     order by l.first_id, l.position
    returning topic, key
)
update queue_lanes lane set pending = lane.pending + moved.count
  from (select topic, key, count(*) as count from moved group by topic, key) as moved
 where lane.topic = moved.topic and lane.key = moved.key;

alter table deliveries alter column body set not null;
alter table deliveries add constraint deliveries_one_a_part unique (message_id, position);
create index deliveries_by_recipient on deliveries (channel, recipient, created_at);

-- Every word of a provider on a delivery, those that came too late to change its state included.
create table delivery_events (
    id           uuid primary key,
    delivery_id  uuid not null references deliveries on delete cascade,
    state        text not null,
    provider_id  text not null default '',
    code         text not null default '',
    detail       text not null default '',
    applied      boolean not null, -- false: it changed nothing, the delivery was further
    created_at   timestamptz not null default now(),
    unique (delivery_id, state, provider_id, code) -- the same word twice is one word
);

-- By which ids providers and later messages name a message: ours when it was sent, the customer's when it came.
create table provider_ids (
    channel      nonblank not null,
    provider_id  nonblank not null,
    message_id   uuid not null references messages on delete cascade,
    delivery_id  uuid references deliveries on delete cascade, -- null: it came in
    is_answered  boolean not null, -- answers name this one: a mail's Message-ID, not the mailbox's own
    created_at   timestamptz not null default now(),
    primary key (channel, provider_id)
);
create index provider_ids_by_message on provider_ids (message_id);

-- A callback may be here before the commit that knows its id.
create table delivery_updates_waiting (
    id           uuid primary key,
    channel      nonblank not null,
    provider_id  nonblank not null,
    state        text not null,
    code         text not null default '',
    detail       text not null default '',
    recipient    text,
    received_at  timestamptz not null default now(),
    unique (channel, provider_id, state, code)
);
create index delivery_updates_waiting_by_time on delivery_updates_waiting (received_at);

-- What was signed, and what we read in it: the same signature with another content is an attack.
create table hook_fingerprints (
    door         nonblank not null,
    fingerprint  nonblank not null,
    content      bytea not null, -- sha256 of what was read
    seen_at      timestamptz not null default now(),
    primary key (door, fingerprint)
);

-- Files ------------------------------------------------------------------------------------------------------------

create table files (
    id            uuid primary key, -- random: it is part of an address
    inbound_id    uuid references inbound on delete cascade,
    position      integer not null default 1,
    name          text not null, -- the sender's: shown, never a path
    content_type  text not null, -- the sender's claim
    size          bigint not null check (size >= 0),
    sha256        bytea not null,
    content_id    text not null default '',
    content       bytea not null,
    created_at    timestamptz not null default now()
);
create index files_by_inbound on files (inbound_id) where inbound_id is not null;

create table message_files (
    message_id  uuid not null references messages on delete cascade,
    file_id     uuid not null references files on delete cascade,
    position    integer not null,
    primary key (message_id, file_id)
);
create index message_files_by_file on message_files (file_id);

-- Messages in --------------------------------------------------------------------------------------------------------

alter table messages add column folded text not null default ''; -- quoted history and signature: kept, shown, not read

alter table inbound drop constraint inbound_outcome_check;
alter table inbound add constraint inbound_outcome_check
    check (outcome in ('received', 'filed', 'failed', 'suspended'));
alter table inbound add column notes text[] not null default '{}'; -- what was noticed when it was stored
create index inbound_suspended on inbound (received_at desc, id desc) where outcome = 'suspended';
create index inbound_newest on inbound (channel, received_at desc);

-- A provider's thread may hold two customers: each has a conversation of their own.
drop index conversations_by_thread;
create index conversations_by_thread on conversations (channel, provider_thread) where provider_thread is not null;

alter table channel_configs add column fetches bigint not null default 0; -- how many looks into the mailbox have begun
alter table channel_configs add column fetched_from timestamptz; -- when the last look that succeeded began
alter table channel_configs add column failures integer not null default 0; -- looks in a row that failed

-- One person on several channels -------------------------------------------------------------------------------------

alter table customers add column merged_into uuid references customers on delete set null;

create table customer_merges (
    id          uuid primary key,
    kept_id     uuid not null references customers on delete cascade,
    merged_id   uuid not null references customers on delete cascade,
    evidence    nonblank not null,
    moved       jsonb not null, -- the identifiers, conversations and tickets that changed hands
    created_at  timestamptz not null default now(),
    undone_at   timestamptz
);
create index customer_merges_by_customer on customer_merges (kept_id, created_at desc);

create table link_codes (
    id           uuid primary key,
    kind         text not null check (kind in ('email', 'phone', 'whatsapp_id')), -- who asked, by which address
    sender       nonblank not null,
    email        nonblank not null, -- to whom the code was mailed
    code_hash    bytea not null,
    tries        integer not null default 0,
    expires_at   timestamptz not null,
    used_at      timestamptz,
    created_at   timestamptz not null default now()
);
create index link_codes_by_sender on link_codes (kind, sender, created_at desc);
