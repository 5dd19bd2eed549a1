"""An embeddings endpoint on loopback in OpenAI's wire format: it refuses what providers refuse, and obeys a script.

    python -m tests.standins embeddings --port 9101

Its vectors are honest: texts with words in common lie near each other. Failures are queued in `plan`; from
`fail_after` texts on, it is overloaded.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np

from tests.standins.language_model import _read, _Request, _write
from tests.standins.language_model_steps import Refused, expect

KEY = "sk-embeddings-0123456789abcdef"
MOST_TEXTS = 96
LONGEST = 30_000
FIELDS = {"model", "input", "dimensions", "encoding_format", "user"}


@dataclass(frozen=True, slots=True)
class Model:
    """`shortens`: takes a length to cut its vectors to; others refuse to be told one."""

    dimensions: int
    shortens: bool = True


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to one request: a status, with the pause asked for; 0 closes the connection without a word."""

    status: int
    retry_after: str | None = None
    body: Any = None


MODELS = {"words-64": Model(64), "words-24": Model(24), "fixed-48": Model(48, shortens=False)}


@dataclass
class EmbeddingServer:
    """Listens while `running()` lasts; `seen` are the texts embedded, `refused` says why a request was not served."""

    key: str | None = KEY
    plan: list[Fault] = field(default_factory=list[Fault])
    seen: list[str] = field(default_factory=list[str])
    sizes: list[int] = field(default_factory=list[int])
    refused: list[str] = field(default_factory=list[str])
    address: str = ""
    fail_after: int | None = None
    hangs: bool = False
    _busy: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])

    @asynccontextmanager
    async def running(self, port: int = 0) -> AsyncGenerator[EmbeddingServer]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        host, number = server.sockets[0].getsockname()[:2]
        self.address = f"http://{host}:{number}/v1"
        try:
            yield self
        finally:
            server.close()
            for task in list(self._busy):
                task.cancel()
            await asyncio.gather(*self._busy, return_exceptions=True)

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
        try:
            texts, length = self._checked(request)
        except Refused as refusal:
            self.refused.append(refusal.message)
            await _write(writer, refusal.status, {"error": {"message": refusal.message, "type": "invalid_request"}})
            return
        if self.fail_after is not None and len(self.seen) >= self.fail_after:
            await _write(writer, 503, {"error": {"message": "overloaded"}})
            return
        if self.hangs:
            await asyncio.Event().wait()
        fault = self.plan.pop(0) if self.plan else None
        if fault is not None:
            if fault.status:
                headers = {} if fault.retry_after is None else {"Retry-After": fault.retry_after}
                await _write(writer, fault.status, fault.body or {"error": {"message": "as planned"}}, headers)
            return
        self.seen.extend(texts)
        self.sizes.append(len(texts))
        # Providers promise no order: the index counts.
        data = [
            {"object": "embedding", "index": index, "embedding": embed(text, length)}
            for index, text in reversed(list(enumerate(texts)))
        ]
        usage = {"prompt_tokens": 1, "total_tokens": 1}
        await _write(writer, 200, {"object": "list", "data": data, "model": "m", "usage": usage})

    def _checked(self, request: _Request) -> tuple[list[str], int]:
        expect(request.method == "POST" and request.path == "/v1/embeddings", f"no {request.path}", status=404)
        expected = None if self.key is None else f"Bearer {self.key}"
        given = request.headers.get("authorization")
        expect(given == expected, f"Incorrect API key provided: {given}", status=401)
        expect(request.headers.get("content-type", "") == "application/json", "content-type: JSON is needed")
        body = cast("dict[str, Any]", json.loads(request.body))
        expect(set(body) <= FIELDS, f"unknown fields: {sorted(set(body) - FIELDS)}")
        expect(body.get("model") in MODELS, f"The model {body.get('model')} does not exist", status=404)
        expect(body.get("encoding_format") == "float", "encoding_format: this stand-in gives floats only")
        texts = cast("list[str]", body["input"])
        expect(bool(texts) and len(texts) <= MOST_TEXTS, f"input: 1 to {MOST_TEXTS} texts")
        expect(all(text and len(text) <= LONGEST for text in texts), "input: no empty text, none too long")
        model = MODELS[body["model"]]
        length = int(body.get("dimensions", model.dimensions))
        expect("dimensions" not in body or model.shortens, "dimensions: this model does not support it")
        expect(length <= model.dimensions, "dimensions: longer than the model's")
        return texts, length


def embed(text: str, length: int) -> list[float]:
    """Not of length 1: few endpoints promise that."""
    row = np.full(length, 0.01)
    for word in re.findall(r"\w+", text.lower()):
        row[int.from_bytes(hashlib.sha256(word.encode()).digest()[:4]) % length] += 1
    return [round(float(value) * 3, 6) for value in row]


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=9101)
    given = parser.parse_args(arguments)

    async def serve() -> None:
        async with EmbeddingServer().running(given.port) as server:
            print(server.address)  # noqa: T201
            await asyncio.Event().wait()

    asyncio.run(serve())
