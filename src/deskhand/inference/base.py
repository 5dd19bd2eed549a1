"""What the rest of Deskhand knows of embedding models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Embedder(Protocol):
    """Turns texts into vectors whose dot product says how close the texts are in meaning."""

    @property
    def model_id(self) -> str:
        """Name and hash of the weights, stored with each vector: those of two models must never be compared."""
        ...

    @property
    def dimensions(self) -> int:
        """Length of a vector."""
        ...

    async def load(self) -> None:
        """Make the model ready. Raises ModelUnavailable with what to do about it."""
        ...

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One row a text, in their order, each of length 1; `(0, dimensions)` for no texts."""
        ...


class TokenEmbedder(Embedder, Protocol):
    """An embedder that also shows what it saw in each token, as only a local model can."""

    async def tokens(self, text: str) -> TokenStates:
        """The states of one text."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class TokenStates:
    """A text as the model saw it. The arrays are read-only."""

    ids: tuple[int, ...]
    tokens: tuple[str, ...]
    """The pieces as strings, `[CLS]` first, `[SEP]` last, a `##` in front of those that continue a word."""
    states: NDArray[np.float32]
    """The last hidden state of each token, `(len(ids), dimensions)`."""
    pooled: NDArray[np.float32]
    """The text's vector, the same that `embed` gives."""
