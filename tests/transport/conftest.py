"""A transport of each kind on a fresh database; Kafka's with topics and a group of the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta

import pytest

from deskhand.db import Database
from deskhand.settings import Settings
from deskhand.transport import Transport
from deskhand.transport.configured import open_transport
from tests.kafka_broker import shared_bootstrap
from tests.transport.consuming import KAFKA_TOPICS, MakeTransport, create_topics, quick


@pytest.fixture(params=["postgres", "kafka"])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
async def transport_settings(kind: str, conninfo: str, settings: Settings) -> Settings:
    """What makes a transport of this kind; on the shared broker, names that no other test has."""
    if kind == "postgres":
        return quick(settings)
    prefix = f"{conninfo.rsplit('dbname=', 1)[1].split()[0]}."
    found = quick(
        settings,
        transport="kafka",
        kafka_bootstrap=await asyncio.to_thread(shared_bootstrap),
        kafka_topic_prefix=prefix,
        kafka_group=f"{prefix}group",
        kafka_partitions=2,
        kafka_replication=1,
        queue_lease=timedelta(seconds=4),
    )
    await create_topics(found, KAFKA_TOPICS)
    return found


@pytest.fixture
async def make_transport(transport_settings: Settings, database: Database) -> AsyncGenerator[MakeTransport]:
    """Makes transports; keywords change their settings."""
    made: list[Transport] = []

    def make(**changes: object) -> Transport:
        made.append(open_transport(database, transport_settings.model_copy(update=changes)))
        return made[-1]

    yield make
    for transport in made:
        await transport.close()


@pytest.fixture
def transport(make_transport: MakeTransport) -> Transport:
    return make_transport()


@pytest.fixture
async def effects(database: Database) -> None:
    """A table that stands for a handler's business rows."""
    async with database.transaction() as tx:
        await tx.execute("create table effects (n integer not null, worker text not null default '')")
