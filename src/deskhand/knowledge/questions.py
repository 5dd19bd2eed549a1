"""Where in a message the question stands: a long mail as a whole is near to nothing."""

from __future__ import annotations

import re
from typing import Final

MOST: Final = 3

_SENTENCE: Final = re.compile(r"[^.?!\n]*(?:[.](?=\S)[^.?!\n]*)*(?:[.?!]+|\n|$)")
_FEWEST_WORDS: Final = 3


def query_parts(text: str) -> list[str]:
    """The text itself, then the sentences in it that ask something, when they are not all of it."""
    sentences = [sentence.strip() for sentence in _SENTENCE.findall(text) if len(sentence.split()) >= _FEWEST_WORDS]
    asking = [sentence for sentence in sentences if sentence.endswith(("?", "？"))] if len(sentences) > 1 else []
    return [text, *list(dict.fromkeys(asking))[:MOST]]
