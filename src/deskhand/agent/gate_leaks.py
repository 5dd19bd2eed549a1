"""Finds the agent's own instructions in a reply: whole phrases of them, their mark, or something encoded."""

from __future__ import annotations

import re
from collections.abc import Iterator
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


def _repeated(text: str, prompt: str, public: str) -> str | None:
    """Eight words of the prompt in a row, however the letters were moved, or a whole short sentence of it."""
    private = _phrases(prompt) - _phrases(public)
    for form in _forms(text):
        if found := sorted(_phrases(form) & private):
            return found[0]
    if _phrases(_anagram(text)) & (_phrases(_anagram(prompt)) - _phrases(_anagram(public))):
        return "with jumbled letters"
    said, known = f" {_words(text)} ", f" {_words(public)} "
    for written in SENTENCE.findall(prompt):
        if not written.endswith((".", "!")):
            continue
        sentence = _words(written)
        if sentence.count(" ") >= SENTENCE_WORDS - 1 and f" {sentence} " in said and f" {sentence} " not in known:
            return sentence
    return None


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
