"""A question as it is searched for, and passages as models read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deskhand.inference import CompactTokens, Embedder, LocalEmbedder, compact_tokens
from deskhand.knowledge.models import Embedded
from deskhand.knowledge.questions import query_parts
from deskhand.knowledge.terms import query_terms


@dataclass(frozen=True, slots=True, eq=False)
class TokenPart:
    """A part of the query: its pieces of words, a `##` in front of those that continue a word, and their vectors."""

    pieces: tuple[str, ...]
    vectors: CompactTokens


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """`vectors` holds a row for each of the text's `query_parts`; `parts` is empty for models that show no tokens."""

    text: str
    terms: tuple[str, ...]
    model: str
    vectors: NDArray[np.float32]
    parts: tuple[TokenPart, ...] = ()


def shows_tokens(embedder: Embedder) -> bool:
    return isinstance(embedder, LocalEmbedder)


async def read_query(embedder: Embedder, text: str) -> Query:
    """The model runs here: not inside a transaction."""
    texts = query_parts(text)
    terms = tuple(query_terms(text))
    if not isinstance(embedder, LocalEmbedder):
        return Query(text, terms, embedder.model_id, await embedder.embed(texts))
    states = [await embedder.tokens(part) for part in texts]
    parts = tuple(TokenPart(state.tokens[1:-1], compact_tokens(state)) for state in states)
    return Query(text, terms, embedder.model_id, np.stack([state.pooled for state in states]), parts)


async def embed_passages(embedder: Embedder, texts: Sequence[tuple[str, str]]) -> list[Embedded]:
    """For pairs of a passage's whole text and its heading: see `texts_to_embed`."""
    if isinstance(embedder, LocalEmbedder):
        headings = await embedder.embed([heading for _, heading in texts])
        states = [await embedder.tokens(whole) for whole, _ in texts]
        return [
            Embedded(state.pooled, heading, compact_tokens(state).tobytes())
            for state, heading in zip(states, headings, strict=True)
        ]
    vectors = await embedder.embed([part for pair in texts for part in pair])
    return [Embedded(vectors[index], vectors[index + 1]) for index in range(0, len(vectors), 2)]
