"""The reply's language: that of the customer, or English where nothing is written in theirs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from deskhand.inference import detect_language

if TYPE_CHECKING:
    from deskhand.agent.context import ToolContext

FEWEST_WORDS: Final = 8
SURE: Final = 0.9
KNOWN: Final = 0.5  # below, the customer's own language was a guess
NOT_PROSE: Final = re.compile(
    r"`[^`]*`|\*\*[^*]+\*\*|\"[^\"]*(?:\"|$)|\u201e[^\u201c\u201d]*(?:[\u201c\u201d]|$)|\u201c[^\u201d]*(?:\u201d|$)|"
    r"\u00ab[^\u00bb]*(?:\u00bb|$)|"
    r"\S*(?://|@|www\.)\S*"
)


def wrong_language(sentences: Sequence[str], context: ToolContext, passages: Sequence[str]) -> Iterator[str]:
    """`sentences` are the reply's own; names of menus, quotations, code and links tell nothing."""
    theirs, profile = context.triage.language, context.company.profile
    text = NOT_PROSE.sub(" ", "\n".join(sentences))
    for name in (profile.product, profile.company, profile.team):
        text = text.replace(name, " ")
    if context.triage.language_confidence < KNOWN or len(text.split()) < FEWEST_WORDS:
        return
    guess = detect_language(text, theirs)
    if guess.code == theirs or guess.confidence < SURE:
        return
    if guess.code == "en" and not _is_spoken(theirs, context, passages):
        return
    yield f"language: {guess.code}, and the customer writes {theirs}"


def _is_spoken(language: str, context: ToolContext, passages: Sequence[str]) -> bool:
    """The company has phrases in it, or a cited passage is written in it."""
    return language in context.company.voice.phrases or any(detect_language(text).code == language for text in passages)
