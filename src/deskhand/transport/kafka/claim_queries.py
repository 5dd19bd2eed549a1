"""SQL on claims: what a consumer asks before it hands messages out, and what ends a claim. One statement a function.

Order and once-only rest on four facts that the database keeps: who owns a partition (`kafka_partitions`), who has a
key's messages (`kafka_claims`), what was handled (`kafka_inbox`), and which keys wait in `kafka_parked`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from deskhand.db import Tx
from deskhand.transport.base import DeadLetter, Message
from deskhand.transport.kafka.leases import KafkaLease
from deskhand.transport.kafka.wire import Record
from deskhand.transport.rows import Cause


@dataclass(frozen=True, slots=True)
class KeyState:
    """What the database knows of a key."""

    topic: str
    key: str
    holder: str | None  # of a claim that nobody ended
    partition: int | None
    message_ids: list[int] | None
    busy: bool  # the claim is just being ended
    parked: bool


@dataclass(frozen=True, slots=True)
class Known:
    """What the database knows of a message."""

    id: int
    handled: bool
    attempts: int
    last_error: str
    due_in: float


@dataclass(frozen=True, slots=True)
class ParkedHead:
    topic: str
    key: str
    partition: int
    due_in: float


async def acquire(tx: Tx, places: Sequence[tuple[str, int]], holder: str) -> list[tuple[str, int, int]]:
    """Take partitions over, and return (topic, partition, epoch): claims under an older epoch are refused from now."""
    cursor = await tx.execute(
        """
        insert into kafka_partitions (topic, partition, epoch, holder)
        select topic, partition, 1, %s from unnest(%s::text[], %s::integer[]) as mine (topic, partition)
         order by topic, partition
            on conflict (topic, partition) do update
           set epoch = kafka_partitions.epoch + 1, holder = excluded.holder, acquired_at = now()
        returning topic, partition, epoch
        """,
        (holder, [topic for topic, _ in places], [partition for _, partition in places]),
    )
    return await cursor.fetchall()


async def lock_owned(tx: Tx, places: Sequence[tuple[str, int, int]]) -> set[tuple[str, int]]:
    """Of (topic, partition, epoch) those that are still so; they stay so until the commit.

    The commit need not wait for the disk: should the server crash and forget a claim, its holder is refused.
    """
    cursor = await tx.execute(
        """
        select p.topic, p.partition, set_config('synchronous_commit', 'off', true)
          from kafka_partitions p
          join unnest(%s::text[], %s::integer[], %s::bigint[]) as mine (topic, partition, epoch)
         using (topic, partition, epoch)
         order by p.topic, p.partition
           for share of p
        """,
        ([place[0] for place in places], [place[1] for place in places], [place[2] for place in places]),
    )
    return {(topic, partition) for topic, partition, _ in await cursor.fetchall()}


async def read_keys(tx: Tx, keys: Sequence[tuple[str, str]]) -> list[KeyState]:
    """Lock the keys' claims, where nobody else does, and tell what there is."""
    async with tx.cursor(row_factory=class_row(KeyState)) as cursor:
        await cursor.execute(
            """
            with asked as materialized (
                select * from unnest(%s::text[], %s::text[]) as asked (topic, key)
            ), locked as materialized (
                select c.topic, c.key from kafka_claims c join asked using (topic, key) for update of c skip locked
            )
            select asked.topic, asked.key, c.holder, c.partition, c.message_ids,
                   c.topic is not null and locked.topic is null as busy,
                   exists (select 1 from kafka_parked p where p.topic = asked.topic and p.key = asked.key) as parked
              from asked
              left join kafka_claims c using (topic, key)
              left join locked using (topic, key)
            """,
            ([topic for topic, _ in keys], [key for _, key in keys]),
        )
        return await cursor.fetchall()


async def break_claims(tx: Tx, topics: Sequence[str], states: Sequence[KeyState]) -> None:
    """What was handed to a worker that fell silent has used up an attempt: it may be what killed the worker."""
    held = [
        (topic, state.holder, id) for topic, state in zip(topics, states, strict=True) for id in state.message_ids or []
    ]
    await tx.execute(
        """
        insert into kafka_attempts (message_id, topic, attempts, last_error)
        select id, topic, 1, 'The worker ' || holder || ' fell silent while it held this message.'
          from unnest(%s::text[], %s::text[], %s::bigint[]) as broken (topic, holder, id)
            on conflict (message_id) do update
           set attempts = kafka_attempts.attempts + 1, last_error = excluded.last_error
        """,
        ([topic for topic, _, _ in held], [holder for _, holder, _ in held], [id for _, _, id in held]),
    )


