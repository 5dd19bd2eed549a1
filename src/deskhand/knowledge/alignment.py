"""How near a passage's words come to a query's, one by one, by what the model saw in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from deskhand.inference import nearest_tokens, read_compact
from deskhand.knowledge.query import TokenPart
from deskhand.knowledge.terms import list_terms

_LEAST: Final = 0.05  # weight of a piece that is no word


def token_nearness(parts: Sequence[TokenPart], stored: bytes, weights: Mapping[str, float]) -> float:
    """How near the query's pieces come to their nearest in the passage, by rarity; of the part that fits best."""
    passage = read_compact(stored)
    best = 0.0
    for part in parts:
        weighed = np.array([max(weight, _LEAST) for weight in _piece_weights(part.pieces, weights)], dtype=np.float32)
        if len(weighed):
            best = max(best, float(nearest_tokens(part.vectors, passage) @ weighed / weighed.sum()))
    return best


def _piece_weights(pieces: Sequence[str], weights: Mapping[str, float]) -> Iterator[float]:
    """The weight of the word that each piece belongs to."""
    start = 0
    for end in range(1, len(pieces) + 1):
        if end == len(pieces) or not pieces[end].startswith("##"):
            word = "".join(piece.removeprefix("##") for piece in pieces[start:end])
            terms = list_terms(word)
            weight = weights.get(terms[0], 0.0) if terms else 0.0
            yield from [weight] * (end - start)
            start = end
