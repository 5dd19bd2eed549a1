"""What the Kafka transport survives: workers and a broker killed under load, nothing lost, nothing out of order.

.venv/bin/python -m bench.kafka_failover [--messages 30000] [--short]

Three brokers and a database are started; two workers handle what a third process publishes, 200 keys in parallel. Twice
a worker is killed with SIGKILL and replaced, once the broker that leads a partition. Every message's effect is written
in the transaction that acknowledges it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from confluent_kafka.admin import AdminClient

from deskhand.db import Database, migrate
from deskhand.embedded import throwaway_server
from deskhand.log import configure
from deskhand.settings import Settings
from deskhand.transport import Delivery, Subscription
from deskhand.transport.configured import open_transport
from deskhand.transport.kafka.brokers import Brokers
from tests.kafka_broker import Cluster, cluster

TOPIC = "bench.work"
KEYS = 200
PUBLISHED_TOGETHER = 50
ROOT = Path(__file__).parents[1]
TABLES = """
    create table handed (turn bigserial, key text not null, n integer not null);
    create table effects (
        turn bigserial, key text not null, n integer not null, at timestamptz default clock_timestamp()
    );
"""


@dataclass
class Figures:
    messages: int
    seconds: float = 0.0
    lost: int = 0
    doubled: int = 0  # effects beyond the first
    out_of_order: int = 0
    handed_again: int = 0  # what a crash had handed out twice
    longest_gap: float = 0.0
    events: list[str] = field(default_factory=list[str])

    @property
    def faultless(self) -> bool:
        return not (self.lost or self.doubled or self.out_of_order)


def settings_of(bootstrap: str) -> Settings:
    return Settings(
        transport="kafka",
        kafka_bootstrap=bootstrap,
        kafka_partitions=6,
        kafka_replication=3,
        worker_concurrency=16,
        database_pool_size=20,
        queue_lease=timedelta(seconds=3),
        queue_poll=timedelta(seconds=1),
        _env_file=None,  # pyright: ignore[reportCallIssue]  # pydantic-settings' own
    )


async def work(conninfo: str, bootstrap: str) -> None:
    """A worker's process, until it is killed."""
    configure("error", as_json=False)
    database = Database(conninfo, pool_size=20)
    await database.open()

    async def handle(delivery: Delivery) -> None:
        rows = [(message.key, int(message.payload["n"])) for message in delivery.messages]
        async with database.transaction() as tx:
            for row in rows:
                await tx.execute("insert into handed (key, n) values (%s, %s)", row)
        async with delivery.settle() as tx:
            for row in rows:
                await tx.execute("insert into effects (key, n) values (%s, %s)", row)

    transport = open_transport(database, settings_of(bootstrap))
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await transport.run([Subscription(TOPIC, handle, batch=5)], stop)
    await transport.close()
    await database.close()


class Run:
    def __init__(self, database: Database, brokers: Cluster, messages: int) -> None:
        self.database = database
        self.brokers = brokers
        self.figures = Figures(messages)
        self._began = time.monotonic()
        self._workers: list[asyncio.subprocess.Process] = []

    def note(self, what: str) -> None:
        self.figures.events.append(f"{time.monotonic() - self._began:6.1f} s  {what}")

    async def start_worker(self) -> None:
        self._workers.append(
            await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "bench.kafka_failover", "--worker"),
                *(self.database.conninfo, self.brokers.bootstrap),
                cwd=ROOT,
                stdout=sys.stderr,
            )
        )

    async def kill_worker(self) -> None:
        process = self._workers.pop(0)
        process.kill()
        await process.wait()
        self.note(f"worker {process.pid} killed, another started")
        await self.start_worker()

    async def kill_leader(self) -> int:
        number = await asyncio.to_thread(leader, self.brokers.bootstrap)
        await asyncio.to_thread(self.brokers.kill_node, number)
        self.note(f"broker {number} killed, which led partition 0")
        return number

    async def publish(self) -> None:
        transport = open_transport(self.database, settings_of(self.brokers.bootstrap))
        for first in range(0, self.figures.messages, PUBLISHED_TOGETHER):
            async with self.database.transaction() as tx:
                for n in range(first, min(first + PUBLISHED_TOGETHER, self.figures.messages)):
                    await transport.publish(tx, TOPIC, f"customer {n % KEYS}", {"n": n})
        await transport.close()
        self.note("all published")

    async def count(self) -> int:
        async with self.database.transaction() as tx:
            row = await (await tx.execute("select count(*) from effects")).fetchone()
            return 0 if row is None else int(row[0])

    async def until(self, share: float, patience: float = 180.0) -> None:
        """Wait until so many of the messages have had their effect; `patience` is without any progress."""
        wanted, before, since = int(self.figures.messages * share), -1, time.monotonic()
        while (now := await self.count()) < wanted:
            if now > before:
                before, since = now, time.monotonic()
            if time.monotonic() - since > patience:
                self.note(f"no progress at {now} of {wanted}")
                return
            await asyncio.sleep(0.1)

    async def stop(self) -> None:
        for process in self._workers:
            process.terminate()
        for process in self._workers:
            try:
                await asyncio.wait_for(process.wait(), 40)
            except TimeoutError:
                process.kill()
                await process.wait()


