"""Builds the `Desk` that a process works with: the web process, the worker and commands all use this."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

from deskhand import crash
from deskhand.agent.brain import open_brain
from deskhand.agent.triage import build_triage
from deskhand.channels import build_channels
from deskhand.channels.email_settings import load_email_settings
from deskhand.clock import Clock, SharedClock
from deskhand.company_folder import load_company
from deskhand.db import Database
from deskhand.desk import Desk
from deskhand.embedded import EmbeddedPostgres, EmbeddedSettings, Role
from deskhand.errors import DatabaseUnavailable
from deskhand.flows.vault import Vault
from deskhand.inference import LocalEmbedder, open_embedder
from deskhand.log import get_logger
from deskhand.settings import Settings
from deskhand.transport.configured import open_transport
from deskhand.transport.topics import Topics

LOOK_AT_THE_CLOCK = 60.0  # seconds
WORTH_A_WORD = 5.0

log = get_logger("desk")


@asynccontextmanager
async def open_database_server(settings: Settings, *, role: Role) -> AsyncGenerator[str]:
    """The conninfo of the database to use: the one that the settings name, or the embedded server's.

    Raises:
        DatabaseUnavailable: the embedded server can't run; the message says why.
    """
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    options = EmbeddedSettings(install_dir=settings.postgres_dir)
    async with EmbeddedPostgres.open(settings.data_dir, role=role, settings=options) as server:
        yield server.conninfo


@asynccontextmanager
async def open_desk(settings: Settings, conninfo: str, *, clock: Clock | None = None) -> AsyncGenerator[Desk]:
    """A desk on a migrated database; waits, with growing pauses, while the database is not there yet.

    Raises:
        DatabaseUnavailable: it did not come within `settings.database_wait`.
        SetupInvalid: the company folder, a channel's or a model's settings hold a mistake.
    """
    crash.arm(is_production=settings.is_production)
    company = load_company(settings.company_dir)
    shared = SharedClock()
    clock = clock or shared
    database = Database(conninfo, pool_size=settings.database_pool_size)
    local = LocalEmbedder(threads=settings.model_threads)
    vault = Vault(database, load_email_settings().secret_keys, clock)
    channels = build_channels(settings, company, vault, clock)
    async with open_embedder(settings, local) as embedder, open_brain(settings, company, clock) as brain:
        await database.open(wait_seconds=settings.database_wait.total_seconds())
        keeping_time = asyncio.create_task(_keep_time(shared, database), name="clock")
        try:
            await _put_right(shared, database)
            transport = open_transport(database, settings)
            try:
                yield Desk(
                    settings=settings,
                    db=database,
                    transport=transport,
                    topics=Topics(settings.topic_prefix, tuple(channels)),
                    embedder=embedder,
                    triage=build_triage(company, local),
                    channels=channels,
                    company=company,
                    clock=clock,
                    brain=brain,
                )
            finally:
                await transport.close()
        finally:
            keeping_time.cancel()
            await asyncio.gather(keeping_time, return_exceptions=True)
            await database.close()


async def _keep_time(clock: SharedClock, database: Database) -> None:
    """A host's clock may be set while we run."""
    while True:
        await asyncio.sleep(LOOK_AT_THE_CLOCK)
        with suppress(DatabaseUnavailable):
            await _put_right(clock, database)


async def _put_right(clock: SharedClock, database: Database) -> None:
    behind = await clock.put_right(database.time)
    if abs(behind.total_seconds()) > WORTH_A_WORD:
        log.warning("clock_differs", seconds_behind_the_database=round(behind.total_seconds(), 1))
