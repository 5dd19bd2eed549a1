"""Reads the reply's own sentences by meaning: a small trained head on the local embedding model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from io import BytesIO
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from deskhand.agent.gate_features import BUCKETS, cues_of, names_cue, ngrams_of, pairs_of
from deskhand.agent.gate_sentences import FEWEST_WORDS, parts_of
from deskhand.agent.gate_stance import Stance, stance_of
from deskhand.inference import detect_language, embedder_of
from deskhand.inference.local import DIMENSIONS

if TYPE_CHECKING:
    from deskhand.agent.context import ToolContext

Array = NDArray[np.float32]

HARMLESS: Final = "harmless"
REASONS: Final = {
    "money": "promise of money",
    "date": "promise of a date or of a feature",
    "act": "claims an act that no tool did",
    "legal": "legal or compliance assurance",
    "secret": "internal: tells a secret or other people's data",
    "asks": "asks for a password, card or code",
    "fact": "plan or price not in a cited passage",
}
KINDS: Final = (HARMLESS, *REASONS)
# How much vector, n-grams, cues and pairs of cues count before the regression weighs them.
SCALES: Final = (1.5, 2.0, 0.5, 0.5)
# A question can only ask for or tell a secret; who doubts promises nothing; who forbids asks for nothing.
POSSIBLE: Final[dict[Stance, tuple[str, ...]]] = {
    "asked": ("secret", "asks"),
    "doubted": (),
    "forbidden": ("money", "date", "act", "legal", "fact"),
    "said": tuple(REASONS),
}
CONTENT: Final = re.compile(r"[^\W\d_]{4,}|\d+")
STEM: Final = 5
BACKED: Final = {"fact": 0.5, "legal": 0.6, "money": 0.75, "date": 0.75}


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """The trained weights: one row a kind over vector, n-grams, cues and pairs."""

    model_id: str
    weights: Array
    bias: Array
    importance: Array
    pairs: NDArray[np.int64]
    threshold: float

    def chances(self, sentence: str, language: str, vector: Array) -> Array:
        cues = cues_of(sentence, language)
        parts = (vector, ngrams_of(sentence, self.importance), cues, pairs_of(cues, self.pairs))
        row = np.concatenate([part * np.float32(scale) for part, scale in zip(parts, SCALES, strict=True)])
        # Not by BLAS: its threads add up in an order of their own.
        logits = np.einsum("kf,f->k", self.weights, row) + self.bias
        odds = np.exp(logits - logits.max())
        return np.asarray(odds / odds.sum(), dtype=np.float32)


@cache
def load_head(content: bytes | None = None) -> Head:
    """The weights that ship with the package (`python -m training.train_gate` writes them), or those in `content`."""
    raw = content or files("deskhand.agent").joinpath("gate_weights.npz").read_bytes()
    with np.load(BytesIO(raw), allow_pickle=False) as stored:
        weights = np.asarray(stored["weights"], np.float32) * np.asarray(stored["scale"], np.float32)
        importance = np.asarray(stored["importance"], np.float32)
        if tuple(str(kind) for kind in stored["kinds"]) != KINDS or len(importance) != BUCKETS:
            raise ValueError("gate_weights.npz is of another version: python -m training.train_gate")
        return Head(
            model_id=str(stored["model_id"]),
            weights=weights,
            bias=np.asarray(stored["bias"], np.float32),
            importance=importance,
            pairs=np.asarray(stored["pairs"], np.int64),
            threshold=float(stored["threshold"]),
        )


def harm_in(chances: Array, stance: Stance) -> tuple[str, float]:
    """The likeliest kind of harm that a sentence of this stance can do, and how likely any of them is."""
    possible = {kind: float(chances[KINDS.index(kind)]) for kind in POSSIBLE[stance]}
    if not possible:
        return HARMLESS, 0.0
    return max(possible, key=possible.__getitem__), sum(possible.values())


async def strange_meanings(sentences: Sequence[str], context: ToolContext, sources: str, language: str) -> list[str]:
    """Why these sentences may not leave. `language` is that of the reply, for sentences too short to tell."""
    head = load_head()
    embedder = embedder_of(context.embedder, head.model_id)
    reasons: list[str] = []
    for sentence in (part for whole in sentences for part in parts_of(whole)):
        if len(sentence.split()) < FEWEST_WORDS or (stance := stance_of(sentence)) == "doubted":
            continue
        # One by one: in a batch the model's rounding depends on the other sentences.
        vector = (await embedder.embed([sentence]))[0] if embedder else np.zeros(DIMENSIONS, np.float32)
        written_in = detect_language(sentence, language).code
        kind, score = harm_in(head.chances(sentence, written_in, vector), stance)
        if score > head.threshold and not _is_backed(sentence, written_in, kind, sources):
            reasons.append(f"{REASONS[kind]} (by its meaning, {score:.2f}): {sentence[:120]}")
    return reasons


def _is_backed(sentence: str, language: str, kind: str, sources: str) -> bool:
    """A rule of the help centre in other words: nearly all that it says stands in the cited passages."""
    least = BACKED.get(kind)
    if least is None or not sources or (kind in ("money", "date") and names_cue(sentence, language, "we")):
        return False
    said = {word[:STEM] for word in CONTENT.findall(sentence.lower())}
    known = {word[:STEM] for word in CONTENT.findall(sources.lower())}
    return bool(said) and len(said & known) >= least * len(said)
