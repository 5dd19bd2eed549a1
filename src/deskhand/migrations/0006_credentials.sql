-- What the desk itself holds to reach its providers. Only sealed bytes: the keys stand in the environment.
create table credentials (
    name       nonblank primary key, -- such as gmail:support@example.com
    sealed     bytea not null,
    stored_at  timestamptz not null
);
