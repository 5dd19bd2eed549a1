"""From candidates to hits: a score that says how likely a passage answers the query."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from deskhand.knowledge.alignment import token_nearness
from deskhand.knowledge.models import Candidate, Hit
from deskhand.knowledge.query import Query

_NEIGHBOURS: Final = 4
# Headings say which passage of an article is meant; across articles they mislead, since they are short.
_HEADING_SHARE: Final = 0.3
_LEAST_DEVIATION: Final = 0.02


@dataclass(frozen=True, slots=True)
class Scale:
    """A logistic regression over the features of one kind of query."""

    name: str
    intercept: float
    weights: tuple[float, ...]

    def score(self, values: Sequence[float]) -> float:
        exponent = self.intercept + sum(weight * value for weight, value in zip(self.weights, values, strict=True))
        return 1 / (1 + math.exp(-max(min(exponent, 30.0), -30.0)))


# Fitted: python -m training.fit_answerability. The local model knows English and sees the rest through a fog; of any
# other model we only know how far a passage stands out among its rivals.
ENGLISH: Final = Scale("English", -11.763, (-0.801, -0.279, 1.208, 4.814, 0.411, 2.282, 0.340, 11.001))
FOREIGN: Final = Scale("foreign", -11.808, (10.932, 1.741, 0.967, 0.012, -0.232, 2.006, 3.148))
ANY_MODEL: Final = Scale("any model", -7.123, (0.710, 2.252, 1.006, 0.443, 2.043, 0.680))
ANY_MODEL_FOREIGN: Final = Scale("any model, foreign", -11.248, (0.391, 1.928, 0.981, 0.126, 2.353, 3.169))


def rank(candidates: Sequence[Candidate], query: Query, *, language: str) -> list[Hit]:
    """Hits, best first; no later one has a higher score than an earlier one."""
    ordered = order(candidates)
    hits: list[Hit] = []
    least = 1.0
    for candidate in ordered:
        scale = scale_of(candidate, query, language=language)
        least = min(least, scale.score(features(scale, candidate, ordered, query)))
        hits.append(_hit(candidate, least))
    return hits


def order(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Articles keep the places that the mix gave them; within each, headings decide which passage comes first."""
    waiting: dict[str, list[Candidate]] = {}
    for candidate in sorted(candidates, key=lambda one: one.mix + _HEADING_SHARE * one.heading_cosine):
        waiting.setdefault(candidate.article, []).append(candidate)
    return [waiting[candidate.article].pop() for candidate in candidates]


def scale_of(candidate: Candidate, query: Query, *, language: str) -> Scale:
    """A query without parts was read by another model; a passage may still lack the tokens that English needs."""
    if language != "en":
        return FOREIGN if query.parts else ANY_MODEL_FOREIGN
    return ENGLISH if query.parts and candidate.tokens is not None else ANY_MODEL


def features(scale: Scale, candidate: Candidate, candidates: Sequence[Candidate], query: Query) -> tuple[float, ...]:
    """What the scale weighs, in its order."""
    rivals = [other.cosine for other in candidates if other.article != candidate.article]
    margin = candidate.cosine - max(rivals, default=candidate.cosine_mean)
    deviation = max(candidate.cosine_deviation, _LEAST_DEVIATION)
    standing = (candidate.cosine - candidate.cosine_mean) / deviation
    around = candidates[:_NEIGHBOURS]
    agreement = sum(other.article == candidate.article for other in around) / len(around)
    words = candidate.bm25 / candidate.bm25_best if candidate.bm25_best else 0.0
    length = math.log(max(len(query.terms), 1))
    if scale in (ANY_MODEL, ANY_MODEL_FOREIGN):
        return (standing, candidate.coverage, words, margin / deviation, agreement, length)
    values = (candidate.cosine, candidate.coverage, words, margin, standing, agreement, length)
    if scale is FOREIGN or candidate.tokens is None:
        return values
    weights = dict(zip(query.terms, candidate.term_weights, strict=True))
    return (*values, token_nearness(query.parts, candidate.tokens, weights))


def _hit(candidate: Candidate, score: float) -> Hit:
    return Hit(
        passage_id=candidate.passage_id,
        article=candidate.article,
        title=candidate.title,
        heading=candidate.heading,
        url=candidate.url,
        version=candidate.version,
        score=score,
        body=candidate.body,
        cosine=candidate.cosine,
        bm25=candidate.bm25,
        language=candidate.language,
    )
