"""What the trained head of the gate reads besides the sentence's vector: n-grams, cues by language, and their pairs."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

import numpy as np
from numpy.typing import NDArray

from deskhand.agent.triage.ngrams import buckets_of

Array = NDArray[np.float32]

BUCKETS: Final = 4096
DEFAULT: Final = "en"
OPENING: Final = ("we", "you", "your", "conditional", "steps", "denies", "gives_us")
WORD: Final = re.compile(r"[\w'-]+")
NAME: Final = re.compile(r"\s[A-Z][a-zà-ü]+")
SHORT: Final = 5


@dataclass(frozen=True, slots=True)
class _Cues:
    anywhere: tuple[re.Pattern[str], ...]
    opening: tuple[re.Pattern[str], ...]


@cache
def _lexicon() -> dict[str, _Cues]:
    raw = files("deskhand.agent").joinpath("gate_cues.toml").read_text("utf-8")
    tables: dict[str, dict[str, list[str]]] = tomllib.loads(raw)
    names = list(tables[DEFAULT])
    found: dict[str, _Cues] = {}
    for language, table in tables.items():
        if list(table) != names:
            raise ValueError(f"gate_cues.toml: [{language}] must name the cues of [{DEFAULT}], in its order")
        patterns = {name: _compile(words) for name, words in table.items()}
        found[language] = _Cues(tuple(patterns.values()), tuple(patterns[name] for name in OPENING))
    return found


def _compile(words: list[str]) -> re.Pattern[str]:
    longest_first = sorted(words, key=lambda word: (-len(word), word))
    parts = (re.escape(word).replace(r"\*", r"[\w'-]*").replace(r"\ ", r"\s+") for word in longest_first)
    return re.compile(rf"(?<![\w'])(?:{'|'.join(parts)})(?![\w'])", re.I)


def cues_of(sentence: str, language: str) -> Array:
    """1 for each cue that the sentence holds; other languages are read with the English ones."""
    cues = _lexicon().get(language) or _lexicon()[DEFAULT]
    words = WORD.findall(sentence)
    start = sentence.lstrip()
    values = [
        *(bool(cue.search(sentence)) for cue in cues.anywhere),
        *(bool(cue.match(start)) for cue in cues.opening),
        "?" in sentence,
        bool(re.search(r"\d", sentence)),
        len(words) <= SHORT,
        language != "de" and bool(NAME.search(sentence)),
        sentence.rstrip().endswith("!"),
    ]
    return np.asarray(values, dtype=np.float32)


def names_cue(sentence: str, language: str, cue: str) -> bool:
    """One of the cues that may open a sentence (`OPENING`) stands anywhere in it."""
    cues = _lexicon().get(language) or _lexicon()[DEFAULT]
    return bool(cues.opening[OPENING.index(cue)].search(sentence))


def pairs_of(cues: Array, kept: NDArray[np.int64]) -> Array:
    """`kept` are the pairs of cues that training saw often enough, two columns."""
    return np.asarray(cues[kept[:, 0]] * cues[kept[:, 1]], dtype=np.float32)


def ngrams_of(sentence: str, importance: Array) -> Array:
    """A row of length 1 over the buckets."""
    row = np.zeros(BUCKETS, np.float32)
    chosen = buckets_of(sentence) % BUCKETS
    row[chosen] = importance[chosen]
    return row / max(float(np.sqrt((row * row).sum())), 1e-6)
