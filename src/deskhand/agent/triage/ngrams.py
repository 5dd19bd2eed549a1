"""Pieces of words and pairs of words as numbers: what carries languages that the embedding model does not know."""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise
from typing import Final
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

BUCKETS: Final = 1 << 15
_WORD: Final = re.compile(r"[^\W_]+(?:['’][^\W_]+)?|[!?]{2,}")
_NUMBER: Final = re.compile(r"\d+")
_SHOUT: Final = re.compile(r"\b[A-Z]{4,}\b")
_LONGEST: Final = 600
_SIZES: Final = (3, 4, 5)


def buckets_of(text: str) -> NDArray[np.int64]:
    """The buckets that a text falls into, sorted, each once. Long texts are cut."""
    words = _words(text)
    found = {crc32(f"w {word}".encode()) % BUCKETS for word in words}
    found.update(crc32(f"p {first} {second}".encode()) % BUCKETS for first, second in pairwise(words))
    found.update(crc32(f"s {a} {c}".encode()) % BUCKETS for a, c in zip(words, words[2:], strict=False))
    for word in set(words):
        padded = f" {word} "
        for size in _SIZES:
            for start in range(len(padded) - size + 1):
                found.add(crc32(padded[start : start + size].encode()) % BUCKETS)
    if len(_SHOUT.findall(text)) >= 2:
        found.add(crc32(b"shouted") % BUCKETS)
    return np.fromiter(sorted(found), dtype=np.int64, count=len(found))


def _words(text: str) -> list[str]:
    folded = unicodedata.normalize("NFD", text.lower())
    plain = "".join(char for char in folded if unicodedata.category(char) != "Mn")
    words = [_NUMBER.sub("0", word) for word in _WORD.findall(plain)[:_LONGEST]]
    return ["<", *words, ">"]
