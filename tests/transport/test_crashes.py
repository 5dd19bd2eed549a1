"""Workers that die or sleep: real processes, really killed."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from deskhand.db import Database
from deskhand.settings import Settings
from deskhand.transport import Delivery, Subscription
from tests.transport.consuming import TOPIC, MakeTransport, Record, eventually, lag_until, number, publish, working

CHILD = Path(__file__).with_name("child_worker.py")
ROOT = Path(__file__).parents[2]


StartChild = Callable[..., AbstractAsyncContextManager[asyncio.subprocess.Process]]


@pytest.fixture
def child(conninfo: str, transport_settings: Settings) -> StartChild:
    """Starts a worker in a process of its own; it is killed at the end of the block."""

    @asynccontextmanager
    async def start(
        act: str, *, lease: float = 1.0, attempts: int = 6, batch: int = 1
    ) -> AsyncGenerator[asyncio.subprocess.Process]:
        told = {
            "TRANSPORT": transport_settings.transport,
            "KAFKA_BOOTSTRAP": transport_settings.kafka_bootstrap or "",
            "KAFKA_TOPIC_PREFIX": transport_settings.kafka_topic_prefix,
            "KAFKA_GROUP": transport_settings.kafka_group,
            "QUEUE_LEASE": f"{lease}s",
            "QUEUE_ATTEMPTS": str(attempts),
        }
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, str(CHILD), conninfo, act, str(batch)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=os.environ | {f"DESKHAND_{name}": text for name, text in told.items()} | {"PYTHONPATH": str(ROOT)},
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.communicate()

    return start


async def line(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    return (await asyncio.wait_for(process.stdout.readline(), 30)).decode().strip()


async def test_work_of_a_killed_worker_is_taken_over_and_its_attempt_counts(
    database: Database, make_transport: MakeTransport, child: StartChild
) -> None:
    transport = make_transport(queue_poll=timedelta(seconds=0.1))
    await publish(database, transport, 1, 2)
    async with child("hang") as process:
        assert await line(process) == "handed 1"
        process.send_signal(signal.SIGKILL)
        await process.wait()

    record = Record()
    async with working(transport, Subscription(TOPIC, record)):
        await eventually(lambda: record.settled == [1, 2])
    assert [message.attempt for message in record.handed] == [2, 1]


async def test_a_poison_message_that_kills_its_worker_dies_at_the_attempt_limit(
    database: Database, make_transport: MakeTransport, child: StartChild
) -> None:
    transport = make_transport(queue_attempts=2, queue_poll=timedelta(seconds=0.1))
    async with database.transaction() as tx:
        await transport.publish(tx, TOPIC, "anna", {"n": 1, "text": "poison"})
    await publish(database, transport, 2)
    for _ in range(2):
        async with child("die", attempts=2) as process:
            assert await line(process) == "handed 1"
            assert await process.wait() == -signal.SIGKILL

    record = Record()
    async with working(transport, Subscription(TOPIC, record)):
        await eventually(lambda: record.settled == [2])

    [letter] = await transport.list_dead_letters(TOPIC)
    assert letter.payload["text"] == "poison"
    assert letter.attempts == 2
    assert "fell silent" in letter.error


async def test_a_batch_that_killed_its_worker_is_handed_out_one_by_one(
    database: Database, make_transport: MakeTransport, child: StartChild
) -> None:
    transport = make_transport(queue_poll=timedelta(seconds=0.1))
    await publish(database, transport, 1, 2)
    async with child("hang", batch=10) as process:
        assert await line(process) == "handed 1 2"
        process.send_signal(signal.SIGKILL)
        await process.wait()
    await publish(database, transport, 3)

    record = Record()
    async with working(transport, Subscription(TOPIC, record, batch=10)):
        await eventually(lambda: record.settled == [1, 2, 3])

    assert record.batches == [[1], [2], [3]]
    assert [message.attempt for message in record.handed] == [2, 2, 1]


@pytest.mark.usefixtures("effects")
async def test_a_worker_that_slept_through_its_lease_is_refused(
    database: Database, make_transport: MakeTransport, child: StartChild
) -> None:
    transport = make_transport(queue_poll=timedelta(seconds=0.1))
    await publish(database, transport, 1)

    async def handle(delivery: Delivery) -> None:
        async with delivery.settle() as tx:
            await tx.execute("insert into effects values (%s, 'parent')", (number(delivery.messages[0]),))

    async with child("hang", lease=1.0) as process:
        assert await line(process) == "handed 1"
        process.send_signal(signal.SIGSTOP)
        async with working(transport, Subscription(TOPIC, handle)):
            await lag_until(transport, lambda lag: lag.pending == 0)
        assert process.stdin is not None
        process.stdin.write(b"go on\n")
        process.send_signal(signal.SIGCONT)
        await asyncio.sleep(1.5)

    async with database.transaction() as tx:
        assert await (await tx.execute("select * from effects")).fetchall() == [(1, "parent")]
