"""The relay from the outbox to the brokers: killed, cut off, refused, and still nothing lost or out of order."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import psycopg
import pytest

from bench.kafka_failover import fail_over
from deskhand.db import Database
from deskhand.errors import BrokerUnavailable
from deskhand.settings import Settings
from deskhand.transport import Subscription, Transport
from deskhand.transport.configured import open_transport
from deskhand.transport.kafka.brokers import Brokers
from deskhand.transport.kafka.outbox_queries import RELAY
from tests.kafka_broker import free_ports
from tests.transport.consuming import (
    TOPIC,
    MakeTransport,
    Record,
    count,
    eventually,
    lag_of,
    number,
    publish,
    working,
)

pytestmark = [pytest.mark.usefixtures("kind"), pytest.mark.parametrize("kind", ["kafka"], indirect=True)]

KILL_RELAYS = """
    select count(pg_terminate_backend(pid)) from pg_locks
     where locktype = 'advisory' and granted and classid = %s
       and database = (select oid from pg_database where datname = current_database())
"""


async def test_a_relay_that_is_killed_again_and_again_loses_nothing(database: Database, transport: Transport) -> None:
    """Writers commit late, so that smaller numbers turn up behind larger ones."""
    record = Record()
    turn: dict[str, list[int]] = {}

    async def write(first: int) -> None:
        for n in range(first, 400, 8):
            key = f"customer {random.randrange(20)}"
            async with database.transaction() as tx:
                await transport.publish(tx, TOPIC, key, {"n": n})
                turn.setdefault(key, []).append(n)  # the key's lock is ours
                await asyncio.sleep(random.uniform(0, 0.03))

    async def kill() -> int:
        killed = 0
        async with await psycopg.AsyncConnection.connect(database.conninfo, autocommit=True) as admin:
            while True:
                await asyncio.sleep(0.15)
                row = await (await admin.execute(KILL_RELAYS, (RELAY,))).fetchone()
                killed += row[0] if row is not None else 0
                if killed >= 5 and writing.done():
                    return killed

    async with working(transport, Subscription(TOPIC, record)):
        writing = asyncio.gather(*(write(first) for first in range(8)))
        assert await kill() >= 5
        await writing
        await eventually(lambda: len(record.settled) >= 400)

    assert sorted(record.settled) == list(range(400))
    for key, order in turn.items():
        assert [number(message) for message in record.handed if message.key == key] == order
    assert await count(database, "select count(*) from kafka_outbox") == 0


@asynccontextmanager
async def door(port: int, to: str) -> AsyncGenerator[None]:
    """A way to the broker by another port; closed at the end of the block."""
    host, _, number_of = to.partition(":")

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65_536):
                writer.write(data)
        writer.close()

    async def open_way(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, forth = await asyncio.open_connection(host, int(number_of))
        await asyncio.gather(pass_on(reader, forth), pass_on(back, writer))

    server = await asyncio.start_server(open_way, "127.0.0.1", port)
    try:
        yield
    finally:
        server.close()


async def test_a_worker_waits_for_brokers_that_are_not_there_yet(
    database: Database, transport_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deskhand.transport.kafka.brokers.PATIENCE", 0.5)
    [port] = free_ports(1)
    away = transport_settings.model_copy(
        update={"kafka_bootstrap": f"127.0.0.1:{port}", "kafka_wait": timedelta(seconds=0.2)}
    )
    transport = open_transport(database, away)
    record = Record()
    await publish(database, transport, 1)
    with pytest.raises(BrokerUnavailable):
        await transport.check(subscribed={TOPIC}, published={TOPIC})
    with pytest.raises(BrokerUnavailable):
        await transport.lag()

    async with working(transport, Subscription(TOPIC, record)):
        await publish(database, transport, 2)
        assert record.handed == []
        assert transport_settings.kafka_bootstrap is not None
        async with door(port, transport_settings.kafka_bootstrap.split(",")[0]):
            await eventually(lambda: record.settled == [1, 2])
    await transport.close()


async def test_a_worker_stops_in_time_while_the_brokers_are_away(
    database: Database, transport_settings: Settings
) -> None:
    with socket.socket() as nobody_answers:
        nobody_answers.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{nobody_answers.getsockname()[1]}"
        transport = open_transport(database, transport_settings.model_copy(update={"kafka_bootstrap": address}))
        await publish(database, transport, 1)
        async with working(transport, Subscription(TOPIC, Record())):
            await asyncio.sleep(0.3)
        await transport.close()

    assert await count(database, "select count(*) from kafka_outbox") == 1


async def test_a_topic_that_is_missing_keeps_no_other_waiting(database: Database, transport: Transport) -> None:
    record = Record()
    await publish(database, transport, 1, topic="test.absent")
    await publish(database, transport, 2)

    async with working(transport, Subscription(TOPIC, record)):
        await eventually(lambda: record.settled == [2])

    assert (await lag_of(transport, "test.absent")).pending == 1


async def test_what_the_brokers_refuse_is_a_dead_letter_and_keeps_no_other_waiting(
    database: Database, transport: Transport, transport_settings: Settings
) -> None:
    await Brokers(transport_settings).create(
        {"test.small": timedelta(days=1)}, more={"max.message.bytes": "2000", "compression.type": "uncompressed"}
    )
    record = Record()
    noise = "".join(random.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=6_000))
    async with database.transaction() as tx:
        await transport.publish(tx, "test.small", "anna", {"n": 1, "text": noise})
    await publish(database, transport, 2, topic="test.small")

    async with working(transport, Subscription("test.small", record)):
        await eventually(lambda: record.settled == [2])

    [letter] = await transport.list_dead_letters("test.small")
    assert letter.payload["n"] == 1
    assert letter.error.startswith("The brokers refused it: ")


async def test_a_standby_takes_the_outbox_over(database: Database, make_transport: MakeTransport) -> None:
    record = Record()
    async with working(make_transport(), Subscription("test.other", Record())) as first_stops:
        await eventually_leads(database)
        async with working(make_transport(), Subscription(TOPIC, record)):
            first_stops.set()
            await publish(database, make_transport(), 1)
            await eventually(lambda: record.settled == [1])


async def eventually_leads(database: Database) -> None:
    """Wait until a relay holds the outbox."""
    async with asyncio.timeout(20):
        while (
            await count(database, "select count(*) from pg_locks where locktype = 'advisory' and classid = 9092") == 0
        ):
            await asyncio.sleep(0.01)


@pytest.mark.timeout(400)
async def test_killed_workers_and_a_killed_broker_of_three_lose_and_double_nothing() -> None:
    """The short form of `python -m bench.kafka_failover`."""
    figures = await fail_over(2_000)

    assert (figures.lost, figures.doubled, figures.out_of_order) == (0, 0, 0), figures.events
