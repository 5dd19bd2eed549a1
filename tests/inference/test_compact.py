"""Compact token vectors: small, and near where the full ones are near."""

from __future__ import annotations

import numpy as np

from deskhand.inference import LocalEmbedder, compact_tokens, nearest_tokens, read_compact
from deskhand.inference.compact import LENGTH, token_basis


async def test_a_token_takes_32_bytes_and_comes_back_as_it_was(embedder: LocalEmbedder) -> None:
    states = await embedder.tokens("How do I archive a project?")

    compact = compact_tokens(states)

    assert compact.shape == (len(states.ids) - 2, LENGTH)
    assert np.array_equal(read_compact(compact.tobytes()), compact)


async def test_a_word_is_nearest_to_the_word_of_its_meaning(embedder: LocalEmbedder) -> None:
    asked = compact_tokens(await embedder.tokens("invoice"))
    bill = compact_tokens(await embedder.tokens("the bill"))
    other = compact_tokens(await embedder.tokens("the calendar"))

    assert nearest_tokens(asked, bill)[0] > nearest_tokens(asked, other)[0]
    assert nearest_tokens(asked, asked)[0] > 0.95


def test_nothing_is_near_to_nothing() -> None:
    none = np.zeros((0, LENGTH), dtype=np.int8)
    one = np.ones((1, LENGTH), dtype=np.int8)

    assert nearest_tokens(one, none).tolist() == [0.0]
    assert nearest_tokens(none, one).shape == (0,)


def test_the_basis_that_ships_is_orthonormal() -> None:
    basis = token_basis()

    assert np.allclose(basis.T @ basis, np.eye(LENGTH), atol=2e-3)
