"""The database, the web process and the worker under one roof; a part that dies is started again."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress

import httpx

from deskhand.composition import open_database_server
from deskhand.db import migrate, wait_until_reachable
from deskhand.errors import DeskhandError
from deskhand.log import get_logger
from deskhand.settings import Settings

log = get_logger("processes")

Prepare = Callable[[str], Awaitable[Mapping[str, str]]]

START_SECONDS = 60.0
WATCH_SECONDS = 0.5
MOST_RESTARTS = 20


class NotStarted(DeskhandError):
    """A part of Deskhand did not start; its own words are above."""


class Processes:
    """Child processes that share one database. Use `running()`."""

    def __init__(self, settings: Settings, conninfo: str, variables: Mapping[str, str]) -> None:
        port = settings.port or free_port(settings.host)
        self.conninfo = conninfo
        self.address = settings.public_url or f"http://{settings.host}:{port}"
        self._local = f"http://{settings.host}:{port}"
        self._drain = settings.drain.total_seconds()
        self._environment = {
            **os.environ,
            "DATABASE_URL": conninfo,
            "DESKHAND_DATABASE_URL": conninfo,
            "DESKHAND_PORT": str(port),
            "DESKHAND_LOG_LEVEL": "warning" if settings.log_level == "info" else settings.log_level,
            **variables,
        }
        self._children: dict[str, Process] = {}
        self._restarts = 0

    @classmethod
    @asynccontextmanager
    async def running(
        cls, settings: Settings, *, announce: Callable[[str], object], prepare: Prepare | None = None
    ) -> AsyncGenerator[Processes]:
        """Everything started and healthy for the time of the block.

        `prepare` is called with the migrated database's conninfo; the children get the variables that it returns.

        Raises:
            DatabaseUnavailable: no database.
            NotStarted: a part ended, or did not become healthy within a minute.
        """
        async with open_database_server(settings, role="service") as conninfo:
            await wait_until_reachable(conninfo, wait_seconds=settings.database_wait.total_seconds())
            applied = await migrate(conninfo)
            announce(f"database ready{f', {len(applied)} migrations applied' if applied else ''}")
            processes = cls(settings, conninfo, await prepare(conninfo) if prepare else {})
            try:
                await processes._start(announce)
                yield processes
            finally:
                await processes._stop()

    async def _start(self, announce: Callable[[str], object]) -> None:
        for name in ("serve", "work"):
            self._children[name] = await self._spawn(name)
        loader = await self._spawn("kb", "load", "--company")
        if await loader.wait() != 0:
            raise NotStarted
        announce("knowledge loaded")
        await self._wait_until_healthy()
        announce("web and worker healthy")

    async def _spawn(self, *arguments: str) -> Process:
        quiet = asyncio.subprocess.DEVNULL if arguments[0] in ("serve", "work") else None
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "deskhand",
            *arguments,
            env=self._environment,
            stdout=quiet,
            start_new_session=True,  # Ctrl-C is ours to pass on
        )

    async def _wait_until_healthy(self) -> None:
        async with httpx.AsyncClient(base_url=self._local, timeout=5) as client, asyncio.timeout(START_SECONDS):
            while True:
                for name, child in self._children.items():
                    if child.returncode is not None:
                        raise NotStarted(f"`deskhand {name}` ended with exit code {child.returncode}.")
                with suppress(httpx.HTTPError):
                    if (await client.get("/health/detailed")).status_code == 200:
                        return
                await asyncio.sleep(0.05)

    async def watch(self, stop: asyncio.Event) -> None:
        """Start parts again that die, until `stop` is set."""
        while not stop.is_set():
            for name, child in list(self._children.items()):
                if child.returncode is not None and not stop.is_set():
                    self._restarts += 1
                    if self._restarts > MOST_RESTARTS:
                        raise NotStarted(f"`deskhand {name}` keeps ending (exit code {child.returncode}).")
                    log.warning("process_restarted", process=name, exit_code=child.returncode)
                    self._children[name] = await self._spawn(name)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), WATCH_SECONDS)

    async def _stop(self) -> None:
        """Ask each child to drain; end what has not ended by then."""
        living = [child for child in self._children.values() if child.returncode is None]
        for child in living:
            with suppress(ProcessLookupError):
                child.terminate()
        for child in living:
            try:
                await asyncio.wait_for(child.wait(), self._drain + 5)
            except TimeoutError:
                with suppress(ProcessLookupError):
                    child.kill()
                await child.wait()


def free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
