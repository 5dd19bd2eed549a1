"""From a text to one calibrated chance for each label, with the clause that gave most to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deskhand.agent.triage.network import Network, Reading
from deskhand.agent.triage.ngrams import buckets_of
from deskhand.agent.triage.weights import Array, Weights


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """What the trained model says of one message."""

    weights: Weights
    chances: Array
    reading: Reading

    def chance(self, label: str) -> float | None:
        """0..1, or None for a label that was not trained."""
        column = self.weights.column(label)
        return None if column is None else float(self.chances[column])

    def best(self, prefix: str) -> tuple[str, float]:
        """The likeliest label of a family such as `intent:`, without the prefix."""
        family = [label for label in self.weights.labels if label.startswith(prefix)]
        label = max(family, key=lambda each: self.chance(each) or 0.0)
        return label.removeprefix(prefix), self.chance(label) or 0.0

    def clause(self, label: str) -> str:
        """The clause that gave most to a label."""
        column = self.weights.column(label)
        if column is None or not self.reading.pieces:
            return ""
        return self.reading.pieces[int(self.reading.shares[:, column].argmax())]


class Scorer:
    """Network and n-grams together."""

    def __init__(self, weights: Weights, network: Network) -> None:
        self._weights = weights
        self._network = network

    async def read(self, text: str, *, english: bool) -> Scores:
        reading = await self._network.read(text)
        by_network, by_ngrams, bias = self._weights.calibration[0 if english else 1].T
        logits = by_network * reading.logits + by_ngrams * ngram_logits(self._weights, text) + bias
        return Scores(self._weights, (1 / (1 + np.exp(-logits))).astype(np.float32), reading)


def ngram_logits(weights: Weights, text: str) -> Array:
    """Each label's sum over the n-grams, whose vector has length 1."""
    found = buckets_of(text)
    importance = weights.importance[found]
    length = float(np.sqrt((importance * importance).sum())) or 1.0
    return np.asarray(weights.ngrams[:, found] @ (importance / length), dtype=np.float32)
