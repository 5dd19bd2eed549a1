"""From candidates to hits: a score that says how likely a passage answers the query."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from deskhand.knowledge.models import Candidate, Hit

_NEIGHBOURS: Final = 4
# Headings say which passage of an article is meant; across articles they mislead, since they are short.
_HEADING_SHARE: Final = 0.3

# Fitted: python training/fit_answerability.py. A model of English sees all other languages through a fog.
INTERCEPT: Final = -6.779
WEIGHTS: Final = (3.530, 1.743, 1.024, 5.320, 0.444, 1.846, 0.445)
FOREIGN_INTERCEPT: Final = -11.808
FOREIGN_WEIGHTS: Final = (10.932, 1.741, 0.967, 0.012, -0.232, 2.006, 3.148)


def rank(candidates: Sequence[Candidate], *, query_terms: int, language: str) -> list[Hit]:
    """Hits, best first; no later one has a higher score than an earlier one."""
    ordered = order(candidates)
    hits: list[Hit] = []
    least = 1.0
    for candidate in ordered:
        values = features(candidate, ordered, query_terms=query_terms)
        least = min(least, answerability(values, foreign=language != "en"))
        hits.append(_hit(candidate, least))
    return hits


def order(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Articles keep the places that the mix gave them; within each, headings decide which passage comes first."""
    waiting: dict[str, list[Candidate]] = {}
    for candidate in sorted(candidates, key=lambda one: one.mix + _HEADING_SHARE * one.heading_cosine):
        waiting.setdefault(candidate.article, []).append(candidate)
    return [waiting[candidate.article].pop() for candidate in candidates]


def answerability(values: Sequence[float], *, foreign: bool) -> float:
    """How likely it is that a passage with these features answers: 0..1; `foreign` is a query not in English."""
    intercept, weights = (FOREIGN_INTERCEPT, FOREIGN_WEIGHTS) if foreign else (INTERCEPT, WEIGHTS)
    exponent = intercept + sum(weight * value for weight, value in zip(weights, values, strict=True))
    return 1 / (1 + math.exp(-max(min(exponent, 30.0), -30.0)))


def features(candidate: Candidate, candidates: Sequence[Candidate], *, query_terms: int) -> tuple[float, ...]:
    """Nearness, words in common, how far it stands out from the rest, and how long the query is."""
    rivals = [other.cosine for other in candidates if other.article != candidate.article]
    margin = candidate.cosine - max(rivals, default=candidate.cosine_mean)
    around = candidates[:_NEIGHBOURS]
    agreement = sum(other.article == candidate.article for other in around) / len(around)
    return (
        candidate.cosine,
        candidate.coverage,
        candidate.bm25 / candidate.bm25_best if candidate.bm25_best else 0.0,
        margin,
        (candidate.cosine - candidate.cosine_mean) / max(candidate.cosine_deviation, 0.02),
        agreement,
        math.log(max(query_terms, 1)),
    )


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
