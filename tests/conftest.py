"""One embedded PostgreSQL for the run, a fresh database cloned from a migrated template for each test."""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import shutil
import tempfile
from collections.abc import AsyncGenerator, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import hypothesis
import psycopg
import pytest
import structlog
from psycopg import sql
from psycopg.conninfo import make_conninfo

from deskhand.agent.triage import TriageEngine
from deskhand.channels import CHANNEL_SETTINGS, build_channels
from deskhand.clock import SystemClock
from deskhand.company_folder import Company, load_company
from deskhand.db import Database, migrate
from deskhand.desk import Desk
from deskhand.embedded import throwaway_server
from deskhand.inference import LocalEmbedder
from deskhand.settings import COMPANY_THAT_SHIPS, Settings
from deskhand.transport.postgres import PostgresTransport
from deskhand.transport.topics import Topics
from tests import kafka_broker
from tests.fakes import ScriptedTriage

# The same examples on every run: what a search of chance finds belongs into a test of its own.
hypothesis.settings.register_profile("steady", derandomize=True, database=None, deadline=None)
hypothesis.settings.load_profile("steady")

SERVER = "DESKHAND_TEST_SERVER"
MEMORY = Path("/dev/shm")  # what holds a file system in memory on Linux
PLENTY = 2_000_000_000
TEMPLATE = "deskhand_template"
CLONE = f"create database {{}} template {TEMPLATE} strategy file_copy"
SERVERS = pytest.StashKey[ExitStack]()


def pytest_configure(config: pytest.Config) -> None:
    """The process that leads the run starts the server; the others find it in the environment."""
    for name in [name for name in os.environ if name.startswith("DESKHAND_") or name == "DATABASE_URL"]:
        if name != SERVER:
            del os.environ[name]
    for kind in (Settings, *CHANNEL_SETTINGS):  # a developer's .env may hold real accounts: no test may reach those
        kind.model_config["env_file"] = None
    if hasattr(config, "workerinput") or config.option.collectonly:
        return
    stack = ExitStack()
    config.stash[SERVERS] = stack
    stack.enter_context(kafka_broker.shared_folder())
    with _in_memory():
        server = stack.enter_context(throwaway_server())
    os.environ[SERVER] = server.conninfo
    with psycopg.connect(server.conninfo, autocommit=True) as connection:
        connection.execute(f"create database {TEMPLATE}")
    asyncio.run(migrate(make_conninfo(server.conninfo, dbname=TEMPLATE)))


@contextmanager
def _in_memory() -> Generator[None]:
    """Temporary folders lie in memory where there is plenty: cloning a database is five times as quick there."""
    before = tempfile.tempdir
    if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > PLENTY:
        tempfile.tempdir = str(MEMORY)
    yield
    tempfile.tempdir = before


def pytest_unconfigure(config: pytest.Config) -> None:
    stack = config.stash.get(SERVERS, None)
    if stack is not None:
        stack.close()
        os.environ.pop(SERVER, None)


@pytest.fixture(autouse=True)
def _own_logs() -> Generator[None]:
    """What a test sets up for logging ends with it: its stream is closed by then."""
    settings, handlers = structlog.get_config(), logging.root.handlers[:]
    yield
    structlog.configure(**settings)
    logging.root.handlers[:] = handlers


@pytest.fixture(scope="session")
def names(worker_id: str) -> Generator[str]:
    """Names for databases that no other test has."""
    return (f"test_{worker_id}_{os.getpid()}_{number}" for number in itertools.count())


@pytest.fixture
def conninfo(names: Generator[str]) -> Generator[str]:
    """A migrated, empty database of the test's own."""
    server = os.environ[SERVER]
    name = next(names)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL(CLONE).format(sql.Identifier(name)))
        yield make_conninfo(server, dbname=name)
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture
async def database(conninfo: str) -> AsyncGenerator[Database]:
    database = Database(conninfo, pool_size=10)
    await database.open(wait_seconds=10)
    yield database
    await database.close()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings as they come, with a data folder of the test's own and quick retries."""
    return Settings(
        data_dir=tmp_path / "data",
        port=0,
        queue_backoff=timedelta(milliseconds=20),
        queue_backoff_cap=timedelta(milliseconds=100),
        queue_poll=timedelta(milliseconds=500),
        drain=timedelta(seconds=5),
        mails_per_hour=1_000,  # what tests the brake sets it
        mails_per_day=1_000,
        _env_file=None,  # pyright: ignore[reportCallIssue]  # pydantic-settings' own
    )


@pytest.fixture(scope="session")
def company() -> Company:
    return load_company(COMPANY_THAT_SHIPS)


@pytest.fixture(scope="session")
def embedder() -> LocalEmbedder:
    return LocalEmbedder()


@pytest.fixture(scope="session")
def triage(company: Company, embedder: LocalEmbedder) -> TriageEngine:
    from deskhand.agent.triage import build_triage  # only tests that ask for it wait for its model

    return build_triage(company, embedder)


@pytest.fixture
async def desk(
    settings: Settings, database: Database, company: Company, embedder: LocalEmbedder
) -> AsyncGenerator[Desk]:
    """A whole desk on a fresh database with an empty knowledge base; its triage is scripted: nothing fires."""
    transport = PostgresTransport(database, settings)
    yield Desk(
        settings=settings,
        db=database,
        transport=transport,
        topics=Topics(settings.topic_prefix),
        embedder=embedder,
        triage=ScriptedTriage(),
        channels=build_channels(settings, company),
        company=company,
        clock=SystemClock(),
    )
    await transport.close()


@pytest.fixture
def real_desk(desk: Desk, triage: TriageEngine) -> Desk:
    """The desk with the triage that ships."""
    return replace(desk, triage=triage)