async def read_messages(tx: Tx, ids: Sequence[int]) -> dict[int, Known]:
    async with tx.cursor(row_factory=class_row(Known)) as cursor:
        await cursor.execute(
            """
            select asked.id, i.message_id is not null as handled, coalesce(a.attempts, 0) as attempts,
                   coalesce(a.last_error, '') as last_error,
                   greatest(0, coalesce(extract(epoch from a.due_at - clock_timestamp()), 0))::float8 as due_in
              from unnest(%s::bigint[]) as asked (id)
              left join kafka_inbox i on i.message_id = asked.id
              left join kafka_attempts a on a.message_id = asked.id
            """,
            (ids,),
        )
        return {known.id: known for known in await cursor.fetchall()}


async def claim(tx: Tx, leases: Sequence[KafkaLease], holder: str) -> None:
    await tx.execute(
        """
        insert into kafka_claims (topic, key, partition, number, holder, message_ids, published_at)
        select topic, key, partition, number, %s, string_to_array(ids, ',')::bigint[], published_at
          from unnest(%s::text[], %s::text[], %s::integer[], %s::bigint[], %s::text[], %s::timestamptz[])
            as mine (topic, key, partition, number, ids, published_at)
            on conflict (topic, key) do update
           set partition = excluded.partition, number = excluded.number, holder = excluded.holder,
               message_ids = excluded.message_ids, published_at = excluded.published_at
        """,
        (
            holder,
            [lease.topic for lease in leases],
            [lease.key for lease in leases],
            [lease.partition for lease in leases],
            [lease.number for lease in leases],
            [",".join(str(message.id) for message in lease.messages) for lease in leases],
            [lease.messages[0].published_at for lease in leases],
        ),
    )


async def release(tx: Tx, leases: Sequence[KafkaLease]) -> int:
    """End claims without a result."""
    cursor = await tx.execute(
        """
        delete from kafka_claims c using unnest(%s::text[], %s::text[], %s::bigint[]) as mine (topic, key, number)
         where c.topic = mine.topic and c.key = mine.key and c.number = mine.number
        """,
        ([x.topic for x in leases], [x.key for x in leases], [x.number for x in leases]),
    )
    return cursor.rowcount


async def acknowledge(tx: Tx, lease: KafkaLease) -> bool:
    """End the claim and remember its messages as handled. False: the claim is not ours, or somebody handled one."""
    cursor = await tx.execute(
        """
        with mine as (
            delete from kafka_claims where topic = %(topic)s and key = %(key)s and number = %(number)s returning 1
        ), handled as (
            insert into kafka_inbox (message_id, topic, partition, kafka_offset)
            select id, %(topic)s, %(partition)s, place
              from unnest(%(ids)s::bigint[], %(offsets)s::bigint[]) as done (id, place)
             where exists (select 1 from mine)
                on conflict do nothing
            returning 1
        ), tried as (
            delete from kafka_attempts where message_id = any(%(ids)s)
        ), parked as (
            delete from kafka_parked where message_id = any(%(ids)s)
        ), waiting as (
            delete from kafka_dedup
             where topic = %(topic)s and dedup_key = any(%(dedup_keys)s::text[]) and message_id = any(%(ids)s)
        )
        select (select count(*) from handled)
        """,
        {
            "topic": lease.topic,
            "key": lease.key,
            "number": lease.number,
            "partition": lease.partition,
            "ids": [message.id for message in lease.messages],
            "offsets": list(lease.offsets),
            "dedup_keys": [key for key in lease.dedup_keys if key is not None],
        },
    )
    row = await cursor.fetchone()
    return row is not None and row[0] == lease.count


async def record_attempt(tx: Tx, lease: KafkaLease, error: str) -> None:
    await tx.execute(
        """
        insert into kafka_attempts (message_id, topic, attempts, last_error)
        select id, %s, 1, %s from unnest(%s::bigint[]) as tried (id)
            on conflict (message_id) do update
           set attempts = kafka_attempts.attempts + 1, last_error = excluded.last_error, due_at = null
        """,
        (lease.topic, error, [message.id for message in lease.messages]),
    )


async def delay(tx: Tx, lease: KafkaLease, pause: timedelta) -> None:
    """The lease's first message, and so its key, waits."""
    await tx.execute(
        """
        insert into kafka_attempts (message_id, topic, attempts, due_at)
        values (%s, %s, 0, clock_timestamp() + %s)
            on conflict (message_id) do update set due_at = excluded.due_at
        """,
        (lease.messages[0].id, lease.topic, pause),
    )


