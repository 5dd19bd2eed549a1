"""Finds the agent's own instructions in a reply: whole phrases of them, their mark, or something encoded."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from string import ascii_lowercase
from typing import TYPE_CHECKING

from deskhand.agent.gate_patterns import EMAIL
from deskhand.company_folder import Company

if TYPE_CHECKING:
    from deskhand.agent.context import ToolContext

MARK = re.compile(r"instructions-[0-9a-f]{12}")
WORD = re.compile(r"[^\W_]+")
PHRASE_WORDS = 8
SENTENCE_WORDS = 4
# Statements only: the questions in the prompt are examples of what customers ask.
SENTENCE = re.compile(r"[^.!?]+[.!?]*")
# "w0rds l1ke th3se"
MIXED = re.compile(r"(?<!\w)[a-z]*(?:[a-z][0-9@$!&]+[a-z]|[0-9@$!][a-z]+[0-9@$!])\w*", re.I)
FEWEST_MIXED = 4
SPELLED = re.compile(r"(?:(?<!\w)\w[\s.,_|-]{1,3}){12,}")
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
    elif repeated := _repeated(text, prompt, public):
        yield f"repeats the agent's instructions: {repeated}"
    if (opaque := OPAQUE.search(text)) and opaque[0] not in public:
        yield "holds a long run of characters that is no text"
    mixed = len(MIXED.findall(EMAIL.sub(" ", text)))
    if mixed >= FEWEST_MIXED and mixed * 6 >= len(text.split()):
        yield "words are written in a cipher"
    if SPELLED.search(text):
        yield "words are spelled out letter by letter"


@dataclass(frozen=True, slots=True)
class _Told:
    """What is looked for of a prompt: the phrases as they are and with jumbled letters, and the short statements."""

    phrases: frozenset[str]
    jumbled: frozenset[str]
    statements: tuple[str, ...]


@lru_cache(maxsize=4)  # one prompt serves all turns of a process
def _read(prompt: str) -> _Told:
    statements = (_words(written) for written in SENTENCE.findall(prompt) if written.endswith((".", "!")))
    return _Told(
        phrases=frozenset(_phrases(prompt)),
        jumbled=frozenset(_phrases(_anagram(prompt))),
        statements=tuple(sentence for sentence in statements if sentence.count(" ") >= SENTENCE_WORDS - 1),
    )


def _repeated(text: str, prompt: str, public: str) -> str | None:
    """Eight words of the prompt in a row, however the letters were moved, or a whole short sentence of it."""
    told = _read(prompt)
    for form in _forms(text):
        found = _phrases(form) & told.phrases
        if found and (private := sorted(found - _phrases(public))):
            return private[0]
    jumbled = _phrases(_anagram(text)) & told.jumbled
    if jumbled and jumbled - _phrases(_anagram(public)):
        return "with jumbled letters"
    said = f" {_words(text)} "
    return next((line for line in told.statements if f" {line} " in said and not _holds(public, line)), None)


def _holds(text: str, line: str) -> bool:
    return f" {line} " in f" {_words(text)} "


def _words(text: str) -> str:
    return " ".join(word.lower() for word in WORD.findall(text))


def _anagram(text: str) -> str:
    return " ".join("".join(sorted(word.lower())) for word in WORD.findall(text))


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
