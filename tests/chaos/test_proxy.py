"""The fault harness's proxy: passes on, delays, cuts, swallows and refuses."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator

import pytest

from bench.chaos.proxy import Proxy


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(1_000):
            writer.write(data.upper())
            await writer.drain()
    finally:
        writer.close()


@pytest.fixture
async def proxy() -> AsyncGenerator[Proxy]:
    busy: set[asyncio.Task[None]] = set()

    def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        busy.add(asyncio.create_task(_echo(reader, writer)))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with Proxy.running(f"127.0.0.1:{port}") as proxy:
        yield proxy
    server.close()
    await asyncio.gather(*busy, return_exceptions=True)


async def ask(proxy: Proxy, words: bytes, *, seconds: float = 5.0) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    try:
        writer.write(words)
        return await asyncio.wait_for(reader.read(1_000), seconds)
    finally:
        writer.close()


async def test_what_goes_in_comes_out(proxy: Proxy) -> None:
    assert await ask(proxy, b"hello") == b"HELLO"


async def test_a_delay_counts_in_both_directions(proxy: Proxy) -> None:
    proxy.delay = 0.05
    began = time.monotonic()

    assert await ask(proxy, b"hello") == b"HELLO"

    assert time.monotonic() - began >= 0.1


async def test_a_cut_ends_what_is_open_and_nothing_later(proxy: Proxy) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    writer.write(b"one")
    assert await reader.read(100) == b"ONE"

    proxy.cut()

    with pytest.raises(ConnectionError):
        await reader.readexactly(1)
    writer.close()
    assert await ask(proxy, b"two") == b"TWO"


async def test_a_refusal_ends_the_connection(proxy: Proxy) -> None:
    proxy.mood = "refuses"

    with pytest.raises(ConnectionError):
        await ask(proxy, b"hello")


async def test_an_answer_is_dropped_although_the_question_arrived(proxy: Proxy) -> None:
    proxy.mood = "drops-answers"

    with pytest.raises(TimeoutError):
        await ask(proxy, b"hello", seconds=0.1)
    assert proxy.connections == 1
