-- What language models cost, a row a UTC day. A request reserves the most it can cost before it is sent and gives back
-- the rest afterwards, so that no number of processes together passes the ceiling; a crash leaves it reserved.
create table model_spending (
    day         date primary key,
    usd         numeric(14, 6) not null check (usd >= 0),
    updated_at  timestamptz not null default now()
);
