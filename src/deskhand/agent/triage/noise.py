"""What is stored but never answered: empty messages, tests, machine mail and spam."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from deskhand.agent.decision import Evidence, RuleScore

_LETTER: Final = re.compile(r"[^\W_]")
_ASKING: Final = frozenset("?？")
_TEST: Final = re.compile(
    r"^\W*(?:(?:this is (?:just )?a |just a |only a )?"
    r"test(?:ing|e|o)?(?:\W+(?:test(?:ing)?|message|mail|e-?mail|1|12|123))*|"
    r"asdf\w*|qwert\w*|foo(?: bar)?|lorem ipsum.*|(?:bla\s*)+)\W*$",
    re.I | re.S,
)


def empty_or_test(subject: str, body: str) -> RuleScore | None:
    """`ignore` for a message that says nothing, and for one that only tries the channel out."""
    text = f"{subject} {body}".strip()
    if not says_something(text):
        return _ignore("pattern", "empty message" if not text else text[:40], 1.0)
    hit = _TEST.match(body) if _LETTER.search(body) else None
    if hit and (not subject.strip() or _TEST.match(subject)):
        return _ignore("pattern", body.strip()[:40], 0.99)
    return None


def says_something(text: str) -> bool:
    """Signs alone may be a customer's whole message: "???", or one emoji. Dots and dashes alone are not."""
    return any(
        char in _ASKING or unicodedata.category(char)[0] in "LN" or unicodedata.category(char) == "So" for char in text
    )


def machine_sent(words: list[str]) -> RuleScore:
    return _ignore("pattern", "; ".join(words), 0.99)


def likely_noise(score: float, clause: str, threshold: float) -> RuleScore | None:
    if score < threshold:
        return None
    return _ignore("model", clause, score)


def _ignore(source: str, text: str, score: float) -> RuleScore:
    kind = "model" if source == "model" else "pattern"
    return RuleScore("ignore", "likely", score, fired=True, evidence=(Evidence(kind, text, round(score, 4)),))
