"""A rule's regular expressions: exact words that are evidence by themselves."""

from __future__ import annotations

import re
from collections.abc import Sequence


class Patterns:
    """Patterns, and the exceptions that void a hit when they stand in the same clause."""

    def __init__(self, patterns: Sequence[str], unless: Sequence[str] = ()) -> None:
        self._patterns = [re.compile(pattern, re.I) for pattern in patterns]
        self._unless = [re.compile(pattern, re.I) for pattern in unless]

    def find(self, pieces: Sequence[str]) -> list[str]:
        """The matched words, each once."""
        words: list[str] = []
        for piece in pieces:
            if any(pattern.search(piece) for pattern in self._unless):
                continue
            for pattern in self._patterns:
                match = pattern.search(piece)
                if match and match.group() and match.group() not in words:
                    words.append(match.group())
        return words
