"""A transport of each kind on a fresh database."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from deskhand.db import Database
from deskhand.settings import Settings
from deskhand.transport import PostgresTransport, Transport
from tests.transport.consuming import MakeTransport, quick


@pytest.fixture(params=["postgres"])
async def make_transport(
    request: pytest.FixtureRequest, database: Database, settings: Settings
) -> AsyncGenerator[MakeTransport]:
    """Makes transports; keywords change their settings."""
    made: list[Transport] = []

    def make(**changes: object) -> Transport:
        assert request.param == "postgres"
        made.append(PostgresTransport(database, quick(settings, **changes)))
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
