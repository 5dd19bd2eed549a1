-- The whole first schema. Times are UTC; keys are UUID v7 made by the application, so they sort by age.

create extension if not exists vector;

create domain nonblank as text check (value ~ '\S');

-- People who write to us ------------------------------------------------------------------------------------------

create table customers (
    id          uuid primary key,
    name        text not null default '',
    company     text not null default '',
    plan        text not null default 'free' check (plan in ('free', 'pro', 'enterprise')),
    language    text,
    created_at  timestamptz not null default now(),
    updated_at  timestamptz not null default now()
);

create table customer_identifiers (
    id           uuid primary key,
    customer_id  uuid not null references customers on delete cascade, -- an address without its person means nothing
    kind         text not null check (kind in ('email', 'phone', 'whatsapp_id')),
    value        nonblank not null,
    verified_at  timestamptz, -- null: merely claimed
    created_at   timestamptz not null default now(),
    unique (kind, value)
);
create index customer_identifiers_by_customer on customer_identifiers (customer_id);

-- Raw input, as a front door took it ------------------------------------------------------------------------------

create table inbound (
    id            uuid primary key,
    channel       nonblank not null,
    provider_id   nonblank not null,
    payload       jsonb not null,
    reference     text unique,         -- promised to the sender before the worker has seen the message
    access_hash   bytea,               -- sha256 of the secret that opens the status page
    outcome       text not null default 'received' check (outcome in ('received', 'filed', 'failed')),
    detail        text not null default '',
    message_id    uuid,
    received_at   timestamptz not null default now(),
    settled_at    timestamptz,
    unique (channel, provider_id)
);
create index inbound_unsettled on inbound (received_at, id) where outcome <> 'filed';
create index inbound_by_message on inbound (message_id) where message_id is not null;

-- What was said ---------------------------------------------------------------------------------------------------

create table conversations (
    id               uuid primary key,
    customer_id      uuid not null references customers on delete restrict, -- merge or erase people on purpose only
    channel          nonblank not null,
    subject          text not null default '',
    language         text not null default 'en',
    handler          text not null default 'agent' check (handler in ('agent', 'operator')),
    provider_thread  text,
    ai_disclosed_at  timestamptz, -- when we said that an AI writes: once a conversation
    unhelpful_turns  integer not null default 0 check (unhelpful_turns >= 0),
    created_at       timestamptz not null default now(),
    last_message_at  timestamptz not null default now()
);
create index conversations_by_customer on conversations (customer_id, channel, last_message_at desc);
create index conversations_newest on conversations (created_at desc, id desc);
create unique index conversations_by_thread on conversations (channel, provider_thread) where provider_thread is not null;

create table messages (
    id               uuid primary key,
    conversation_id  uuid not null references conversations on delete cascade, -- a thread goes as a whole
    kind             text not null check (kind in ('inbound', 'outbound', 'note', 'event')),
    author           text not null check (author in ('customer', 'agent', 'operator', 'system')),
    author_name      text not null default '',
    subject          text not null default '',
    body             text not null,
    provider_id      text,
    in_reply_to      uuid references messages on delete set null, -- the answer outlives the question
    created_at       timestamptz not null default now(),
    check ((kind = 'inbound') = (author = 'customer'))
);
create index messages_page on messages (conversation_id, created_at desc, id desc);
create unique index messages_one_agent_reply on messages (in_reply_to) where kind = 'outbound' and author = 'agent';

-- Work ------------------------------------------------------------------------------------------------------------

create sequence ticket_numbers;

create table tickets (
    id               uuid primary key,
    reference        nonblank not null unique,
    conversation_id  uuid not null references conversations on delete cascade,
    customer_id      uuid not null references customers on delete restrict,
    status           text not null default 'open' check (status in ('open', 'pending', 'resolved', 'closed')),
    handler          text not null default 'agent' check (handler in ('agent', 'operator')),
    category         text not null default 'general',
    priority         text not null default 'normal' check (priority in ('low', 'normal', 'high', 'urgent')),
    subject          text not null default '',
    owner            text not null default '',
    outcome          text not null default '' check (outcome in ('', 'answered', 'asked_back', 'held', 'escalated', 'ignored')),
    respond_by       timestamptz,
    created_at       timestamptz not null default now(),
    updated_at       timestamptz not null default now(),
    resolved_at      timestamptz
);
create unique index tickets_one_active on tickets (conversation_id) where status in ('open', 'pending');
create index tickets_by_customer on tickets (customer_id, created_at desc, id desc);
create index tickets_newest on tickets (created_at desc, id desc);

