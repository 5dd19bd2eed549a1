"""Deskhand's own processes as children: killed at will, started again by a supervisor, drained one after the other."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx

from deskhand.crash import VARIABLE

PAUSE = 0.1  # before a dead child is started again
START_SECONDS = 90.0
DRAIN_LIMIT = 30.0


class Child:
    """One process, started again whenever it ends. `extra` is added to its environment from its next start on."""

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self.name = name
        self.command = list(command)
        self.environment = dict(environment)
        self.extra: dict[str, str] = {}
        self.deaths = 0  # ends that nobody asked for politely
        self._log = log
        self._process: Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._is_over = False

    @property
    def pid(self) -> int | None:
        alive = self._process is not None and self._process.returncode is None
        return self._process.pid if alive and self._process is not None else None

    async def start(self) -> None:
        await self._spawn()
        self._keeper = asyncio.create_task(self._keep())

    def crash_at(self, point: str) -> None:
        """Die at this point of the work, from the next start on; an empty one lets it live."""
        self.extra.pop(VARIABLE, None)
        if point:
            self.extra[VARIABLE] = point

    def send(self, order: signal.Signals) -> None:
        if self.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, order)

    async def drain(self) -> float:
        """SIGTERM; returns the seconds that its end took. The supervisor starts the next one."""
        process, began = self._process, time.monotonic()
        self.send(signal.SIGTERM)
        if process is not None:
            await asyncio.wait_for(process.wait(), DRAIN_LIMIT)
        return time.monotonic() - began

    async def stop(self) -> None:
        self._is_over = True
        self.send(signal.SIGCONT)
        if self._keeper is not None:
            with suppress(TimeoutError):
                await self.drain()
            self.send(signal.SIGKILL)
            await self._keeper

    async def _spawn(self) -> None:
        with self._log.open("ab") as sink:
            self._process = await asyncio.create_subprocess_exec(
                *self.command,
                env=self.environment | self.extra,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=sink,
                start_new_session=True,
            )

    async def _keep(self) -> None:
        while True:
            assert self._process is not None
            ended = await self._process.wait()
            if self._is_over:
                return
            self.deaths += ended != 0
            await asyncio.sleep(PAUSE)
            await self._spawn()


class Fleet:
    """One web process and some workers."""

    def __init__(self, web: Child, workers: Sequence[Child], address: str) -> None:
        self.web = web
        self.workers = list(workers)
        self.address = address

    @property
    def children(self) -> list[Child]:
        return [self.web, *self.workers]

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[Fleet]:
        try:
            for child in self.children:
                await child.start()
            await self.wait_until_healthy()
            yield self
        finally:
            await asyncio.gather(*(child.stop() for child in self.children))

    async def wait_until_healthy(self) -> None:
        async with httpx.AsyncClient(base_url=self.address, timeout=5) as client, asyncio.timeout(START_SECONDS):
            while True:
                with suppress(httpx.HTTPError):
                    if (await client.get("/health")).status_code == 200:
                        return
                await asyncio.sleep(0.1)

    def kill(self, *children: Child) -> None:
        for child in children:
            child.send(signal.SIGKILL)


def deskhand(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "deskhand", *arguments]


async def run_once(command: Sequence[str], environment: Mapping[str, str], log: Path) -> int:
    """A command to its end; returns how it ended."""
    with log.open("ab") as sink:
        process = await asyncio.create_subprocess_exec(
            *command, env=dict(environment), stdout=asyncio.subprocess.DEVNULL, stderr=sink
        )
    return await process.wait()