def leader(bootstrap: str) -> int:
    admin: Any = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    return int(admin.list_topics(TOPIC, timeout=20).topics[TOPIC].partitions[0].leader)


async def measure(run: Run) -> None:
    figures = run.figures
    async with run.database.transaction() as tx:
        cursor = await tx.execute(
            """
            with firsts as (select key, n, min(turn) as turn from effects group by key, n),
                 ordered as (select n, lag(n) over (partition by key order by turn) as before from firsts),
                 handed_first as (select key, n, min(turn) as turn from handed group by key, n),
                 handed_order as (select n, lag(n) over (partition by key order by turn) as before from handed_first),
                 gaps as (select at - lag(at) over (order by at) as gap from effects)
            select (select count(distinct n) from effects), (select count(*) from effects),
                   (select count(*) from ordered where before > n)
                   + (select count(*) from handed_order where before > n),
                   (select count(*) - count(distinct n) from handed),
                   (select extract(epoch from max(gap))::float8 from gaps)
            """
        )
        row = await cursor.fetchone()
        assert row is not None
        distinct, effects, figures.out_of_order, figures.handed_again, figures.longest_gap = row
        figures.lost, figures.doubled = figures.messages - distinct, effects - distinct


@asynccontextmanager
async def standing(messages: int) -> AsyncGenerator[Run]:
    """Brokers, a database and a topic."""
    async with AsyncExitStack() as stack:
        server = stack.enter_context(throwaway_server())
        brokers = await asyncio.to_thread(stack.enter_context, cluster(3))
        await migrate(server.conninfo)
        await Brokers(settings_of(brokers.bootstrap)).create({TOPIC: timedelta(days=1)})
        database = Database(server.conninfo, pool_size=5)
        await database.open()
        stack.push_async_callback(database.close)
        async with database.transaction() as tx:
            await tx.execute(TABLES)
        yield Run(database, brokers, messages)


async def fail_over(messages: int) -> Figures:
    async with standing(messages) as run:
        began = time.monotonic()
        await run.start_worker()
        await run.start_worker()
        publishing = asyncio.create_task(run.publish())
        try:
            await run.until(0.2)
            await run.kill_worker()
            await run.until(0.45)
            gone = await run.kill_leader()
            await run.until(0.7)
            await run.kill_worker()
            run.brokers.start_node(gone)
            run.note(f"broker {gone} started again")
            await publishing
            await run.until(1.0)
            run.figures.seconds = time.monotonic() - began
        finally:
            publishing.cancel()
            await run.stop()
        await measure(run)
        return run.figures


def show(figures: Figures) -> None:
    for event in figures.events:
        print(event)
    print(
        f"{figures.messages:,} messages in {figures.seconds:.0f} s ({figures.messages / figures.seconds:.0f}/s, kills "
        f"included), longest pause {figures.longest_gap:.1f} s\n"
        f"lost {figures.lost}, doubled {figures.doubled}, out of order within a key {figures.out_of_order}, "
        f"handed out again after a crash {figures.handed_again}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--messages", type=int, default=30_000)
    parser.add_argument("--short", action="store_true", help="2,000 messages")
    parser.add_argument("--worker", nargs=2, metavar=("CONNINFO", "BOOTSTRAP"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.worker:
        asyncio.run(work(*chosen.worker))
        return 0
    for name in [name for name in os.environ if name.startswith("DESKHAND_")]:
        del os.environ[name]
    configure("error", as_json=False)
    figures = asyncio.run(fail_over(2_000 if chosen.short else chosen.messages))
    show(figures)
    return 0 if figures.faultless else 1


if __name__ == "__main__":
    sys.exit(main())