create table ticket_events (
    id          uuid primary key,
    ticket_id   uuid not null references tickets on delete cascade,
    kind        nonblank not null,
    actor       nonblank not null,
    detail      jsonb not null default '{}',
    created_at  timestamptz not null default now()
);
create index ticket_events_page on ticket_events (ticket_id, created_at, id);

create table escalations (
    id           uuid primary key,
    ticket_id    uuid not null references tickets on delete cascade,
    message_id   uuid not null references messages on delete cascade,
    rule         nonblank not null,
    reason       text not null,
    owner        nonblank not null,
    owner_email  text not null default '',
    urgency      text not null check (urgency in ('low', 'normal', 'high', 'urgent')),
    handoff      jsonb not null, -- what the owner is told: customer, plan, evidence, summary, next step
    respond_by   timestamptz not null,
    notice       text not null default 'queued' check (notice in ('queued', 'sent', 'failed')),
    notice_detail text not null default '',
    notified_at  timestamptz,
    accepted_at  timestamptz,
    created_at   timestamptz not null default now(),
    unique (message_id)
);
create index escalations_by_ticket on escalations (ticket_id);
create index escalations_untold on escalations (created_at, id) where notice <> 'sent';

create table decisions (
    id               uuid primary key,
    message_id       uuid not null unique references messages on delete cascade, -- one turn, one record
    conversation_id  uuid not null references conversations on delete cascade,
    ticket_id        uuid references tickets on delete cascade,
    decision         text not null check (decision in ('respond', 'escalate', 'ignore')),
    action           text not null check (action in ('answered', 'asked_back', 'acknowledged', 'held', 'escalated', 'ignored', 'silent')),
    rules            text[] not null,
    confidence       real not null check (confidence between 0 and 1),
    record           jsonb not null,
    created_at       timestamptz not null default now()
);
create index decisions_newest on decisions (created_at desc, id desc);
create index decisions_by_conversation on decisions (conversation_id, created_at desc);

create table deliveries (
    id           uuid primary key,
    message_id   uuid not null unique references messages on delete cascade,
    channel      nonblank not null,
    recipient    text not null,
    parts        text[] not null check (cardinality(parts) > 0), -- what is sent, byte for byte, one element a provider message
    state        text not null default 'queued'
                 check (state in ('queued', 'sending', 'sent', 'delivered', 'read', 'failed', 'unknown')),
    provider_id  text,
    attempts     integer not null default 0,
    detail       text not null default '',
    created_at   timestamptz not null default now(),
    updated_at   timestamptz not null default now()
);
create index deliveries_undone on deliveries (state, updated_at) where state in ('queued', 'sending', 'failed', 'unknown');

-- What we know ----------------------------------------------------------------------------------------------------

create table articles (
    id            uuid primary key,
    slug          nonblank not null unique,
    family        nonblank not null, -- the slug without its language: an article and its translations share it
    title         nonblank not null,
    section       text not null default '',
    language      text not null default 'en',
    product       text not null default '',
    url           text not null default '',
    source        text not null, -- the folder it was loaded from, 'company' for our own,
    path          text not null, -- and the file in it
    version       integer not null default 1 check (version >= 1),
    content_hash  bytea not null,
    body          text not null,
    keywords      text[] not null default '{}',
    retired_at    timestamptz,
    updated_at    timestamptz not null default now()
);
create index articles_by_source on articles (source);
create index articles_by_family on articles (family, language) where retired_at is null;

create table knowledge_base ( -- passages
    id           uuid primary key,
    article_id   uuid not null references articles on delete cascade,
    version      integer not null,
    position     integer not null check (position >= 0),
    heading      text not null, -- the path of headings below the title, joined by ' › '
    body         nonblank not null,
    term_count   integer not null check (term_count >= 0),
    created_at   timestamptz not null default now(),
    unique (article_id, position)
);

