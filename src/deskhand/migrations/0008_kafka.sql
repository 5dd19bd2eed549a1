-- What the Kafka transport keeps beside the broker. Messages of both transports draw their numbers from one sequence.

create table kafka_outbox (
    id            bigint primary key,
    topic         text not null,
    key           text not null,
    slot          integer not null,     -- of the key: relays share the outbox by it
    payload       jsonb not null,
    headers       jsonb not null default '{}',
    dedup_key     text,
    bytes         integer not null,
    not_before    timestamptz,          -- a delayed message; the later ones of its key wait behind it
    published_at  timestamptz not null default clock_timestamp()
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
create index kafka_outbox_delayed on kafka_outbox (topic, key, id) where not_before is not null;

create table kafka_dedup (              -- messages that wait to be handled and must not be published twice
    topic         text not null,
    dedup_key     text not null,
    message_id    bigint not null,
    primary key (topic, dedup_key)
);

create table kafka_topics (             -- what was ever sent to
    topic         text primary key,
    first_sent_at timestamptz not null default now()
);

create table kafka_partitions (         -- who consumes a partition: the epoch grows with every owner, and fences the last
    topic         text not null,
    partition     integer not null,
    epoch         bigint not null,
    holder        text not null,        -- host:pid, for people
    acquired_at   timestamptz not null default now(),
    primary key (topic, partition)
);

create table kafka_claims (             -- messages of a key that a handler has now
    topic         text not null,
    key           text not null,
    partition     integer not null,
    number        bigint not null,      -- every acknowledgement must present it
    holder        text not null,
    message_ids   bigint[] not null,
    published_at  timestamptz not null,
    primary key (topic, key)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);

create table kafka_inbox (              -- what was handled: a second copy of it is dropped
    message_id    bigint primary key,
    topic         text not null,
    partition     integer not null,
    kafka_offset  bigint not null,
    handled_at    timestamptz not null default clock_timestamp()
);
create index kafka_inbox_by_offset on kafka_inbox (topic, partition, kafka_offset);
create index kafka_inbox_by_age on kafka_inbox using brin (handled_at);

create table kafka_attempts (           -- messages that failed, or wait
    message_id    bigint primary key,
    topic         text not null,
    attempts      integer not null,
    last_error    text not null default '',
    due_at        timestamptz
);

create table kafka_parked (             -- keys that wait for long: the failed message and all that came behind it
    message_id    bigint primary key,
    topic         text not null,
    key           text not null,
    partition     integer not null,
    kafka_offset  bigint not null,
    payload       jsonb not null,
    headers       jsonb not null,
    dedup_key     text,
    published_at  timestamptz not null
);
create index kafka_parked_by_key on kafka_parked (topic, key, message_id);
create index kafka_parked_by_partition on kafka_parked (topic, partition);
