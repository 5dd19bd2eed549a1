"""The sentences of a reply that are its own: neither quoted from a cited passage nor a phrase of the company's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from string import Formatter

from deskhand.agent.gate_patterns import SENTENCE
from deskhand.company_folder import Company

NOISE = re.compile(r"[^\w]+")
MARKS = re.compile(r"^[\s>*#|_-]+|[\s*|_]+$")
FILLED_IN = r"\w+(?: \w+){0,3}"  # "4 hours", a product's name
LONG = 14
PART = re.compile(r"\s*[;:\u2013\u2014]\s+|,\s+(?=(?:and|but|so|und|aber|y|pero|et|mais|e|mas)\b)", re.I)
FEWEST_WORDS = 2
CLAIMING = ("escalated", "no_answer", "added", "held")  # true only when a tool says them


def flat(text: str) -> str:
    """Words only, in lower case: how sentences are compared."""
    return NOISE.sub(" ", text).strip().lower()


def own_sentences(text: str, sources: str, company: Company) -> list[str]:
    """`sources` are the cited passages. What introduces a quotation ("The article says: ...") is kept without it."""
    quotable = flat(sources)
    phrases = _pattern_of(tuple(spoken_phrases(company)))
    found = (_without_quotation(MARKS.sub("", sentence), quotable) for sentence in SENTENCE.findall(text))
    return [sentence for sentence in found if sentence and not phrases.fullmatch(flat(sentence))]


def spoken_phrases(company: Company) -> Iterator[str]:
    """The company's phrases that any reply may hold, with their braces."""
    for entry in company.voice.phrases.values():
        for name, phrase in entry:
            if name not in CLAIMING:
                yield str(phrase)


def _without_quotation(sentence: str, quotable: str) -> str:
    if flat(sentence) in quotable:
        return ""
    told, colon, quoted = sentence.partition(": ")
    return told if colon and flat(quoted) in quotable else sentence


def parts_of(sentence: str) -> list[str]:
    """A long sentence is read clause by clause, so that a harmless half does not cover the other."""
    if len(sentence.split()) < LONG:
        return [sentence]
    return [part for part in PART.split(sentence) if len(part.split()) >= FEWEST_WORDS] or [sentence]


@lru_cache(maxsize=4)
def _pattern_of(phrases: tuple[str, ...]) -> re.Pattern[str]:
    patterns = (_as_pattern(sentence) for phrase in phrases for sentence in SENTENCE.findall(phrase))
    return re.compile("|".join(filter(None, patterns)) or r"(?!)")


def _as_pattern(sentence: str) -> str:
    pieces: list[str] = []
    for literal, field, _, _ in Formatter().parse(sentence):
        pieces += [re.escape(flat(literal)), FILLED_IN if field is not None else ""]
    return r"\ ".join(filter(None, pieces))
