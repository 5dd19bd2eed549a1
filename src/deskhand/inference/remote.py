"""Embeddings from any endpoint that speaks OpenAI's wire format: `POST {base_url}/embeddings`."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections import OrderedDict
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Final

import httpx
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ValidationError

from deskhand.errors import ModelUnavailable
from deskhand.log import get_logger
from deskhand.settings import Settings

TRIES: Final = 3
PASSING: Final = frozenset((408, 409, 425, 429, 500, 502, 503, 504, 529))
MENDS: Final = {
    401: "Check DESKHAND_EMBEDDING_API_KEY.",
    403: "Check DESKHAND_EMBEDDING_API_KEY.",
    404: "Check DESKHAND_EMBEDDING_BASE_URL and DESKHAND_EMBEDDING_MODEL.",
}
_PREFIX: Final = "openai-compatible:"
_BATCH: Final = 64
_LONGEST: Final = 8_000  # characters of a text; passages and queries are far shorter
_LARGEST_ANSWER: Final = 32_000_000
_LONGEST_PAUSE: Final = 8.0
_REMEMBERED: Final = 256

log = get_logger("embeddings")


class _Vector(BaseModel):
    index: int
    embedding: list[float]


class _Answer(BaseModel):
    data: list[_Vector]


class _Refused(Exception):
    """The endpoint understood the request and does not want it."""

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status


class Endpoint:
    """One address with its key; it serves every model there."""

    def __init__(self, client: httpx.AsyncClient, address: str) -> None:
        self._client = client
        self._address = address.rstrip("/")
        self._hash = hashlib.sha256(self._address.encode()).hexdigest()[:12]

    def embedder(self, model: str, dimensions: int) -> RemoteEmbedder:
        return RemoteEmbedder(self, model, dimensions)

    def of_model(self, model_id: str) -> RemoteEmbedder | None:
        """The embedder with this `model_id`; None when it belongs to another address."""
        parts = model_id.removeprefix(_PREFIX).rsplit(":", 2)
        if not model_id.startswith(_PREFIX) or len(parts) != 3 or parts[2] != self._hash:
            return None
        return RemoteEmbedder(self, parts[0], int(parts[1]))

    def model_id(self, model: str, dimensions: int) -> str:
        return f"{_PREFIX}{model}:{dimensions}:{self._hash}"

    async def ask(self, body: dict[str, object]) -> _Answer:
        """One answer, after up to `TRIES` tries.

        Raises:
            _Refused: another try would not help.
            ModelUnavailable: none of the tries did.
        """
        reason = ""
        for number in range(TRIES):
            pause = min(0.4 * 2**number, _LONGEST_PAUSE) * random.uniform(0.8, 1.2)  # noqa: S311  # jitter
            try:
                status, wait, raw = await self._post(body)
            except httpx.HTTPError as error:
                reason = type(error).__name__
            else:
                if status == 200:
                    return _parse(raw)
                if status not in PASSING:
                    raise _Refused(status)
                reason, pause = f"HTTP {status}", pause if wait is None else min(wait, _LONGEST_PAUSE)
            log.info("embedding_failed", reason=reason, number=number + 1)
            if number + 1 < TRIES:
                await asyncio.sleep(pause)
        raise ModelUnavailable(f"The embedding endpoint {self._address} gave no answer: {reason}.")

    async def _post(self, body: dict[str, object]) -> tuple[int, float | None, bytes]:
        async with self._client.stream("POST", f"{self._address}/embeddings", json=body) as response:
            raw = bytearray()
            async for chunk in response.aiter_bytes():
                raw += chunk
                if len(raw) > _LARGEST_ANSWER:
                    raise httpx.RemoteProtocolError("the answer is larger than any answer may be")
            return response.status_code, _seconds(response.headers.get("retry-after")), bytes(raw)


class RemoteEmbedder:
    """Embeds by one model of an endpoint; it satisfies `Embedder`."""

    def __init__(self, endpoint: Endpoint, model: str, dimensions: int) -> None:
        self._endpoint = endpoint
        self._model = model
        self._dimensions = dimensions
        self._names_length = True
        self._recent: OrderedDict[bytes, NDArray[np.float32]] = OrderedDict()

    @property
    def model_id(self) -> str:
        return self._endpoint.model_id(self._model, self._dimensions)

    @property
    def dimensions(self) -> int:
        return self._dimensions

    async def load(self) -> None:
        await self.embed(["ready"])

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if len(texts) == 1:
            return (await self._embed_one(texts[0]))[np.newaxis].copy()
        batches = [await self._batch(texts[start : start + _BATCH]) for start in range(0, len(texts), _BATCH)]
        return np.concatenate(batches) if batches else np.empty((0, self._dimensions), dtype=np.float32)

    async def _embed_one(self, text: str) -> NDArray[np.float32]:
        """Known by a hash: what customers wrote must not linger in memory."""
        key = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        if key not in self._recent:
            self._recent[key] = (await self._batch([text]))[0]
            while len(self._recent) > _REMEMBERED:
                self._recent.popitem(last=False)
        return self._recent[key]

    async def _batch(self, texts: Sequence[str]) -> NDArray[np.float32]:
        body: dict[str, object] = {
            "model": self._model,
            "input": [_cleaned(text) for text in texts],
            "encoding_format": "float",
        }
        try:
            answer = await self._ask(body)
        except _Refused as error:
            raise ModelUnavailable(
                f"The embedding endpoint refuses requests for the model {self._model}: HTTP {error.status}.",
                mend=MENDS.get(error.status),
            ) from error
        return self._rows(answer, len(texts))

    async def _ask(self, body: dict[str, object]) -> _Answer:
        """Models whose vectors can't be shortened often refuse to be told a length, even their own."""
        if self._names_length:
            try:
                return await self._endpoint.ask({**body, "dimensions": self._dimensions})
            except _Refused as error:
                if error.status not in (400, 422):
                    raise
            answer = await self._endpoint.ask(body)
            self._names_length = False
            return answer
        return await self._endpoint.ask(body)

    def _rows(self, answer: _Answer, count: int) -> NDArray[np.float32]:
        found = sorted(answer.data, key=lambda vector: vector.index)
        if [vector.index for vector in found] != list(range(count)):
            raise ModelUnavailable(f"The embedding endpoint answered {count} texts with {len(found)} vectors.")
        lengths = {len(vector.embedding) for vector in found}
        if lengths != {self._dimensions}:
            raise ModelUnavailable(
                f"The model {self._model} gives vectors of length {min(lengths)}, not {self._dimensions}.",
                mend="Set DESKHAND_EMBEDDING_DIMENSIONS to the model's length.",
            )
        rows = np.array([vector.embedding for vector in found], dtype=np.float32)
        norms = np.linalg.norm(rows, axis=1, keepdims=True)
        if not np.isfinite(rows).all() or not norms.all():
            raise ModelUnavailable(f"The model {self._model} gave a vector that has no direction.")
        return rows / norms


@asynccontextmanager
async def open_endpoint(settings: Settings, address: str) -> AsyncGenerator[Endpoint]:
    key = settings.embedding_api_key
    headers = {} if key is None else {"Authorization": f"Bearer {key.get_secret_value()}"}
    timeout = httpx.Timeout(settings.embedding_timeout.total_seconds(), connect=5)
    async with httpx.AsyncClient(headers=headers, timeout=timeout) as client:
        yield Endpoint(client, address)


def _parse(raw: bytes) -> _Answer:
    try:
        return _Answer.model_validate_json(raw)
    except ValidationError as error:
        raise ModelUnavailable(
            "The embedding endpoint's answer is not in OpenAI's format.", mend="Check DESKHAND_EMBEDDING_BASE_URL."
        ) from error


def _cleaned(text: str) -> str:
    """Endpoints refuse empty texts, and halves of characters that JSON can't carry."""
    kept = text[:_LONGEST].encode("utf-8", "replace").decode("utf-8")
    return kept if kept.strip() else "-"


def _seconds(value: str | None) -> float | None:
    try:
        return None if value is None else max(float(value), 0.0)
    except ValueError:
        return None
