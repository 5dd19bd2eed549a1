"""What commands share: a desk on the configured database, for as long as the command runs."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from deskhand.app import new_event_loop
from deskhand.channels import CHANNEL_SETTINGS
from deskhand.channels.variables import describe_unknown, given_variables, unknown_variables
from deskhand.composition import open_database_server, open_desk
from deskhand.db import migrate, wait_until_reachable
from deskhand.desk import Desk
from deskhand.settings import Settings, load_settings

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end, on the quickest event loop there is."""
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(work)


@asynccontextmanager
async def command_desk(settings: Settings | None = None) -> AsyncGenerator[Desk]:
    """A desk for one command. The embedded database is started, or shared with `deskhand up`; both are migrated."""
    settings = settings or load_settings()
    async with open_database_server(settings, role="command") as conninfo:
        if settings.database_url is None:
            await migrate(conninfo)
        else:
            await wait_until_reachable(conninfo, wait_seconds=settings.database_wait.total_seconds())
        async with open_desk(settings, conninfo) as desk:
            yield desk


def stop_on_signals(stop: asyncio.Event) -> None:
    """SIGINT and SIGTERM ask for a clean end; a second one falls to Python's own treatment."""
    loop = asyncio.get_running_loop()

    def ask() -> None:
        stop.set()
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(name)

    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, ask)


def find_unknown_variables() -> str:
    """One line on variables that look like ours and that nobody reads; empty when there are none."""
    given = given_variables(Path(".env"))
    return describe_unknown(unknown_variables(given, (Settings, *CHANNEL_SETTINGS)))
