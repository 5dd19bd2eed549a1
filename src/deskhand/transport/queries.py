"""SQL on messages, dead letters and topics: one statement a function.

A lane is the row of one topic and key. It is there as long as the key has messages, and whoever changes them holds its
lock, so that within a key the order of ids is the order of commits.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from psycopg.rows import class_row, scalar_row

from deskhand.db import Tx
from deskhand.transport.base import DeadLetter, JsonObject, Message, TopicLag
from deskhand.transport.rows import Cause, Outgoing


async def enqueue(tx: Tx, message: Outgoing) -> int | None:
    """The lane first, which locks it until the commit, then the message; None when its dedup key is there already."""
    cursor = tx.cursor(row_factory=scalar_row)
    await cursor.execute(
        """
        with lane as (
            insert into queue_lanes (topic, key, pending, due_at)
            values (%(topic)s, %(key)s, 1, clock_timestamp() + %(delay)s)
            on conflict (topic, key) do update set pending = queue_lanes.pending + 1
            returning topic, key
        )
        insert into message_queue (topic, key, payload, headers, dedup_key, not_before)
        select topic, key, %(payload)s, %(headers)s, %(dedup_key)s,
               case when %(delay)s > interval '0' then clock_timestamp() + %(delay)s end
          from lane
            on conflict (topic, dedup_key) where dedup_key is not null do nothing
        returning id
        """,
        {
            "topic": message.topic,
            "key": message.key,
            "payload": message.payload,
            "headers": message.headers,
            "dedup_key": message.dedup_key,
            "delay": message.delay,
        },
    )
    return await cursor.fetchone()


async def uncount(tx: Tx, topic: str, key: str) -> None:
    """Take back what a collapsed duplicate added to its lane, whose lock we hold."""
    await tx.execute(
        """
        with gone as (delete from queue_lanes where topic = %(topic)s and key = %(key)s and pending = 1)
        update queue_lanes set pending = pending - 1 where topic = %(topic)s and key = %(key)s and pending > 1
        """,
        {"topic": topic, "key": key},
    )


async def bury(tx: Tx, message: Message, cause: Cause) -> DeadLetter | None:
    """Move a message to the dead letters; its lane is the caller's to acknowledge."""
    async with tx.cursor(row_factory=class_row(DeadLetter)) as cursor:
        await cursor.execute(
            """
            with gone as (delete from message_queue where topic = %s and key = %s and id = %s returning *)
            insert into dead_letters (id, topic, key, payload, headers, dedup_key, attempts, error, trace, published_at)
            select id, topic, key, payload, headers, dedup_key, %s, %s, %s, published_at from gone
            returning id, topic, key, payload, headers, attempts, error, trace, published_at, died_at
            """,
            (message.topic, message.key, message.id, cause.attempts, cause.error, cause.trace),
        )
        return await cursor.fetchone()


async def lag(tx: Tx, topics: Collection[str]) -> list[TopicLag]:
    """One row for each of `topics` and for every other that holds anything."""
    async with tx.cursor(row_factory=class_row(TopicLag)) as cursor:
        await cursor.execute(
            """
            with waiting as (
                select l.topic,
                       sum(l.pending) as pending,
                       sum(l.handed) filter (where l.lease_until >= clock_timestamp()) as in_flight,
                       sum(l.pending) filter (where l.lease = 0 and l.due_at > clock_timestamp()) as waiting_retry,
                       extract(epoch from clock_timestamp() - min(head.published_at))::float8 as age
                  from queue_lanes l
                  left join lateral (select m.published_at from message_queue m
                                      where m.topic = l.topic and m.key = l.key order by m.id limit 1) head on true
                 group by l.topic
            ), dead as (
                select topic, count(*) as dead from dead_letters group by topic
            )
            select topic, coalesce(pending, 0) as pending, coalesce(in_flight, 0) as in_flight,
                   coalesce(waiting_retry, 0) as waiting_retry,
                   greatest(coalesce(age, 0), 0) as oldest_age_seconds, coalesce(dead, 0) as dead
              from unnest(%s::text[]) as known (topic)
              full join waiting using (topic)
              full join dead using (topic)
             order by topic
            """,
            (list(topics),),
        )
        return await cursor.fetchall()


async def list_dead_letters(tx: Tx, topic: str | None, *, limit: int, before_id: int | None) -> list[DeadLetter]:
    async with tx.cursor(row_factory=class_row(DeadLetter)) as cursor:
        await cursor.execute(
            """
            select id, topic, key, payload, headers, attempts, error, trace, published_at, died_at
              from dead_letters
             where (%(topic)s::text is null or topic = %(topic)s)
               and (%(before)s::bigint is null or id < %(before)s)
             order by id desc
             limit %(limit)s
            """,
            {"topic": topic, "before": before_id, "limit": limit},
        )
        return await cursor.fetchall()


async def take_dead_letters(
    tx: Tx, *, ids: Sequence[int] | None, topic: str | None, limit: int, above: int
) -> list[tuple[int, str, str, JsonObject, dict[str, str], str | None]]:
    """Remove up to `limit` dead letters above an id, oldest first: (id, topic, key, payload, headers, dedup key)."""
    cursor = await tx.execute(
        """
        with taken as (
            select id from dead_letters
             where id > %(above)s
               and (%(ids)s::bigint[] is null or id = any(%(ids)s))
               and (%(topic)s::text is null or topic = %(topic)s)
             order by id
             limit %(limit)s
               for update
        ), gone as (
            delete from dead_letters d using taken where d.id = taken.id
            returning d.id, d.topic, d.key, d.payload, d.headers, d.dedup_key
        )
        select * from gone order by id
        """,
        {"ids": ids, "topic": topic, "limit": limit, "above": above},
    )
    return await cursor.fetchall()


async def delete_dead_letters(tx: Tx, topic: str) -> int:
    return (await tx.execute("delete from dead_letters where topic = %s", (topic,))).rowcount


async def delete_lanes(tx: Tx, topic: str) -> list[str]:
    """Delete a topic's lanes, leases and all, and return their keys."""
    cursor = tx.cursor(row_factory=scalar_row)
    await cursor.execute("delete from queue_lanes where topic = %s returning key", (topic,))
    return await cursor.fetchall()


async def delete_messages(tx: Tx, topic: str, keys: Sequence[str]) -> int:
    return (await tx.execute("delete from message_queue where topic = %s and key = any(%s)", (topic, keys))).rowcount
