-- Brakes on open doors: for each key the moment until which its allowance is spent (GCRA). Keys are hashes.
create table rate_limits (
    kind      nonblank not null,
    key       bytea not null,
    spent_at  timestamptz not null,
    primary key (kind, key)
);
create index rate_limits_by_time on rate_limits (spent_at);

-- Further secrets that open a form's status page: the one in a mail is not the one that its sender got.
create table status_links (
    access_hash  bytea primary key,
    inbound_id   uuid not null references inbound on delete cascade,
    created_at   timestamptz not null default now()
);

-- A copy of a message goes by a second channel, under a subject of its own: it never says how the message itself fared.
alter table deliveries add column copy_subject text;
alter table deliveries drop constraint deliveries_one_a_part;
alter table deliveries add constraint deliveries_one_a_part unique (message_id, channel, position);
create index deliveries_copies on deliveries (created_at) where copy_subject is not null;

-- Replies from a status page that are not in its conversation yet, by the message that they answer.
create index inbound_form_replies on inbound ((payload -> 'answers' ->> 0), received_at)
    where channel = 'web_form' and outcome <> 'filed' and payload ? 'answers';
