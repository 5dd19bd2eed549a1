"""Builds the `Desk` that a process works with: the web process, the worker and commands all use this."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from deskhand.agent.brain import open_brain
from deskhand.agent.triage import build_triage
from deskhand.channels import build_channels
from deskhand.clock import Clock, SystemClock
from deskhand.company_folder import load_company
from deskhand.db import Database
from deskhand.desk import Desk
from deskhand.embedded import EmbeddedPostgres, EmbeddedSettings, Role
from deskhand.inference import LocalEmbedder
from deskhand.settings import Settings
from deskhand.transport.postgres import PostgresTransport
from deskhand.transport.topics import Topics


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
        SetupInvalid: the company folder or the language model's settings hold a mistake.
    """
    company = load_company(settings.company_dir)
    clock = clock or SystemClock()
    database = Database(conninfo, pool_size=settings.database_pool_size)
    embedder = LocalEmbedder(threads=settings.model_threads)
    topics = Topics(settings.topic_prefix)
    async with open_brain(settings, company, clock) as brain:
        await database.open(wait_seconds=settings.database_wait.total_seconds())
        try:
            yield Desk(
                settings=settings,
                db=database,
                transport=PostgresTransport(database, settings),
                topics=topics,
                embedder=embedder,
                triage=build_triage(company, embedder),
                channels=build_channels(settings, company),
                company=company,
                clock=clock,
                brain=brain,
            )
        finally:
            await database.close()
