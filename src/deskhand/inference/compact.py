"""Token vectors small enough to keep for every passage: 32 signed bytes a token instead of 384 floats."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Final

import numpy as np
from numpy.typing import NDArray

from deskhand.inference.base import TokenStates

LENGTH: Final = 32
_SCALE: Final = 127

CompactTokens = NDArray[np.int8]


def compact_tokens(states: TokenStates) -> CompactTokens:
    """A row for each token between the first and the last, which stand for the text's ends.

    The basis holds the main directions of token vectors in customers' messages: training/fit_token_basis.py. What it
    leaves out is what texts have in common: scores from 32 numbers tell answers apart better than from all 384.
    """
    rows = np.matmul(states.states[1:-1], token_basis())
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.rint(_SCALE * rows / np.maximum(lengths, 1e-9)).astype(np.int8)


def read_compact(stored: bytes) -> CompactTokens:
    return np.frombuffer(stored, dtype=np.int8).reshape(-1, LENGTH)


def nearest_tokens(wanted: CompactTokens, given: CompactTokens) -> NDArray[np.float32]:
    """For each of the tokens wanted, the cosine to the nearest of those given; zeros when there are none."""
    if not len(wanted) or not len(given):
        return np.zeros(len(wanted), dtype=np.float32)
    products = np.matmul(wanted.astype(np.float32), given.astype(np.float32).T)
    return np.max(products, axis=1) / (_SCALE * _SCALE)


@cache
def token_basis() -> NDArray[np.float32]:
    """`(dimensions of the local model, LENGTH)`, orthonormal columns."""
    with resources.as_file(resources.files("deskhand.inference") / "token_basis.npy") as file:
        return np.asarray(np.load(file, allow_pickle=False), dtype=np.float32)
