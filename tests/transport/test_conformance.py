"""What every transport promises: publishing, order, batches, side-by-side work, fairness, lag, stopping."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta

import pytest

from deskhand.db import Database
from deskhand.errors import InvalidInput, SetupInvalid
from deskhand.transport import Delivery, Subscription, Transport
from tests.transport.consuming import TOPIC, MakeTransport, Record, eventually, lag_of, number, publish, working


async def test_messages_of_one_key_are_handled_in_order_and_one_at_a_time(
    database: Database, transport: Transport
) -> None:
    at_once = most_at_once = 0

    async def watch(delivery: Delivery) -> None:
        nonlocal at_once, most_at_once
        at_once += 1
        most_at_once = max(most_at_once, at_once)
        await asyncio.sleep(random.uniform(0, 0.01))
        at_once -= 1

    record = Record(watch)
    await publish(database, transport, *range(10))
    async with working(transport, Subscription(TOPIC, record)):
        await publish(database, transport, *range(10, 20))
        await eventually(lambda: len(record.settled) == 20)

    assert record.settled == list(range(20))
    assert most_at_once == 1


async def test_different_keys_are_handled_side_by_side(database: Database, transport: Transport) -> None:
    together = asyncio.Barrier(4)

    async def meet(_: Delivery) -> None:
        await together.wait()

    record = Record(meet)
    for n in range(4):
        await publish(database, transport, n, key=f"customer {n}")
    async with working(transport, Subscription(TOPIC, record)):
        await eventually(lambda: len(record.settled) == 4)


async def test_two_workers_share_the_work_and_double_nothing(database: Database, make_transport: MakeTransport) -> None:
    one, other = make_transport(), make_transport()
    records = Record(), Record()
    for key in range(10):
        await publish(database, one, *range(key * 10, key * 10 + 10), key=f"customer {key}")

    async with working(one, Subscription(TOPIC, records[0])), working(other, Subscription(TOPIC, records[1])):
        await eventually(lambda: len(records[0].settled) + len(records[1].settled) >= 100)

    assert sorted(records[0].settled + records[1].settled) == list(range(100))


async def test_no_more_messages_are_under_way_than_the_worker_may_have(
    database: Database, make_transport: MakeTransport
) -> None:
    transport = make_transport(worker_concurrency=3)
    at_once = most_at_once = 0

    async def watch(_: Delivery) -> None:
        nonlocal at_once, most_at_once
        at_once += 1
        most_at_once = max(most_at_once, at_once)
        await asyncio.sleep(0.01)
        at_once -= 1

    record = Record(watch)
    for n in range(20):
        await publish(database, transport, n, key=f"customer {n}")
    async with working(transport, Subscription(TOPIC, record)):
        await eventually(lambda: len(record.settled) == 20)

    assert most_at_once == 3


async def test_three_quick_messages_of_a_key_come_as_one_batch(database: Database, transport: Transport) -> None:
    record = Record()
    await publish(database, transport, 1, 2, 3)
    await publish(database, transport, 4, key="ben")

    async with working(transport, Subscription(TOPIC, record, batch=10)):
        await eventually(lambda: len(record.settled) == 4)

    assert sorted(record.batches) == [[1, 2, 3], [4]]


async def test_a_batch_is_never_larger_than_asked_for(database: Database, transport: Transport) -> None:
    record = Record()
    await publish(database, transport, *range(5))

    async with working(transport, Subscription(TOPIC, record, batch=2)):
        await eventually(lambda: len(record.settled) == 5)

    assert record.batches == [[0, 1], [2, 3], [4]]


async def test_a_message_arrives_as_it_was_published(database: Database, transport: Transport) -> None:
    record = Record()
    payload = {"n": 1, "words": "Grüße 👋 \\u0000", "nested": {"a": [1, 2.5, None, True]}}
    async with database.transaction() as tx:
        await transport.publish(tx, TOPIC, "anna", payload, headers={"trace": "abc"})

    async with working(transport, Subscription(TOPIC, record)):
        await eventually(lambda: len(record.settled) == 1)

    message = record.handed[0]
    assert (message.topic, message.key, message.attempt) == (TOPIC, "anna", 1)
    assert message.payload == payload
    assert message.headers == {"trace": "abc"}


async def test_a_publication_that_is_rolled_back_publishes_nothing(database: Database, transport: Transport) -> None:
    async def fail_after_publishing() -> None:
        async with database.transaction() as tx:
            await transport.publish(tx, TOPIC, "anna", {"n": 1})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail_after_publishing()

    assert (await lag_of(transport)).pending == 0
    record = Record()
    async with working(transport, Subscription(TOPIC, record)):
        await publish(database, transport, 2)
        await eventually(lambda: len(record.settled) == 1)
    assert record.settled == [2]


async def test_a_duplicate_is_collapsed_while_the_first_waits(database: Database, transport: Transport) -> None:
    async with database.transaction() as tx:
        first = await transport.publish(tx, TOPIC, "anna", {"n": 1}, dedup_key="provider id")
        same_key = await transport.publish(tx, TOPIC, "anna", {"n": 2}, dedup_key="provider id")
        other_key = await transport.publish(tx, TOPIC, "ben", {"n": 3}, dedup_key="provider id")
        other_topic = await transport.publish(tx, "test.other", "anna", {"n": 4}, dedup_key="provider id")

    assert (first, same_key, other_key, other_topic) == (True, False, False, True)
    assert (await lag_of(transport)).pending == 1
    record = Record()
    async with working(transport, Subscription(TOPIC, record)):
        await eventually(lambda: len(record.settled) == 1)
    assert record.settled == [1]


async def test_of_two_concurrent_duplicates_one_is_published(database: Database, transport: Transport) -> None:
    async def one(key: str) -> bool:
        async with database.transaction() as tx:
            return await transport.publish(tx, TOPIC, key, {"n": 1}, dedup_key="provider id")

    results = await asyncio.gather(*(one(f"customer {n}") for n in range(8)))

    assert sum(results) == 1
    assert (await lag_of(transport)).pending == 1


async def test_fifty_concurrent_publishers_keep_the_order_of_their_commits(
    database: Database, transport: Transport
) -> None:
    async with database.transaction() as tx:
        await tx.execute("create table commits (turn bigserial, n integer)")

    async def one(n: int) -> None:
        async with database.transaction() as tx:
            await asyncio.sleep(random.uniform(0, 0.02))
            await transport.publish(tx, TOPIC, "anna", {"n": n})
            await asyncio.sleep(random.uniform(0, 0.005))
            # The number is drawn while this transaction keeps the others from publishing: so it counts the commits.
            await tx.execute("insert into commits (n) values (%s)", (n,))

    await asyncio.gather(*(one(n) for n in range(50)))
    record = Record()
    async with working(transport, Subscription(TOPIC, record, batch=7)):
        await eventually(lambda: len(record.settled) == 50)

    async with database.transaction() as tx:
        commits = await (await tx.execute("select n from commits order by turn")).fetchall()
    assert [(n,) for n in record.settled] == commits


async def test_a_delayed_message_waits_and_the_later_ones_of_its_key_behind_it(
    database: Database, transport: Transport
) -> None:
    record = Record()
    loop = asyncio.get_running_loop()
    async with working(transport, Subscription(TOPIC, record, batch=10)):
        await publish(database, transport, 0, key="ben")
        await eventually(lambda: record.settled == [0])  # the worker is at work
        began = loop.time()
        await publish(database, transport, 1, delay=timedelta(seconds=0.6))
        await publish(database, transport, 2)
        await publish(database, transport, 3, key="ben")
        await eventually(lambda: record.settled == [0, 3])
        assert (await lag_of(transport)).waiting_retry == 2
        await eventually(lambda: len(record.settled) == 4)

    assert loop.time() - began >= 0.6
    assert record.settled == [0, 3, 1, 2]


async def test_a_delay_holds_also_behind_an_earlier_message(database: Database, transport: Transport) -> None:
    record = Record()
    await publish(database, transport, 1)
    await publish(database, transport, 2, delay=timedelta(hours=1))

    async with working(transport, Subscription(TOPIC, record, batch=10)):
        await eventually(lambda: record.settled == [1])
        assert (await lag_of(transport)).waiting_retry == 1

    assert record.batches == [[1]]


async def test_messages_without_a_key_are_handled_side_by_side(database: Database, transport: Transport) -> None:
    record = Record()
    await publish(database, transport, *range(40), key=None)

    async with working(transport, Subscription(TOPIC, record)):
        await eventually(lambda: len(record.settled) == 40)

    assert len({message.key for message in record.handed}) > 20


@pytest.mark.parametrize(
    "payload", [{"text": "x" * 1_000_000}, {"text": "a\0b"}, {"text": "\ud800"}, {"n": float("nan")}, {"n": object()}]
)
async def test_a_payload_that_no_transport_can_carry_is_refused(
    database: Database, transport: Transport, payload: dict[str, object]
) -> None:
    with pytest.raises(InvalidInput):
        async with database.transaction() as tx:
            await transport.publish(tx, TOPIC, "anna", payload)


async def test_keys_of_any_length_and_content_keep_their_order(database: Database, transport: Transport) -> None:
    record = Record()
    keys = ["k" * 5_000, "nul\0", "", "line\nbreak", "\ud800"]
    for key in keys:
        await publish(database, transport, 1, 2, key=key)

    async with working(transport, Subscription(TOPIC, record, batch=2)):
        await eventually(lambda: len(record.settled) == 10)

    assert record.batches == [[1, 2]] * 5


async def test_a_flooding_key_slows_nobody_else(database: Database, make_transport: MakeTransport) -> None:
    transport = make_transport(worker_concurrency=1)
    await publish(database, transport, *[0] * 200, key="flood")
    record = Record()
    async with working(transport, Subscription(TOPIC, record)):
        await eventually(lambda: len(record.settled) > 3)
        before = len(record.settled)
        await publish(database, transport, 1, key="anna")
        await eventually(lambda: 1 in record.settled)

    assert record.settled.index(1) - before < 20


async def test_a_flooded_topic_starves_no_other(database: Database, make_transport: MakeTransport) -> None:
    transport = make_transport(worker_concurrency=4, drain=timedelta(0))
    for n in range(20):
        await publish(database, transport, n, key=f"customer {n}", topic="test.flooded")
    stuck = Record(lambda _: asyncio.sleep(60))
    record = Record()

    async with working(transport, Subscription("test.flooded", stuck), Subscription(TOPIC, record)):
        await eventually(lambda: len(stuck.handed) == 3)
        await publish(database, transport, 1)
        await eventually(lambda: record.settled == [1])


async def test_lag_tells_what_waits_what_is_under_way_and_how_old_it_is(
    database: Database, make_transport: MakeTransport
) -> None:
    transport = make_transport(drain=timedelta(0))
    await publish(database, transport, 1, 2)
    await publish(database, transport, 3, key="ben")
    await publish(database, transport, 4, key="carl", delay=timedelta(hours=1))
    await asyncio.sleep(0.1)

    lag = await lag_of(transport)
    assert (lag.pending, lag.in_flight, lag.waiting_retry, lag.dead) == (4, 0, 1, 0)
    assert 0.1 < lag.oldest_age_seconds < 10

    stuck = Record(lambda _: asyncio.sleep(60))
    async with working(transport, Subscription(TOPIC, stuck)):
        await eventually(lambda: len(stuck.handed) == 2)
        assert (await lag_of(transport)).in_flight == 2


async def test_lag_names_every_topic_and_is_nought_when_idle(transport: Transport) -> None:
    lags = await transport.lag()

    assert "deskhand.tickets.incoming" in [lag.topic for lag in lags]
    assert all((lag.pending, lag.in_flight, lag.oldest_age_seconds, lag.dead) == (0, 0, 0.0, 0) for lag in lags)


async def test_a_stop_finishes_what_is_under_way(database: Database, transport: Transport) -> None:
    record = Record(lambda _: asyncio.sleep(0.3))
    await publish(database, transport, 1)
    async with working(transport, Subscription(TOPIC, record)) as stop:
        await eventually(lambda: len(record.handed) == 1)
        stop.set()
        await publish(database, transport, 2, key="ben")

    assert record.settled == [1]
    assert (await lag_of(transport)).pending == 1


async def test_what_a_stop_cannot_finish_goes_back_without_counting_as_an_attempt(
    database: Database, make_transport: MakeTransport
) -> None:
    await publish(database, make_transport(), 1)
    await publish(database, make_transport(), 2, key="ben")

    async def hang(delivery: Delivery) -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError as error:
            if number(delivery.messages[0]) == 2:
                raise ValueError("a library that hides the cancellation") from error
            raise

    stuck = Record(hang)
    async with working(make_transport(drain=timedelta(seconds=0.2)), Subscription(TOPIC, stuck)):
        await eventually(lambda: len(stuck.handed) == 2)

    record = Record()
    async with working(make_transport(), Subscription(TOPIC, record)):
        await eventually(lambda: sorted(record.settled) == [1, 2])
    assert [message.attempt for message in record.handed] == [1, 1]


async def test_a_topic_without_a_consumer_fails_the_start(transport: Transport) -> None:
    await transport.check(subscribed={"a", "b"}, published={"a"})

    with pytest.raises(SetupInvalid, match=r"deskhand\.metrics"):
        await transport.check(subscribed={"a"}, published={"a", "deskhand.metrics"})


async def test_a_topic_that_another_process_consumes_stays_untouched(database: Database, transport: Transport) -> None:
    record = Record()
    await publish(database, transport, 1, topic="test.other")
    await publish(database, transport, 2)

    async with working(transport, Subscription(TOPIC, record)):
        await eventually(lambda: record.settled == [2])

    assert (await lag_of(transport, "test.other")).pending == 1
    assert [number(message) for message in record.handed] == [2]


async def test_workers_that_come_and_go_hand_nothing_out_twice(
    database: Database, make_transport: MakeTransport
) -> None:
    records = [Record(lambda _: asyncio.sleep(0.002)) for _ in range(3)]
    publisher = make_transport()
    for n in range(90):
        await publish(database, publisher, n, key=f"key {n % 9}")

    for record in records:
        async with working(make_transport(), Subscription(TOPIC, record)):
            await eventually(lambda record=record: len(record.settled) >= 25)

    handed = [number(message) for record in records for message in record.handed]
    assert len(handed) == len(set(handed))
    for key in range(9):
        assert [n for n in handed if n % 9 == key] == sorted(n for n in handed if n % 9 == key)


async def test_a_stalled_handler_holds_no_more_than_its_share_and_loses_nothing(
    database: Database, make_transport: MakeTransport
) -> None:
    transport = make_transport(worker_concurrency=4)
    go_on = asyncio.Event()
    stalled = Record(lambda _: go_on.wait())  # pyright: ignore[reportArgumentType]  # its result is of no interest
    async with database.transaction() as tx:
        for n in range(400):
            await transport.publish(tx, TOPIC, f"customer {n}", {"n": n})

    async with working(transport, Subscription(TOPIC, stalled)):
        await eventually(lambda: len(stalled.handed) == 4)
        await asyncio.sleep(0.3)
        assert len(stalled.handed) == 4
        go_on.set()
        await eventually(lambda: len(stalled.settled) == 400)

    assert sorted(stalled.settled) == list(range(400))
