"""A TCP proxy on loopback that cuts, delays, swallows or refuses what passes through it."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Literal
from urllib.parse import urlsplit

Mood = Literal["passes", "refuses", "swallows", "drops-answers"]
CHUNK = 65_536


class Proxy:
    """Passes on to `target`, a folder's socket or HOST:PORT. `mood` and `delay` count from the next bytes on."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.mood: Mood = "passes"
        self.delay = 0.0  # seconds, in each direction
        self.port = 0
        self.connections = 0
        self._busy: set[asyncio.Task[None]] = set()
        self._open: set[asyncio.StreamWriter] = set()

    @classmethod
    @asynccontextmanager
    async def running(cls, target: str) -> AsyncGenerator[Proxy]:
        proxy = cls(target)
        server = await asyncio.start_server(proxy._serve, "127.0.0.1", 0)
        proxy.port = server.sockets[0].getsockname()[1]
        try:
            yield proxy
        finally:
            server.close()
            proxy.cut()
            for task in list(proxy._busy):
                task.cancel()
            await asyncio.gather(*proxy._busy, return_exceptions=True)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Every connection ends with a reset."""
        for writer in list(self._open):
            _reset(writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._busy.add(task)
        self._open.add(writer)
        self.connections += 1
        try:
            with suppress(OSError, asyncio.CancelledError):
                if self.mood != "refuses":
                    await self._carry(reader, writer)
        finally:
            self._busy.discard(task)
            self._open.discard(writer)
            _reset(writer) if self.mood == "refuses" else writer.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await self._connect()
        self._open.add(back)
        pumps = [
            asyncio.create_task(self._pump(reader, back, is_answer=False)),
            asyncio.create_task(self._pump(there, writer, is_answer=True)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            self._open.discard(back)
            back.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self.target.startswith("/"):
            return await asyncio.open_unix_connection(self.target)
        parts = urlsplit(self.target if "//" in self.target else f"//{self.target}")
        return await asyncio.open_connection(parts.hostname, parts.port)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, is_answer: bool) -> None:
        while data := await source.read(CHUNK):
            if self.delay:
                await asyncio.sleep(self.delay)
            if self.mood == "swallows" or (self.mood == "drops-answers" and is_answer):
                continue
            sink.write(data)
            await sink.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Without lingering, what is closed is reset, and what was not sent is lost."""
    with suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
