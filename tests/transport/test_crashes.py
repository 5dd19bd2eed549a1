"""Workers that die or sleep: real processes, really killed."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from deskhand.db import Database
from deskhand.transport import Delivery, Subscription
from tests.transport.consuming import TOPIC, MakeTransport, Record, eventually, lag_until, number, publish, working

CHILD = Path(__file__).with_name("child_worker.py")
ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def child(
    database: Database, act: str, *, lease: float = 1.0, attempts: int = 6
) -> AsyncGenerator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(CHILD),
        database.conninfo,
        str(lease),
        str(attempts),
        act,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def line(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    return (await asyncio.wait_for(process.stdout.readline(), 30)).decode().strip()


async def test_work_of_a_killed_worker_is_taken_over_and_its_attempt_counts(
    database: Database, make_transport: MakeTransport
) -> None:
    transport = make_transport(queue_poll=timedelta(seconds=0.1))
    await publish(database, transport, 1, 2)
    async with child(database, "hang") as process:
        assert await line(process) == "handed 1"
        process.send_signal(signal.SIGKILL)
        await process.wait()

    record = Record()
    async with working(transport, Subscription(TOPIC, record)):
        await eventually(lambda: record.settled == [1, 2])
    assert [message.attempt for message in record.handed] == [2, 1]


async def test_a_poison_message_that_kills_its_worker_dies_at_the_attempt_limit(
    database: Database, make_transport: MakeTransport
) -> None:
    transport = make_transport(queue_attempts=2, queue_poll=timedelta(seconds=0.1))
    async with database.transaction() as tx:
        await transport.publish(tx, TOPIC, "anna", {"n": 1, "text": "poison"})
    await publish(database, transport, 2)
    for _ in range(2):
        async with child(database, "die", lease=0.5, attempts=2) as process:
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
    database: Database, make_transport: MakeTransport
) -> None:
    patient = make_transport(queue_lease=timedelta(seconds=0.5), queue_poll=timedelta(seconds=0.1))
    await publish(database, patient, 1, 2, 3)
    async with database.transaction() as tx:  # as a claim of two messages leaves it when its worker dies
        await tx.execute("update queue_lanes set lease = 7, holder = 'host:1', handed = 2, lease_until = now()")

    record = Record()
    async with working(patient, Subscription(TOPIC, record, batch=10)):
        await eventually(lambda: record.settled == [1, 2, 3])

    assert record.batches == [[1], [2], [3]]
    assert [message.attempt for message in record.handed] == [2, 2, 1]


@pytest.mark.usefixtures("effects")
async def test_a_worker_that_slept_through_its_lease_is_refused(
    database: Database, make_transport: MakeTransport
) -> None:
    transport = make_transport(queue_poll=timedelta(seconds=0.1))
    await publish(database, transport, 1)

    async def handle(delivery: Delivery) -> None:
        async with delivery.settle() as tx:
            await tx.execute("insert into effects values (%s, 'parent')", (number(delivery.messages[0]),))

    async with child(database, "hang", lease=1.0) as process:
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
