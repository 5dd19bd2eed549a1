"""Leases: kept while a handler works, lost to others, refused when late."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from deskhand.db import Database, Tx
from deskhand.errors import DatabaseUnavailable, LeaseLost
from deskhand.settings import Settings
from deskhand.transport import Delivery, Subscription
from deskhand.transport.claims import Claimer
from tests.transport.consuming import (
    TOPIC,
    MakeTransport,
    Record,
    count,
    eventually,
    lag_until,
    listening,
    number,
    publish,
    run_sql,
    working,
)

pytestmark = [pytest.mark.usefixtures("kind"), pytest.mark.parametrize("kind", ["postgres"], indirect=True)]


async def test_a_slow_handler_keeps_its_lease(database: Database, make_transport: MakeTransport) -> None:
    impatient = {"queue_lease": timedelta(seconds=0.6), "queue_poll": timedelta(seconds=0.1)}
    records = Record(lambda _: asyncio.sleep(2)), Record(lambda _: asyncio.sleep(2))
    one, other = make_transport(**impatient), make_transport(**impatient)
    await publish(database, one, 1)

    async with working(one, Subscription(TOPIC, records[0])), working(other, Subscription(TOPIC, records[1])):
        await eventually(lambda: [1] in (records[0].settled, records[1].settled))

    assert len(records[0].handed) + len(records[1].handed) == 1


async def test_a_lease_is_kept_while_a_publisher_holds_the_lane(
    database: Database, make_transport: MakeTransport
) -> None:
    transport = make_transport(queue_lease=timedelta(seconds=0.9), queue_poll=timedelta(seconds=0.1))
    record = Record(lambda _: asyncio.sleep(2.5))
    await publish(database, transport, 1)

    async with working(transport, Subscription(TOPIC, record)):
        await eventually(lambda: len(record.handed) == 1)
        for n in range(2, 22):  # the lane is locked nearly all the time
            async with database.transaction() as tx:
                await transport.publish(tx, TOPIC, "anna", {"n": n})
                await asyncio.sleep(0.1)
        await eventually(lambda: record.settled[:1] == [1])
        record.before = None
        await eventually(lambda: len(record.settled) == 21)

    assert [message.attempt for message in record.handed] == [1] * 21


@pytest.mark.usefixtures("effects")
async def test_an_acknowledgement_after_the_lease_was_lost_is_refused_and_rolled_back(
    database: Database, make_transport: MakeTransport
) -> None:
    loser, winner = make_transport(), make_transport(queue_poll=timedelta(milliseconds=50))
    go = asyncio.Event()
    refused: list[int] = []

    async def handle_late(delivery: Delivery) -> None:
        await go.wait()
        try:
            async with delivery.settle() as tx:
                await tx.execute("insert into effects values (1, 'loser')")
        except LeaseLost:
            refused.append(number(delivery.messages[0]))
            raise

    async def handle(delivery: Delivery) -> None:
        async with delivery.settle() as tx:
            await tx.execute("insert into effects values (1, 'winner')")

    await publish(database, loser, 1)
    async with working(loser, Subscription(TOPIC, handle_late)):
        await listening(database)
        await lag_until(loser, lambda lag: lag.in_flight == 1)
        await run_sql(database, "update queue_lanes set lease_until = now() - interval '1 second'")
        async with working(winner, Subscription(TOPIC, handle)):
            await lag_until(loser, lambda lag: lag.pending == 0)
        go.set()
        await eventually(lambda: refused == [1])

    assert await count(database, "select count(*) from effects where worker = 'winner'") == 1
    assert await count(database, "select count(*) from effects") == 1
    assert await loser.list_dead_letters() == []


async def test_after_a_stall_a_worker_does_not_take_its_own_leases_away(
    database: Database, make_transport: MakeTransport
) -> None:
    transport = make_transport(queue_lease=timedelta(seconds=2), queue_poll=timedelta(seconds=0.05))
    record = Record(lambda _: asyncio.sleep(3))
    await publish(database, transport, 1)

    async with working(transport, Subscription(TOPIC, record)):
        await eventually(lambda: len(record.handed) == 1)
        time.sleep(2.4)  # the loop stands still for longer than the lease
        await eventually(lambda: record.settled == [1])

    assert len(record.handed) == 1


async def test_a_handler_whose_lease_is_lost_is_cancelled(database: Database, make_transport: MakeTransport) -> None:
    transport = make_transport(queue_lease=timedelta(seconds=0.3))
    cancelled = asyncio.Event()

    async def hang(_: Delivery) -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    await publish(database, transport, 1)
    async with working(transport, Subscription(TOPIC, hang)):
        await lag_until(transport, lambda lag: lag.in_flight == 1)
        assert await transport.purge(TOPIC, dead=False) == 1
        await asyncio.wait_for(cancelled.wait(), 10)


async def test_a_claim_whose_commit_was_not_confirmed_is_given_back(
    database: Database, settings: Settings, make_transport: MakeTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    await publish(database, make_transport(), 1)
    claimer = Claimer(database, settings, {TOPIC: 1})
    transaction = database.transaction

    @asynccontextmanager
    async def break_off() -> AsyncGenerator[Tx]:
        async with transaction() as tx:
            yield tx
        raise DatabaseUnavailable

    monkeypatch.setattr(database, "transaction", break_off)
    with pytest.raises(DatabaseUnavailable):
        await claimer.claim({TOPIC: 5}, [])
    monkeypatch.undo()

    [lease] = await claimer.claim({TOPIC: 5}, [])
    assert lease.messages[0].attempt == 1


async def test_a_lane_below_the_bound_of_the_claims_is_found_by_the_next_sweep(
    database: Database, settings: Settings, make_transport: MakeTransport
) -> None:
    claimer = Claimer(database, settings, {TOPIC: 1})
    assert await claimer.claim({TOPIC: 5}, []) == []
    await publish(database, make_transport(), 1)
    await run_sql(database, "update queue_lanes set due_at = now() - interval '1 hour'")

    assert await claimer.claim({TOPIC: 5}, []) == []
    claimer.forget_bounds()
    assert len(await claimer.claim({TOPIC: 5}, [])) == 1


async def test_a_delivery_is_settled_once(database: Database, make_transport: MakeTransport) -> None:
    transport = make_transport()
    errors: list[str] = []

    async def handle(delivery: Delivery) -> None:
        async with delivery.settle():
            pass
        try:
            async with delivery.settle():
                pass
        except RuntimeError as error:
            errors.append(str(error))

    await publish(database, transport, 1)
    async with working(transport, Subscription(TOPIC, handle)):
        await eventually(lambda: errors == ["this delivery is settled already"])
