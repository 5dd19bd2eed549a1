"""What the PostgreSQL transport adds: notices, leases, lanes, and a database that goes away."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from deskhand.db import Database, migrate
from deskhand.embedded import EmbeddedPostgres, EmbeddedSettings
from deskhand.settings import Settings
from deskhand.transport import Delivery, PostgresTransport, Subscription
from deskhand.transport.failures import Failures
from tests.embedded.servers import enterable_folder
from tests.transport.consuming import (
    LISTENERS,
    TOPIC,
    MakeTransport,
    Record,
    count,
    eventually,
    lag_of,
    lag_until,
    listening,
    number,
    publish,
    quick,
    run_sql,
    working,
)

pytestmark = [pytest.mark.usefixtures("kind"), pytest.mark.parametrize("kind", ["postgres"], indirect=True)]


async def test_another_process_is_woken_by_a_notice_long_before_its_poll(
    database: Database, make_transport: MakeTransport
) -> None:
    publisher, worker = make_transport(), make_transport(queue_poll=timedelta(hours=1))
    record = Record()
    async with working(worker, Subscription(TOPIC, record)):
        await listening(database)
        for n in range(5):
            await publish(database, publisher, n)
            await eventually(lambda n=n: n in record.settled)


async def test_the_listener_listens_again_after_its_connection_was_lost(
    database: Database, make_transport: MakeTransport
) -> None:
    publisher, worker = make_transport(), make_transport(queue_poll=timedelta(hours=1))
    record = Record()
    async with working(worker, Subscription(TOPIC, record)):
        await listening(database)
        assert await count(database, "select count(pg_terminate_backend(pid)) from listeners") == 1
        await publish(database, publisher, 1)  # its notice is lost
        await eventually(lambda: record.settled == [1])
        await publish(database, publisher, 2)
        await eventually(lambda: record.settled == [1, 2])


async def test_polling_alone_is_enough(database: Database, make_transport: MakeTransport) -> None:
    publisher = make_transport(queue_listen=False)
    worker = make_transport(queue_listen=False, queue_poll=timedelta(milliseconds=50))
    record = Record()
    async with working(worker, Subscription(TOPIC, record)):
        await asyncio.sleep(0.2)
        await publish(database, publisher, 1)
        await eventually(lambda: record.settled == [1])
        await run_sql(database, LISTENERS)
        assert await count(database, "select count(*) from listeners") == 0


async def test_many_publications_in_a_row_make_few_notices(
    database: Database, make_transport: MakeTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    notices: list[str] = []

    async def notify(_: Database, _channel: str, payload: str) -> None:
        notices.append(payload)

    monkeypatch.setattr(Database, "notify", notify)
    transport = make_transport()
    async with database.transaction() as tx:
        for n in range(50):
            await transport.publish(tx, TOPIC, f"customer {n}", {"n": n})
    await transport.close()

    assert len(notices) == 1
    assert notices[0].endswith(f" {TOPIC}")


async def test_a_lane_is_gone_when_its_last_message_is(database: Database, make_transport: MakeTransport) -> None:
    transport = make_transport(queue_attempts=1)
    record = Record()
    await publish(database, transport, 1, 2)
    async with working(transport, Subscription(TOPIC, record)):
        await eventually(lambda: record.settled == [1, 2])

    assert await count(database, "select count(*) from queue_lanes") == 0
    assert await count(database, "select count(*) from message_queue") == 0


async def test_a_collapsed_duplicate_leaves_no_lane_behind(database: Database, make_transport: MakeTransport) -> None:
    transport = make_transport()
    await publish(database, transport, 1, key="anna", dedup_key="x")
    await publish(database, transport, 2, key="ben", dedup_key="x")
    await publish(database, transport, 3, key="anna", dedup_key="x")

    assert await count(database, "select count(*) from queue_lanes") == 1
    assert await count(database, "select pending from queue_lanes") == 1


async def test_a_lane_whose_messages_were_deleted_by_hand_is_removed(
    database: Database, make_transport: MakeTransport
) -> None:
    transport = make_transport()
    await publish(database, transport, 1)
    await run_sql(database, "delete from message_queue")
    record = Record()
    async with working(transport, Subscription(TOPIC, record)):
        await publish(database, transport, 2, key="ben")
        await eventually(lambda: record.settled == [2])

    assert await count(database, "select count(*) from queue_lanes") == 0


async def test_the_pause_after_a_failure_doubles_up_to_the_cap_and_is_jittered(
    database: Database, settings: Settings
) -> None:
    failures = Failures(
        database,
        settings.model_copy(update={"queue_backoff": timedelta(seconds=1), "queue_backoff_cap": timedelta(seconds=5)}),
        None,
    )
    for attempt, longest in ((1, 1.0), (2, 2.0), (3, 4.0), (4, 5.0), (50, 5.0)):
        pauses = [failures._pause(attempt).total_seconds() for _ in range(200)]
        assert 0 <= min(pauses) < longest * 0.2
        assert longest * 0.8 < max(pauses) <= longest


async def test_a_failed_message_waits_for_its_pause(
    database: Database, make_transport: MakeTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("random.random", lambda: 1.0)
    transport = make_transport(queue_backoff=timedelta(seconds=0.4), queue_backoff_cap=timedelta(seconds=60))
    times: list[float] = []

    async def fail(_: Delivery) -> None:
        times.append(asyncio.get_running_loop().time())
        raise ValueError("no")

    await publish(database, transport, 1)
    async with working(transport, Subscription(TOPIC, fail)):
        await eventually(lambda: len(times) == 1)
        await lag_until(transport, lambda lag: lag.waiting_retry == 1)
        await eventually(lambda: len(times) == 3)

    assert times[1] - times[0] >= 0.4
    assert times[2] - times[1] >= 0.8


async def test_the_loop_survives_a_database_that_ends_every_connection(
    database: Database, make_transport: MakeTransport
) -> None:
    transport = make_transport()
    record = Record(lambda _: asyncio.sleep(0.05))
    for n in range(40):
        await publish(database, transport, n, key=f"customer {n % 8}")
    async with working(transport, Subscription(TOPIC, record)):
        for _ in range(5):
            await asyncio.sleep(0.1)
            with psycopg.connect(database.conninfo) as admin:
                admin.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity"
                    " where datname = current_database() and pid <> pg_backend_pid()"
                )
        await eventually(lambda: len(set(record.settled)) == 40)

    assert await transport.list_dead_letters() == []
    assert await count(database, "select count(*) from message_queue") == 0


async def test_a_restart_of_the_database_loses_and_doubles_nothing(settings: Settings) -> None:
    with enterable_folder() as folder:
        server = EmbeddedPostgres(Path(folder) / "data", role="service", settings=EmbeddedSettings())
        await asyncio.to_thread(server.start)
        try:
            await survive_restart(server, settings)
        finally:
            await asyncio.to_thread(server.stop)


async def survive_restart(server: EmbeddedPostgres, settings: Settings) -> None:
    await migrate(server.conninfo)
    database = Database(server.conninfo, pool_size=12)
    await database.open()
    await run_sql(database, "create table effects (n integer not null unique)")
    transport = PostgresTransport(database, quick(settings, queue_attempts=3))

    async def handle(delivery: Delivery) -> None:
        await asyncio.sleep(0.02)
        async with delivery.settle() as tx:
            await tx.execute("insert into effects values (%s)", (number(delivery.messages[0]),))

    for n in range(200):
        await publish(database, transport, n, key=f"customer {n}")
    async with working(transport, Subscription(TOPIC, handle)):
        await asyncio.sleep(0.2)
        conninfo = server.conninfo
        await asyncio.to_thread(server.stop)
        await asyncio.sleep(1)
        await asyncio.to_thread(server.start)
        assert server.conninfo == conninfo
        async with asyncio.timeout(60):
            while (await lag_of(transport)).pending:
                await asyncio.sleep(0.05)

    assert await count(database, "select count(*) from effects") == 200
    assert await transport.list_dead_letters() == []
    await transport.close()
    await database.close()
