"""Reads the written training messages: texts, labels, which labels are known, and folds of neighbours."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from deskhand.agent.triage.text import joined

RULES: Final = (
    *("security", "legal", "billing", "account"),
    *("human", "data_loss", "outage", "unresolved", "angry", "churn"),
)
EXTRAS: Final = ("ignore", "blocked", "frustrated", "positive")
INTENTS: Final = ("question", "problem", "feature_request", "feedback", "thanks", "greeting", "vague")
CATEGORIES: Final = (
    *("how_to", "bug", "integration", "login", "billing", "account", "security", "legal"),
    *("feature_request", "feedback", "other"),
)
LABELS: Final = (
    *RULES,
    *EXTRAS,
    *(f"intent:{name}" for name in INTENTS),
    *(f"category:{name}" for name in CATEGORIES),
)
FOLDER: Final = Path(__file__).parent / "triage"
_BLOCK: Final = 6
# Files of one language go through the rules one by one: a larger block would be all that a language says of a rule.
_FOREIGN_BLOCK: Final = 2
_SAME: Final = 0.92


@dataclass(frozen=True, slots=True)
class Line:
    """One training message."""

    text: str
    rules: tuple[str, ...]
    aux: tuple[str, ...]
    intent: str | None
    category: str | None
    file: str
    number: int

    @property
    def foreign(self) -> bool:
        return self.file.startswith(("lang-", "more-lang")) and not self.file.startswith("lang-en")


def read_lines(folder: Path = FOLDER) -> list[Line]:
    """Every line of every file, in the order of the file names; a text that stands twice counts once."""
    lines: dict[str, Line] = {}
    for path in sorted(folder.glob("*.jsonl")):
        for number, raw in enumerate(path.read_text(encoding="utf-8").splitlines()):
            if raw.strip():
                line = _line(cast(dict[str, Any], json.loads(raw)), path.stem, number)
                lines.setdefault(line.text, line)
    return list(lines.values())


def _line(entry: dict[str, Any], file: str, number: int) -> Line:
    rules, aux = tuple(entry["rules"]), tuple(entry["aux"])
    unknown = {*rules, *aux} - {*RULES, *EXTRAS}
    if unknown:
        raise ValueError(f"{file}, line {number + 1}: unknown label {sorted(unknown)}")
    text = joined(str(entry["subject"]), str(entry["message"]))
    return Line(text, rules, aux, entry.get("intent"), entry.get("category"), file, number)


def label_matrix(lines: Sequence[Line]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Labels, and 1 where a label is known. A line without `intent` tells what it is not, when a rule matches."""
    labels = np.zeros((len(lines), len(LABELS)), np.float32)
    known = np.zeros_like(labels)
    known[:, : len(RULES) + len(EXTRAS)] = 1
    for row, line in enumerate(lines):
        for name in (*line.rules, *line.aux):
            labels[row, LABELS.index(name)] = 1
        if line.intent:
            known[row, [LABELS.index(f"intent:{name}") for name in INTENTS]] = 1
            labels[row, LABELS.index(f"intent:{line.intent}")] = 1
        elif line.rules:
            idle = (
                "thanks",
                "greeting",
                "feature_request",
                "feedback",
                *(() if "unresolved" in line.rules else ("vague",)),
            )
            known[row, [LABELS.index(f"intent:{name}") for name in idle]] = 1
        if line.category:
            known[row, [LABELS.index(f"category:{name}") for name in CATEGORIES]] = 1
            labels[row, LABELS.index(f"category:{line.category}")] = 1
    return labels, known


def folds(lines: Sequence[Line], vectors: NDArray[np.float32], count: int, seed: int) -> NDArray[np.int64]:
    """A fold for each line. Lines written together, and lines that nearly say the same, share theirs."""
    blocks = [(line.file, line.number // (_FOREIGN_BLOCK if line.foreign else _BLOCK)) for line in lines]
    numbers = {block: place for place, block in enumerate(dict.fromkeys(blocks))}
    parent = list(range(len(numbers)))

    def root(place: int) -> int:
        while parent[place] != place:
            place = parent[place]
        return place

    near = np.triu(vectors @ vectors.T, 1) > _SAME
    for first, second in np.argwhere(near):
        parent[root(numbers[blocks[first]])] = root(numbers[blocks[second]])
    roots = [root(numbers[block]) for block in blocks]
    order = np.random.default_rng(seed).permutation(sorted(set(roots)))
    fold = {int(place): number % count for number, place in enumerate(order)}
    return np.asarray([fold[place] for place in roots], dtype=np.int64)
