"""A language model on loopback that speaks three providers' wire formats, refuses what they would, and obeys a script.

    python -m tests.standins language-model --port 9100

The model's name picks the script (see language_model_scripts.py): `helpful`, `rate-limited`, `hangs` ...
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any, cast

from tests.standins.language_model_scripts import SCRIPTS
from tests.standins.language_model_steps import Answer, Cut, Failure, Garbage, Hang, Refused, Script, Seen, Step, expect
from tests.standins.language_model_wires import Wire
from tests.standins.language_model_wires_more import WIRES

KEY = "sk-standin-0123456789abcdef"
REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 429: "Too Many Requests"}


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class LanguageModelServer:
    """Listens while `running()` lasts; `seen` are the requests that kept to a wire format, `refused` says why not."""

    def __init__(self, key: str = KEY, scripts: Mapping[str, Script] = SCRIPTS) -> None:
        self.key = key
        self.scripts = dict(scripts)
        self.seen: list[Seen] = []
        self.refused: list[str] = []
        self.address = ""
        self._numbers: Counter[str] = Counter()
        self._busy: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def running(self, port: int = 0) -> AsyncGenerator[LanguageModelServer]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        host, number = server.sockets[0].getsockname()[:2]
        self.address = f"http://{host}:{number}"
        try:
            yield self
        finally:
            server.close()
            for task in list(self._busy):
                task.cancel()
            await asyncio.gather(*self._busy, return_exceptions=True)

    def base_url(self, provider: str) -> str:
        """What a client of this provider takes as its address."""
        return f"{self.address}/v1" if provider.startswith("openai") else self.address

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = cast("asyncio.Task[None]", asyncio.current_task())
        self._busy.add(task)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await self._exchange(await _read(reader), writer)
        finally:
            self._busy.discard(task)
            writer.close()

    async def _exchange(self, request: _Request, writer: asyncio.StreamWriter) -> None:
        wire = next((wire for wire in WIRES if wire.matches(request.path)), None)
        if wire is None or request.method != "POST":
            await _write(writer, 404, {"error": {"message": f"there is no {request.method} {request.path}"}})
            return
        try:
            seen = self._read(wire, request)
        except Refused as refusal:
            self.refused.append(refusal.message)
            await _write(writer, refusal.status, wire.error(refusal.status, refusal.message))
            return
        self.seen.append(seen)
        await self._play(wire, seen, self.scripts[seen.model](seen), writer)

    def _read(self, wire: Wire, request: _Request) -> Seen:
        key = wire.key(request.headers)
        # A provider that repeats the key in its error is no fiction.
        expect(key == self.key, f"this API key is not valid: {key}", status=401)
        expect(request.headers.get("content-type", "").startswith("application/json"), "content-type: JSON is needed")
        try:
            body = json.loads(request.body)
        except ValueError as error:
            raise Refused(400, "the body is no JSON") from error
        try:
            seen = wire.read(request.path, request.headers, body)
        except (KeyError, TypeError, AttributeError) as error:
            raise Refused(400, f"malformed: {error!r}") from error
        expect(seen.model in self.scripts, f"there is no model {seen.model}", status=404)
        expect(seen.tools, "tools: this stand-in is for an agent")
        self._numbers[seen.model] += 1
        return replace(seen, number=self._numbers[seen.model], at=time.monotonic())

    async def _play(self, wire: Wire, seen: Seen, step: Step, writer: asyncio.StreamWriter) -> None:
        match step:
            case Failure(status, retry_after):
                headers = {} if retry_after is None else {"Retry-After": f"{retry_after:g}"}
                await _write(writer, status, wire.error(status, "as the script says"), headers)
            case Hang():
                await asyncio.Event().wait()
            case Garbage(body):
                await _send(writer, 200, "application/json", body)
            case Cut(answer):
                await _send(writer, 200, *_rendered(wire, seen, answer), cut=True)
            case Answer():
                await _send(writer, 200, *_rendered(wire, seen, step))


def _rendered(wire: Wire, seen: Seen, answer: Answer) -> tuple[str, bytes]:
    if seen.stream:
        return "text/event-stream", "".join(wire.events(seen, answer)).encode()
    return "application/json", json.dumps(wire.answer(seen, answer)).encode()


async def _read(reader: asyncio.StreamReader) -> _Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip().split("\r\n")
    method, path, _ = first.split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return _Request(method, path, headers, await reader.readexactly(int(headers.get("content-length", 0))))


async def _write(
    writer: asyncio.StreamWriter, status: int, body: dict[str, Any], headers: Mapping[str, str] | None = None
) -> None:
    await _send(writer, status, "application/json", json.dumps(body).encode(), headers)


async def _send(
    writer: asyncio.StreamWriter,
    status: int,
    kind: str,
    body: bytes,
    headers: Mapping[str, str] | None = None,
    *,
    cut: bool = False,
) -> None:
    """Write a response; `cut` ends the connection after half of the body that was announced."""
    lines = {"Content-Type": kind, "Content-Length": str(len(body)), "Connection": "close"} | dict(headers or {})
    head = f"HTTP/1.1 {status} {REASONS.get(status, 'Status')}\r\n" + "".join(
        f"{name}: {value}\r\n" for name, value in lines.items()
    )
    writer.write(head.encode("latin-1") + b"\r\n" + (body[: len(body) // 2] if cut else body))
    await writer.drain()


async def _run(port: int, key: str) -> None:
    async with LanguageModelServer(key).running(port) as server:
        print(f"language model on {server.address} (key {key}); models: {', '.join(SCRIPTS)}", flush=True)  # noqa: T201
        await asyncio.Event().wait()


def main(arguments: list[str]) -> None:
    """Run until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m tests.standins language-model", description=__doc__)
    parser.add_argument("--port", type=int, default=9100)
    parser.add_argument("--key", default=KEY)
    given = parser.parse_args(arguments)
    with suppress(KeyboardInterrupt):
        asyncio.run(_run(given.port, given.key))
