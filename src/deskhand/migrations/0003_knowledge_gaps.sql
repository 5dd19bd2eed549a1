-- Questions that found no answer. Kept as they were asked, with their vector: groups by meaning are made when they are
-- read, so that a better threshold or another model regroups the old ones too.
create table knowledge_gaps (
    id          uuid primary key,
    message_id  uuid not null unique references messages on delete cascade, -- erased with the customer's words
    query       nonblank not null, -- without greeting, signature and addresses
    language    text not null,
    vector      vector not null,
    model       nonblank not null, -- that made the vector
    status      text not null default 'open' check (status in ('open', 'closed')),
    created_at  timestamptz not null default now()
);
create index knowledge_gaps_open on knowledge_gaps (created_at, id) where status = 'open';

-- What a turn reads to know which articles it stood on: an index-only scan, whatever the articles' length.
create index articles_live on articles (slug, version, updated_at) where retired_at is null;
