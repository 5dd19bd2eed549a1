"""The embedding model that the settings name, and beside it whichever other one the stored vectors were made with."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from deskhand.errors import SetupInvalid
from deskhand.inference.base import Embedder
from deskhand.inference.local import LocalEmbedder
from deskhand.settings import Settings

if TYPE_CHECKING:
    from deskhand.inference.remote import Endpoint, RemoteEmbedder

T = TypeVar("T")


class ConfiguredEmbedder:
    """The wanted model; `of_model` gives another one while its vectors are still the ones that are searched."""

    def __init__(self, wanted: Embedder, local: LocalEmbedder, endpoint: Endpoint | None) -> None:
        self._wanted = wanted
        self._local = local
        self._endpoint = endpoint
        self._others: dict[str, RemoteEmbedder] = {}

    @property
    def model_id(self) -> str:
        return self._wanted.model_id

    @property
    def dimensions(self) -> int:
        return self._wanted.dimensions

    async def load(self) -> None:
        await self._wanted.load()

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return await self._wanted.embed(texts)

    def of_model(self, model_id: str) -> Embedder | None:
        """None when the settings at hand can't reach that model."""
        for known in (self._wanted, self._local):
            if known.model_id == model_id:
                return known
        if self._endpoint is None:
            return None
        if model_id not in self._others:
            other = self._endpoint.of_model(model_id)
            if other is None:
                return None
            self._others[model_id] = other
        return self._others[model_id]


def embedder_of(embedder: Embedder, model_id: str) -> Embedder | None:
    """The embedder for vectors of a model: the given one, or one that it knows; None when it knows none."""
    if isinstance(embedder, ConfiguredEmbedder):
        return embedder.of_model(model_id)
    return embedder if embedder.model_id == model_id else None


@asynccontextmanager
async def open_embedder(settings: Settings, local: LocalEmbedder) -> AsyncGenerator[ConfiguredEmbedder]:
    """The model that the settings name; `local` is used whenever it is that one, or was.

    Raises:
        SetupInvalid: a setting is missing; the message names it.
    """
    if settings.embedding_provider == "local" and settings.embedding_base_url is None:
        yield ConfiguredEmbedder(local, local, None)
        return
    from deskhand.inference.remote import open_endpoint  # not above: most desks need no HTTP client for this

    async with open_endpoint(settings, _required(settings.embedding_base_url, "BASE_URL")) as endpoint:
        wanted: Embedder = local
        if settings.embedding_provider != "local":
            wanted = endpoint.embedder(
                _required(settings.embedding_model, "MODEL"), _required(settings.embedding_dimensions, "DIMENSIONS")
            )
        yield ConfiguredEmbedder(wanted, local, endpoint)


def _required(value: T | None, name: str) -> T:
    if value is None:
        raise SetupInvalid(
            f"DESKHAND_EMBEDDING_{name}: the embedding provider 'openai-compatible' needs it.",
            field=f"DESKHAND_EMBEDDING_{name}",
        )
    return value
