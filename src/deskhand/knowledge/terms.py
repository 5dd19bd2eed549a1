"""Words for BM25: folded and lightly stemmed, the same way for stored passages and for queries."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from typing import Final

MOST_QUERY_TERMS: Final = 60
_READ: Final = 4_000  # characters of a query; what a customer asks stands at its beginning
_LONGEST: Final = 40

_WORD: Final = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
# Written without spaces: two characters at a time stand for words.
_UNSPACED: Final = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\u0e00-\u0e7f]+")


def list_terms(text: str) -> list[str]:
    """Every word of a text in order, folded and stemmed. None is thrown away: rarity weighs them later."""
    found: list[str] = []
    for word in _WORD.findall(_fold(text)):
        if len(word) > 1 and _UNSPACED.fullmatch(word):
            found.extend(word[index : index + 2] for index in range(len(word) - 1))
        else:
            found.append(stem(word)[:_LONGEST])
    return found


def count_terms(text: str) -> Counter[str]:
    return Counter(list_terms(text))


def query_terms(query: str) -> list[str]:
    """The distinct words of a query, the first `MOST_QUERY_TERMS`."""
    return list(dict.fromkeys(list_terms(query[:_READ])))[:MOST_QUERY_TERMS]


def stem(word: str) -> str:
    """Takes off the commonest endings, so that 'invoices' meets 'invoice' and 'invited' meets 'inviting'."""
    word = word.split("'")[0] if len(word.split("'")[0]) > 1 else word.replace("'", "")
    if len(word) > 4 and word.endswith("ies"):
        word = word[:-3] + "y"
    elif len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for ending in ("ing", "ed"):
        if len(word) > len(ending) + 3 and word.endswith(ending):
            word = word[: -len(ending)]
            if word[-1] == word[-2] and word[-1] not in "ls":
                word = word[:-1]
            break
    return word[:-1] if len(word) > 4 and word.endswith("e") else word


def _fold(text: str) -> str:
    """Lower case without accents, since customers leave them out."""
    parts = unicodedata.normalize("NFKD", text.replace("’", "'").casefold())
    return unicodedata.normalize("NFC", "".join(char for char in parts if not unicodedata.combining(char)))
