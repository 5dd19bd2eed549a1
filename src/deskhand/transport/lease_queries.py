"""SQL on leases: claim, extend, acknowledge, give back. One statement a function.

`due_at` says when a lane may be claimed. A claimed one has a lease: a random number that every later statement must
present, so that a worker that lost its lease changes nothing. Random, not counted, because an empty lane's row is
deleted: a counter would begin again, and a sequence may step back when a replica takes over.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from psycopg.rows import class_row

from deskhand.db import Tx
from deskhand.transport.rows import DueLane, Lease, LeasedMessage, Want


async def lock_due_lanes(tx: Tx, wants: Sequence[Want], held: Sequence[int]) -> tuple[list[DueLane], datetime]:
    """Lock due lanes, longest due first, and tell the database's time. A SELECT with a limit can't take too many.

    The commit need not wait for the disk: should the server crash and forget a claim, its holder is refused.
    """
    cursor = await tx.execute(
        """
        select lane.topic, lane.key, lane.due_at, lane.lease, lane.holder, lane.handed, statement_timestamp(),
               set_config('synchronous_commit', 'off', true)
          from unnest(%s::text[], %s::integer[], %s::timestamptz[]) as want (topic, lanes, since)
          left join lateral (
                select topic, key, due_at, lease, holder, handed
                  from queue_lanes
                 where topic = want.topic
                   and due_at >= coalesce(want.since, '-infinity') and due_at <= statement_timestamp()
                   and (lease_until is null or lease_until < statement_timestamp())
                   and lease <> all(%s::bigint[])
                 order by due_at
                 limit want.lanes
                   for update skip locked
               ) as lane on true
        """,
        ([want.topic for want in wants], [want.lanes for want in wants], [want.since for want in wants], held),
    )
    rows = await cursor.fetchall()
    return [DueLane(*row[:6]) for row in rows if row[0] is not None], rows[0][6]


async def count_broken_attempts(tx: Tx, lanes: Sequence[DueLane]) -> None:
    """What was handed to a worker that fell silent has used up an attempt: it may be what killed the worker."""
    await tx.execute(
        """
        update message_queue m
           set attempts = m.attempts + 1,
               last_error = 'The worker ' || broken.holder || ' fell silent while it held this message.'
          from unnest(%s::text[], %s::text[], %s::integer[], %s::text[]) as broken (topic, key, handed, holder)
         where m.topic = broken.topic and m.key = broken.key
           and m.id in (select head.id from message_queue head
                         where head.topic = broken.topic and head.key = broken.key
                         order by head.id limit broken.handed)
        """,
        (
            [lane.topic for lane in lanes],
            [lane.key for lane in lanes],
            [lane.handed for lane in lanes],
            [lane.holder for lane in lanes],
        ),
    )


async def lease_heads(
    tx: Tx, lanes: Sequence[tuple[str, str, int]], *, lease: int, holder: str, length: timedelta
) -> list[LeasedMessage]:
    """Lease the locked lanes of (topic, key, batch) and read their first messages.

    A statement of its own: one that also locked the lanes would read the messages as they were before the lock.
    A message that was tried before travels alone, so that a batch's culprit finds itself isolated.
    """
    async with tx.cursor(row_factory=class_row(LeasedMessage)) as cursor:
        await cursor.execute(
            """
            with heads as (
                select head.*,
                       row_number() over lane as place,
                       max(head.attempts) over lane as tried,
                       bool_or(head.not_before > statement_timestamp()) over lane as early
                  from unnest(%s::text[], %s::text[], %s::integer[]) as due (topic, key, batch)
                 cross join lateral (
                        select * from message_queue m
                         where m.topic = due.topic and m.key = due.key order by m.id limit due.batch
                       ) as head
                window lane as (partition by head.topic, head.key order by head.id)
            ), handed as (
                select * from heads where place = 1 or (tried = 0 and early is not true)
            ), leased as (
                update queue_lanes l
                   set lease = %s, holder = %s, lease_until = clock_timestamp() + %s, handed = counted.handed
                  from (select topic, key, count(*) as handed from handed group by topic, key) as counted
                 where l.topic = counted.topic and l.key = counted.key
            )
            select id, topic, key, payload, headers, attempts, last_error, published_at
              from handed order by topic, key, id
            """,
            (
                [topic for topic, _, _ in lanes],
                [key for _, key, _ in lanes],
                [batch for _, _, batch in lanes],
                lease,
                holder,
                length,
            ),
        )
        return await cursor.fetchall()


async def abandon(tx: Tx, topics: Sequence[str], leases: Sequence[int]) -> None:
    """Give back lanes by the numbers of claims whose outcome we never learned."""
    await tx.execute(
        """
        update queue_lanes
           set due_at = clock_timestamp(), lease = 0, lease_until = null, holder = null, handed = 0
         where topic = any(%s) and lease = any(%s)
        """,
        (topics, leases),
    )


async def delete_empty_lane(tx: Tx, topic: str, key: str) -> None:
    """Remove a locked lane that counts messages which somebody deleted by hand."""
    await tx.execute(
        """
        delete from queue_lanes l where topic = %s and key = %s
           and not exists (select 1 from message_queue m where m.topic = l.topic and m.key = l.key)
        """,
        (topic, key),
    )


async def extend_leases(tx: Tx, leases: Sequence[Lease], length: timedelta) -> list[tuple[str, str, bool]]:
    """Extend what can be locked at once and return the rest as (topic, key, lost); not lost: a publisher is at it."""
    cursor = await tx.execute(
        """
        with mine as materialized (
            select * from unnest(%s::text[], %s::text[], %s::bigint[]) as mine (topic, key, lease)
        ), locked as (
            select l.topic, l.key from queue_lanes l join mine using (topic, key, lease) for update of l skip locked
        ), extended as (
            update queue_lanes l set lease_until = clock_timestamp() + %s
              from locked where l.topic = locked.topic and l.key = locked.key
            returning l.topic, l.key
        )
        select mine.topic, mine.key, l.topic is null
          from mine left join queue_lanes l using (topic, key, lease)
         where not exists (select 1 from extended e where e.topic = mine.topic and e.key = mine.key)
        """,
        ([x.topic for x in leases], [x.key for x in leases], [x.number for x in leases], length),
    )
    return await cursor.fetchall()


async def extend_lease(tx: Tx, lease: Lease, length: timedelta) -> None:
    """Extend one lease, waiting in line for the lane's lock."""
    await tx.execute(
        "update queue_lanes set lease_until = clock_timestamp() + %s where topic = %s and key = %s and lease = %s",
        (length, lease.topic, lease.key, lease.number),
    )


