"""Scores a rule that the trained model does not know by nearness to its examples, against its counterexamples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deskhand.company_folder import Rule
from deskhand.inference import Embedder

Array = NDArray[np.float32]

# What ordinary questions to a support desk look like: every new rule is measured against them too.
ORDINARY = (
    "How do I change my password?",
    "The page does not load, what can I do?",
    "Where can I find my invoices?",
    "Thank you for your help!",
    "Please add a dark mode.",
    "How do I invite a colleague?",
    "The integration stopped syncing.",
    "What does the plan cost?",
    "I have a question about my account.",
    "Can I export my data as a file?",
    "I want to speak to somebody.",
    "We are not happy with the product.",
)
_STEEPNESS = 14.0
_LEAST = 0.34
_MARGIN = 0.06


@dataclass(frozen=True, slots=True)
class Nearness:
    """How near a message is to a rule's examples, the example that it is nearest to, and the clause that is."""

    score: float
    example: str
    clause: str


class ExampleRule:
    """One rule's examples as vectors, made with the first message."""

    def __init__(self, rule: Rule) -> None:
        self._examples = rule.examples
        self._against = (*rule.counterexamples, *ORDINARY)
        self._vectors: tuple[Array, Array] | None = None
        self._level = _LEAST

    async def read(self, embedder: Embedder, pieces: Sequence[str], vectors: Array) -> Nearness:
        if not self._examples:
            return Nearness(0.0, "", "")
        wanted, unwanted = await self._learned(embedder)
        near = vectors @ wanted.T
        best = np.unravel_index(int(near.argmax()), near.shape)
        row, column = int(best[0]), int(best[1])
        top = np.sort(near[row])[::-1][:2].mean() * 0.3 + near[row, column] * 0.7
        margin = top - float((vectors[row] @ unwanted.T).max())
        distance = min(top - self._level, (margin - _MARGIN) * 1.5)
        score = float(1 / (1 + np.exp(-_STEEPNESS * distance)))
        return Nearness(score, self._examples[column], pieces[row])

    async def _learned(self, embedder: Embedder) -> tuple[Array, Array]:
        """The vectors; what counts as near follows from how near the examples are to one another."""
        if self._vectors is None:
            wanted = await embedder.embed(self._examples)
            unwanted = await embedder.embed(self._against)
            if len(wanted) > 2:
                near = wanted @ wanted.T
                np.fill_diagonal(near, -1)
                self._level = max(_LEAST, float(np.median(near.max(axis=1))) * 0.8)
            self._vectors = (wanted, unwanted)
        return self._vectors


EXCEPTED_FROM = 0.68
"""How near a whole message must be to a counterexample. Anything from .6 to .7 decided 2,200 tickets alike."""


class Counterexamples:
    """What a rule is not, by the folder: it keeps the model's word alone from firing the rule."""

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self._vectors: tuple[Array, Array] | None = None

    async def nearest(self, embedder: Embedder, vector: Array) -> tuple[str, float] | None:
        """The counterexample that the message is like, when it is more so than any example of the rule."""
        if not self._rule.counterexamples:
            return None
        if self._vectors is None:
            embedded = await embedder.embed([*self._rule.counterexamples, *self._rule.examples])
            count = len(self._rule.counterexamples)
            self._vectors = embedded[:count], embedded[count:]
        against, wanted = (vectors @ vector for vectors in self._vectors)
        best = int(against.argmax())
        if against[best] < EXCEPTED_FROM or (len(wanted) and against[best] <= wanted.max()):
            return None
        return self._rule.counterexamples[best], float(against[best])