-- Vectors lie apart from the texts: a scan then reads a third of the pages. One row for each model.
create table passage_vectors (
    passage_id  uuid not null references knowledge_base on delete cascade,
    model       nonblank not null,
    embedding   vector not null, -- of title, heading and text
    heading     vector not null, -- of the heading alone: tells the passages of one article apart
    primary key (model, passage_id)
);
create index passage_vectors_by_passage on passage_vectors (passage_id);

-- BM25 by hand: ts_rank knows no document frequency and harms a fusion.
create table passage_terms (
    term        text not null,
    passage_id  uuid not null references knowledge_base on delete cascade,
    frequency   integer not null check (frequency > 0),
    primary key (term, passage_id) include (frequency)
);
create index passage_terms_by_passage on passage_terms (passage_id);

-- Running it ------------------------------------------------------------------------------------------------------

create table channel_configs (
    channel     text primary key,
    enabled     boolean not null default true,
    settings    jsonb not null default '{}', -- nothing secret
    cursor      jsonb not null default '{}', -- how far the provider's mailbox has been read
    paused_at   timestamptz,
    detail      text not null default '',
    updated_at  timestamptz not null default now()
);

create table agent_metrics (
    id               uuid primary key,
    name             nonblank not null,
    value            double precision not null,
    channel          text not null default '',
    conversation_id  uuid references conversations on delete cascade,
    labels           jsonb not null default '{}',
    created_at       timestamptz not null default now()
);
create index agent_metrics_by_name on agent_metrics (name, created_at desc);

create table operators (
    id          uuid primary key,
    name        nonblank not null,
    email       nonblank not null unique,
    title       text not null default '',
    active      boolean not null default true,
    created_at  timestamptz not null default now()
);

create table api_keys (
    id            uuid primary key,
    name          nonblank not null,
    prefix        nonblank not null unique,
    hash          bytea not null,
    scopes        text[] not null,
    created_at    timestamptz not null default now(),
    expires_at    timestamptz,
    last_used_at  timestamptz,
    revoked_at    timestamptz
);

create table audit_log (
    id          uuid primary key,
    actor       nonblank not null,
    act         nonblank not null,
    subject     text not null default '',
    detail      jsonb not null default '{}',
    created_at  timestamptz not null default now()
);
create index audit_log_newest on audit_log (created_at desc, id desc);

-- The queue: a lane is one topic and key; its row is the unit of locking, and there only while it has messages ------

create table queue_lanes (
    topic        text not null,
    key          text not null,
    pending      integer not null check (pending > 0), -- its messages
    due_at       timestamptz not null,                 -- when it may be claimed
    lease        bigint not null default 0,            -- every acknowledgement must present this number; 0: free
    lease_until  timestamptz,
    holder       text,                                 -- host:pid, for people
    handed       integer not null default 0,           -- how many of its messages the holder was given
    primary key (topic, key),
    check ((lease = 0) = (lease_until is null))
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
create index queue_lanes_due on queue_lanes (topic, due_at);

create table message_queue (
    id            bigint generated always as identity,
    topic         text not null,
    key           text not null,
    payload       jsonb not null,
    headers       jsonb not null default '{}',
    dedup_key     text,
    not_before    timestamptz,          -- a delayed message; the later ones of its key wait behind it
    attempts      integer not null default 0,
    last_error    text not null default '',
    published_at  timestamptz not null default clock_timestamp(),
    primary key (topic, key, id)
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0,
        toast.autovacuum_vacuum_scale_factor = 0.02, toast.autovacuum_vacuum_cost_delay = 0);
create unique index message_queue_dedup on message_queue (topic, dedup_key) where dedup_key is not null;

create table dead_letters (
    id            bigint primary key, -- the message's own
    topic         text not null,
    key           text not null,
    payload       jsonb not null,
    headers       jsonb not null,
    dedup_key     text,
    attempts      integer not null,
    error         text not null,
    trace         text not null default '',
    published_at  timestamptz not null,
    died_at       timestamptz not null default clock_timestamp()
);
create index dead_letters_by_topic on dead_letters (topic, id);
