"""Longer messages made of two written ones, so that length itself and a harmless beginning tell the network nothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from training.data import EXTRAS, Line

SHARE = 0.25
"""How many are made for each written message."""
_HARMLESS = 0.55
_LONGEST = 700


def joined_lines(lines: Sequence[Line], fold: NDArray[np.int64], seed: int) -> tuple[list[Line], NDArray[np.int64]]:
    """Pairs of one language and one fold, and their folds; each has the rules of both, and no intent or category."""
    rng = np.random.default_rng(seed)
    groups: dict[tuple[str, int], list[int]] = {}
    for place, line in enumerate(lines):
        if line.rules != ("ignore",) and len(line.text) < _LONGEST:
            groups.setdefault((_language(line), int(fold[place])), []).append(place)
    made: list[Line] = []
    folds: list[int] = []
    for (_, number), places in groups.items():
        harmless = [place for place in places if not lines[place].rules]
        if len(harmless) < 2:
            continue
        for _ in range(round(len(places) * SHARE)):
            first = int(rng.choice(harmless))
            second = int(rng.choice(harmless if rng.random() < _HARMLESS else places))
            pair = [first, second] if rng.random() < 0.5 else [second, first]
            if first != second:
                made.append(_join(lines[pair[0]], lines[pair[1]]))
                folds.append(number)
    return made, np.asarray(folds, dtype=np.int64)


def _join(first: Line, second: Line) -> Line:
    text = f"{first.text}\n{second.text}"
    rules = tuple(dict.fromkeys((*first.rules, *second.rules)))
    aux = tuple(name for name in EXTRAS if name in (*first.aux, *second.aux))
    return Line(text, rules, aux, None, None, "joined", 0)


def _language(line: Line) -> str:
    return line.file if line.foreign else "en"