async def park(tx: Tx, topic: str, records: Sequence[Record]) -> None:
    """Put messages behind what is parked of their key; one that is there or was handled stays out."""
    messages = [record.message for record in records]
    await tx.execute(
        """
        insert into kafka_parked
               (message_id, topic, key, partition, kafka_offset, payload, headers, dedup_key, published_at)
        select id, %s, key, partition, place, payload, headers, dedup_key, published_at
          from unnest(%s::bigint[], %s::text[], %s::integer[], %s::bigint[], %s::jsonb[], %s::jsonb[], %s::text[],
                      %s::timestamptz[])
            as late (id, key, partition, place, payload, headers, dedup_key, published_at)
         where not exists (select 1 from kafka_inbox i where i.message_id = late.id)
            on conflict do nothing
        """,
        (
            topic,
            [message.id for message in messages],
            [message.key for message in messages],
            [record.partition for record in records],
            [record.offset for record in records],
            [Jsonb(message.payload) for message in messages],
            [Jsonb(message.headers) for message in messages],
            [record.dedup_key for record in records],
            [message.published_at for message in messages],
        ),
    )


async def read_parked(tx: Tx, topic: str, key: str, limit: int) -> list[Record]:
    """The first messages that are parked of a key."""
    cursor = await tx.execute(
        """
        select message_id, partition, kafka_offset, payload, headers, dedup_key, published_at
          from kafka_parked where topic = %s and key = %s order by message_id limit %s
        """,
        (topic, key, limit),
    )
    return [
        Record(partition, place, 0, Message(id, topic, key, payload, headers, 1, published_at), dedup_key)
        for id, partition, place, payload, headers, dedup_key, published_at in await cursor.fetchall()
    ]


async def list_parked_keys(tx: Tx, places: Sequence[tuple[str, int]]) -> list[ParkedHead]:
    """The parked keys of partitions, with the time that each has to wait."""
    async with tx.cursor(row_factory=class_row(ParkedHead)) as cursor:
        await cursor.execute(
            """
            with heads as (
                select distinct on (p.topic, p.key) p.topic, p.key, p.partition, p.message_id
                  from kafka_parked p
                  join unnest(%s::text[], %s::integer[]) as mine (topic, partition) using (topic, partition)
                 order by p.topic, p.key, p.message_id
            )
            select h.topic, h.key, h.partition,
                   greatest(0, coalesce(extract(epoch from a.due_at - clock_timestamp()), 0))::float8 as due_in
              from heads h left join kafka_attempts a using (message_id)
            """,
            ([topic for topic, _ in places], [partition for _, partition in places]),
        )
        return await cursor.fetchall()


async def bury(tx: Tx, lease: KafkaLease, cause: Cause) -> DeadLetter | None:
    message = lease.messages[0]
    async with tx.cursor(row_factory=class_row(DeadLetter)) as cursor:
        await cursor.execute(
            """
            insert into dead_letters (id, topic, key, payload, headers, dedup_key, attempts, error, trace, published_at)
            values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
                on conflict do nothing
            returning id, topic, key, payload, headers, attempts, error, trace, published_at, died_at
            """,
            (
                *(message.id, lease.topic, lease.key, Jsonb(message.payload), Jsonb(message.headers)),
                *(lease.dedup_keys[0], cause.attempts, cause.error, cause.trace, message.published_at),
            ),
        )
        return await cursor.fetchone()


async def bury_foreign(tx: Tx, topic: str, record: Record) -> DeadLetter | None:
    """Write what is no message of ours to the dead letters; None: it stands there already."""
    message = record.message
    cursor = tx.cursor(row_factory=class_row(DeadLetter))
    await cursor.execute(
        """
        with remembered as (
            insert into kafka_inbox (message_id, topic, partition, kafka_offset)
            select nextval('message_queue_id_seq'), %(topic)s, %(partition)s, %(offset)s
             where not exists (select 1 from kafka_inbox i
                                where i.topic = %(topic)s and i.partition = %(partition)s
                                  and i.kafka_offset = %(offset)s)
            returning message_id
        )
        insert into dead_letters (id, topic, key, payload, headers, attempts, error, published_at)
        select message_id, %(topic)s, %(key)s, %(payload)s, %(headers)s, 0, %(error)s, %(published_at)s from remembered
        returning id, topic, key, payload, headers, attempts, error, trace, published_at, died_at
        """,
        {
            "topic": topic,
            "partition": record.partition,
            "offset": record.offset,
            "key": message.key,
            "payload": Jsonb(message.payload),
            "headers": Jsonb({"partition": str(record.partition), "offset": str(record.offset)}),
            "error": record.fault,
            "published_at": message.published_at,
        },
    )
    return await cursor.fetchone()


async def purge(tx: Tx, topic: str) -> None:
    """Forget all that waits of a topic, and fence everybody who has some of it in hand."""
    await tx.execute(
        """
        with outbox as (delete from kafka_outbox where topic = %(topic)s),
             parked as (delete from kafka_parked where topic = %(topic)s),
             claims as (delete from kafka_claims where topic = %(topic)s),
             attempts as (delete from kafka_attempts where topic = %(topic)s),
             dedup as (delete from kafka_dedup where topic = %(topic)s)
        update kafka_partitions set epoch = epoch + 1 where topic = %(topic)s
        """,
        {"topic": topic},
    )
