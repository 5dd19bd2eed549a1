"""Finds the agent's own instructions in a reply: whole phrases of them, their mark, or something encoded."""

from __future__ import annotations

import re
from collections.abc import Iterator
from string import ascii_lowercase
from typing import TYPE_CHECKING

from deskhand.company_folder import Company

if TYPE_CHECKING:
    from deskhand.agent.context import ToolContext

MARK = re.compile(r"instructions-[0-9a-f]{12}")
WORD = re.compile(r"[^\W_]+")
PHRASE_WORDS = 8
# Longer than any word, command or product key of a help centre; base64 of a single sentence is longer.
OPAQUE = re.compile(r"(?<![\w/.-])[A-Za-z0-9+=_-]{48,}")


def repeated_instructions(text: str, context: ToolContext, sources: str) -> Iterator[str]:
    """Why this reply may not leave; nothing when no language model had a part in the turn."""
    if context.state.prompt:
        public = "\n".join([sources, context.message.subject, context.message.body, _public_words(context.company)])
        yield from find_leaks(text, prompt=context.state.prompt, public=public)


def find_leaks(text: str, *, prompt: str, public: str) -> Iterator[str]:
    """`public` is what may be said although the prompt holds it."""
    if MARK.search(text):
        yield "repeats the mark of the agent's instructions"
    else:
        private = _phrases(prompt) - _phrases(public)
        repeated = (sorted(_phrases(form) & private) for form in _forms(text))
        if found := next(filter(None, repeated), None):
            yield f"repeats the agent's instructions: {found[0]}"
    if (opaque := OPAQUE.search(text)) and opaque[0] not in public:
        yield "holds a long run of characters that is no text"


def _forms(text: str) -> Iterator[str]:
    """The text, and what it says when it is read backwards or with every letter shifted."""
    yield text
    yield text[::-1]
    yield " ".join(reversed(text.split()))
    for shift in range(1, 26):
        turned = ascii_lowercase[shift:] + ascii_lowercase[:shift]
        yield text.lower().translate(str.maketrans(ascii_lowercase, turned))


def _public_words(company: Company) -> str:
    """Sentences of the company folder that customers read all the same."""
    phrases = [sentence for entry in company.voice.phrases.values() for sentence in entry.model_dump().values()]
    return "\n".join([company.profile.about, *phrases, *(macro.body for macro in company.macros.values())])


def _phrases(text: str) -> set[str]:
    words = [word.lower() for word in WORD.findall(text)]
    return {" ".join(words[start : start + PHRASE_WORDS]) for start in range(len(words) - PHRASE_WORDS + 1)}
