"""The little HTTP/1.1 that a stand-in of Google speaks: one request, one answer, the connection ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import parse_qs, parse_qsl, unquote, urlsplit

REASONS = {200: "OK", 204: "No Content", 302: "Found", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found"}


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))


@dataclass(frozen=True, slots=True)
class Answer:
    """`cut` ends the connection without an answer; `hang` keeps it open without one."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    cut: bool = False
    hang: bool = False

    def render(self) -> bytes:
        content = (
            b"" if self.body is None else self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        )
        lines = {"Content-Type": "application/json; charset=UTF-8", "Content-Length": str(len(content))}
        head = "".join(f"{name}: {value}\r\n" for name, value in (lines | dict(self.headers)).items())
        return (
            f"HTTP/1.1 {self.status} {REASONS.get(self.status, 'Status')}\r\n{head}Connection: close\r\n\r\n".encode()
            + content
        )


Route = Callable[[Request], Awaitable[Answer]]


@asynccontextmanager
async def listening(route: Route, port: int = 0) -> AsyncGenerator[str]:
    """The address at which `route` answers for as long as the block lasts."""
    busy: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = cast("asyncio.Task[None]", asyncio.current_task())
        busy.add(task)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                answer = await route(await _read(reader))
                if answer.hang:
                    await asyncio.Event().wait()
                if not answer.cut:
                    writer.write(answer.render())
                    await writer.drain()
        finally:
            busy.discard(task)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", port, limit=128 * 1024 * 1024)
    host, number = server.sockets[0].getsockname()[:2]
    try:
        yield f"http://{host}:{number}"
    finally:
        server.close()
        for task in list(busy):
            task.cancel()
        await asyncio.gather(*busy, return_exceptions=True)


async def _read(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip().split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    parts = urlsplit(target)
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Request(method, unquote(parts.path), parse_qs(parts.query, keep_blank_values=True), headers, body)