async def limit_lock_wait(tx: Tx, wait: timedelta) -> None:
    await tx.execute("select set_config('lock_timeout', %s, true)", (f"{max(1, int(wait.total_seconds() * 1000))}ms",))


async def acknowledge(tx: Tx, lease: Lease) -> bool:
    """Delete the messages, and the lane with them if they were all it had. False: the lane is still there."""
    cursor = await tx.execute(
        """
        with done as (delete from message_queue where topic = %(topic)s and key = %(key)s and id <= %(last)s)
        delete from queue_lanes
         where topic = %(topic)s and key = %(key)s and lease = %(lease)s and pending = %(count)s
        """,
        {
            "topic": lease.topic,
            "key": lease.key,
            "last": lease.messages[-1].id,
            "lease": lease.number,
            "count": lease.count,
        },
    )
    return cursor.rowcount == 1


async def free_lane(tx: Tx, lease: Lease) -> bool:
    """After `acknowledge`: put the lane, with what it still has, behind the others. False: the lease is lost."""
    cursor = await tx.execute(
        """
        update queue_lanes l
           set pending = pending - %s, lease = 0, lease_until = null, holder = null, handed = 0,
               due_at = greatest(clock_timestamp(), (select not_before from message_queue m
                                                      where m.topic = l.topic and m.key = l.key order by id limit 1))
         where topic = %s and key = %s and lease = %s
        """,
        (lease.count, lease.topic, lease.key, lease.number),
    )
    return cursor.rowcount == 1


async def record_attempt(tx: Tx, lease: Lease, error: str) -> None:
    await tx.execute(
        """
        update message_queue set attempts = attempts + 1, last_error = %s
         where topic = %s and key = %s and id <= %s
        """,
        (error, lease.topic, lease.key, lease.messages[-1].id),
    )


async def postpone(tx: Tx, lease: Lease, pause: timedelta) -> bool:
    """Give the lane back untouched, due after `pause`. False: the lease is lost."""
    cursor = await tx.execute(
        """
        update queue_lanes
           set due_at = clock_timestamp() + %s, lease = 0, lease_until = null, holder = null, handed = 0
         where topic = %s and key = %s and lease = %s
        """,
        (pause, lease.topic, lease.key, lease.number),
    )
    return cursor.rowcount == 1
