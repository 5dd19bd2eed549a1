"""What every transport promises when work fails: retries, dead letters, replay, purge, one commit for all."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from deskhand.db import Database, Tx
from deskhand.errors import ChannelError, InvalidInput, ModelUnavailable
from deskhand.transport import REPLAYED_FROM, DeadLetter, Delivery, Postpone, Subscription, Transport
from tests.transport.consuming import TOPIC, MakeTransport, Record, eventually, lag_of, number, publish, working


def failing(error: Exception, *numbers: int, times: int = 1_000_000) -> Callable[[Delivery], Awaitable[None]]:
    """Raise `error` whenever a delivery holds one of the numbers, so many times for each."""
    raised = Counter[int]()

    async def fail(delivery: Delivery) -> None:
        for n in (number(message) for message in delivery.messages):
            if n in numbers and raised[n] < times:
                raised[n] += 1
                raise error

    return fail


async def dead_letters(transport: Transport, count: int) -> list[DeadLetter]:
    """The dead letters, once there are so many."""
    async with asyncio.timeout(20):
        while len(letters := await transport.list_dead_letters(TOPIC)) < count:
            await asyncio.sleep(0.01)
    return letters


async def test_a_failed_message_is_tried_again_and_holds_the_later_ones_of_its_key(
    database: Database, transport: Transport
) -> None:
    record = Record(failing(ValueError("no"), 1, times=2))
    await publish(database, transport, 1, 2)
    await publish(database, transport, 3, key="ben")

    async with working(transport, Subscription(TOPIC, record)):
        await eventually(lambda: len(record.settled) == 3)

    anna = [(number(message), message.attempt) for message in record.handed if message.key == "anna"]
    assert anna == [(1, 1), (1, 2), (1, 3), (2, 1)]


async def test_a_handler_that_returns_without_settling_has_failed(database: Database, transport: Transport) -> None:
    calls = 0

    async def forget(_: Delivery) -> None:
        nonlocal calls
        calls += 1

    await publish(database, transport, 1)
    async with working(transport, Subscription(TOPIC, forget, attempts=2)):
        [letter] = await dead_letters(transport, 1)

    assert calls == 2
    assert "without settling" in letter.error


async def test_the_last_attempt_makes_a_dead_letter_with_error_and_trace_and_frees_the_key(
    database: Database, make_transport: MakeTransport
) -> None:
    transport = make_transport(queue_attempts=3)
    record = Record(failing(ValueError("the article is gone"), 1))
    await publish(database, transport, 1, headers={"trace": "abc"})
    await publish(database, transport, 2)

    async with working(transport, Subscription(TOPIC, record)):
        await eventually(lambda: record.settled == [2])

    [letter] = await transport.list_dead_letters(TOPIC)
    assert (letter.key, letter.payload, letter.headers, letter.attempts) == ("anna", {"n": 1}, {"trace": "abc"}, 3)
    assert letter.error == "ValueError: the article is gone"
    assert "Traceback" in letter.trace
    assert "in fail" in letter.trace
    assert [number(message) for message in record.handed] == [1, 1, 1, 2]
    assert (await lag_of(transport)).dead == 1


@pytest.mark.parametrize("error", [InvalidInput("nonsense"), ChannelError("no such number", permanent=True)])
async def test_an_error_that_no_retry_can_mend_makes_a_dead_letter_at_once(
    database: Database, transport: Transport, error: Exception
) -> None:
    record = Record(failing(error, 1))
    await publish(database, transport, 1)

    async with working(transport, Subscription(TOPIC, record)):
        await dead_letters(transport, 1)

    assert len(record.handed) == 1


@pytest.mark.parametrize("error", [ModelUnavailable(), ChannelError("busy", permanent=False), asyncio.CancelledError()])
async def test_an_error_that_passes_is_tried_again(database: Database, transport: Transport, error: Exception) -> None:
    record = Record(failing(error, 1, times=1))
    await publish(database, transport, 1)

    async with working(transport, Subscription(TOPIC, record)):
        await eventually(lambda: record.settled == [1])

    assert [message.attempt for message in record.handed] == [1, 2]


async def test_errors_of_any_text_can_be_written_down(database: Database, make_transport: MakeTransport) -> None:
    transport = make_transport(queue_attempts=1)
    record = Record(failing(ValueError("nul \0 half \ud800 " + "x" * 100_000), 1))
    await publish(database, transport, 1)

    async with working(transport, Subscription(TOPIC, record)):
        [letter] = await dead_letters(transport, 1)

    assert letter.error.startswith("ValueError: nul  half ?")
    assert len(letter.error) <= 1_000


async def test_a_poison_message_in_a_batch_is_isolated_and_the_others_are_handled(
    database: Database, make_transport: MakeTransport
) -> None:
    transport = make_transport(queue_attempts=4)
    record = Record(failing(InvalidInput("nonsense"), 2))
    await publish(database, transport, *range(5))

    async with working(transport, Subscription(TOPIC, record, batch=5)):
        await eventually(lambda: record.settled == [0, 1, 3, 4])

    [letter] = await transport.list_dead_letters(TOPIC)
    assert letter.payload == {"n": 2}
    assert record.batches[:4] == [[0, 1, 2, 3, 4], [0], [1], [2]]


async def test_postponed_work_comes_back_without_an_attempt_being_counted(
    database: Database, transport: Transport
) -> None:
    record = Record(failing(Postpone(timedelta(milliseconds=20)), 1, times=20))
    await publish(database, transport, 1, 2)

    async with working(transport, Subscription(TOPIC, record)):
        await eventually(lambda: record.settled == [1, 2])

    assert {message.attempt for message in record.handed} == {1}


@pytest.mark.usefixtures("effects")
async def test_the_works_rows_and_the_acknowledgement_commit_together(database: Database, transport: Transport) -> None:
    async def handle(delivery: Delivery) -> None:
        async with delivery.settle() as tx:
            await tx.execute("insert into effects values (1)")
            await transport.publish(tx, "test.next", "anna", {"n": 2})
            if delivery.messages[0].attempt < 3:
                raise ValueError("after the row was written")

    await publish(database, transport, 1)
    record = Record()
    async with working(transport, Subscription(TOPIC, handle), Subscription("test.next", record)):
        await eventually(lambda: len(record.settled) == 1)

    async with database.transaction() as tx:
        assert await (await tx.execute("select count(*) from effects")).fetchone() == (1,)
    assert (await lag_of(transport)).pending == 0


async def test_a_handler_may_settle_otherwise_after_its_first_transaction_was_rolled_back(
    database: Database, transport: Transport
) -> None:
    settled = asyncio.Event()

    async def handle(delivery: Delivery) -> None:
        with pytest.raises(ValueError, match="conflict"):
            async with delivery.settle():
                raise ValueError("conflict")
        async with delivery.settle():
            settled.set()

    await publish(database, transport, 1)
    async with working(transport, Subscription(TOPIC, handle)):
        await asyncio.wait_for(settled.wait(), 20)
    assert (await lag_of(transport)).pending == 0


async def test_a_failure_after_settling_repeats_nothing(database: Database, transport: Transport) -> None:
    record = Record()

    async def handle(delivery: Delivery) -> None:
        await record(delivery)
        raise ValueError("too late")

    await publish(database, transport, 1, 2)
    async with working(transport, Subscription(TOPIC, handle)):
        await eventually(lambda: record.settled == [1, 2])

    assert (await lag_of(transport)).pending == 0
    assert await transport.list_dead_letters() == []


@pytest.mark.usefixtures("effects")
async def test_the_hook_runs_in_the_transaction_that_buries_the_message(
    database: Database, make_transport: MakeTransport
) -> None:
    transport = make_transport(queue_attempts=1)

    async def mark_ticket(tx: Tx, letter: DeadLetter) -> None:
        await tx.execute("insert into effects values (%s, %s)", (letter.payload["n"], letter.error))

    await publish(database, transport, 7)
    record = Record(failing(ValueError("no"), 7))
    async with working(transport, Subscription(TOPIC, record), on_dead=mark_ticket):
        await dead_letters(transport, 1)
        async with database.transaction() as tx:
            assert await (await tx.execute("select * from effects")).fetchall() == [(7, "ValueError: no")]


@pytest.mark.usefixtures("effects")
async def test_a_hook_that_fails_does_not_keep_the_key_blocked(
    database: Database, make_transport: MakeTransport
) -> None:
    transport = make_transport(queue_attempts=1)

    async def fail(tx: Tx, _: DeadLetter) -> None:
        await tx.execute("insert into effects values (1)")
        await tx.execute("select 1 / 0")

    record = Record(failing(ValueError("no"), 1))
    await publish(database, transport, 1, 2)
    async with working(transport, Subscription(TOPIC, record), on_dead=fail):
        await eventually(lambda: record.settled == [2])

    assert len(await transport.list_dead_letters(TOPIC)) == 1
    async with database.transaction() as tx:
        assert await (await tx.execute("select * from effects")).fetchall() == []


async def test_a_replayed_letter_is_a_fresh_message_that_names_its_origin(
    database: Database, make_transport: MakeTransport
) -> None:
    transport = make_transport(queue_attempts=2)
    record = Record(failing(ValueError("no"), 1, 2, times=4))
    await publish(database, transport, 1, 2)
    async with working(transport, Subscription(TOPIC, record)):
        second, first = await dead_letters(transport, 2)
        assert await transport.replay(ids=[first.id]) == 1
        assert await transport.replay(ids=[first.id]) == 0
        again, other = await dead_letters(transport, 2)  # it dies once more
        assert other.id == second.id
        assert again.headers == {REPLAYED_FROM: str(first.id)}
        assert await transport.replay(ids=[again.id]) == 1
        await eventually(lambda: record.settled == [1])

    assert [message.attempt for message in record.handed if number(message) == 1] == [1, 2, 1, 2, 1]
    assert record.handed[-1].headers == {REPLAYED_FROM: str(first.id)}
    assert [letter.id for letter in await transport.list_dead_letters(TOPIC)] == [second.id]


async def test_a_whole_topic_is_replayed_in_order(database: Database, make_transport: MakeTransport) -> None:
    transport = make_transport(queue_attempts=1)
    everything = range(230)
    record = Record(failing(ValueError("no"), *everything, times=1))
    await publish(database, transport, *everything)
    async with working(transport, Subscription(TOPIC, record)):
        await eventually(lambda: len(record.handed) == 230, 60)

    assert await transport.replay(topic="test.other") == 0
    assert await transport.replay(topic=TOPIC) == 230
    async with working(transport, Subscription(TOPIC, record, batch=10)):
        await eventually(lambda: len(record.settled) == 230, 60)

    assert record.settled == list(everything)
    assert (await lag_of(transport)).dead == 0


async def test_dead_letters_are_listed_newest_first_page_by_page(
    database: Database, make_transport: MakeTransport
) -> None:
    transport = make_transport(queue_attempts=1)
    record = Record(failing(ValueError("no"), *range(5)))
    await publish(database, transport, *range(5))
    async with working(transport, Subscription(TOPIC, record)):
        await dead_letters(transport, 5)

    page = await transport.list_dead_letters(TOPIC, limit=3)
    rest = await transport.list_dead_letters(TOPIC, limit=3, before_id=page[-1].id)
    assert [letter.payload["n"] for letter in page + rest] == [4, 3, 2, 1, 0]
    assert await transport.list_dead_letters("test.other") == []


async def test_purging_the_dead_letters_leaves_what_waits(database: Database, make_transport: MakeTransport) -> None:
    transport = make_transport(queue_attempts=1)
    record = Record(failing(ValueError("no"), 1))
    await publish(database, transport, 1)
    async with working(transport, Subscription(TOPIC, record)):
        await dead_letters(transport, 1)
    await publish(database, transport, 2)

    assert await transport.purge("test.other", dead=True) == 0
    assert await transport.purge(TOPIC, dead=True) == 1
    lag = await lag_of(transport)
    assert (lag.pending, lag.dead) == (1, 0)


async def test_purging_a_topic_removes_all_that_waits_and_refuses_what_is_under_way(
    database: Database, transport: Transport
) -> None:
    purged = asyncio.Event()
    stuck = Record(lambda _: purged.wait())  # pyright: ignore[reportArgumentType]  # its result is of no interest
    await publish(database, transport, 1, 2)
    await publish(database, transport, 3, key="ben")
    await publish(database, transport, 4, topic="test.other")

    async with working(transport, Subscription(TOPIC, stuck)):
        await eventually(lambda: len(stuck.handed) == 2)
        assert await transport.purge(TOPIC, dead=False) == 3
        purged.set()

    assert stuck.settled == []
    assert (await lag_of(transport)).pending == 0
    assert (await lag_of(transport, "test.other")).pending == 1
