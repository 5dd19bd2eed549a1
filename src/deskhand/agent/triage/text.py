"""A message as one text, and the clauses that it consists of."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_REPLY: Final = re.compile(r"^(?:\s*(?:re|fwd?|aw|wg|sv|rv|tr|enc)\s*:\s*)+", re.I)
_END: Final = re.compile(r"[.!?…]+[\"'”’)]*\s+|\n+|\s+[-–—]\s+|;\s+")
_LONGEST: Final = 6_000


@dataclass(frozen=True, slots=True)
class Clause:
    text: str
    start: int
    end: int


def joined(subject: str, body: str) -> str:
    """Subject and body as the model reads them."""
    subject = _REPLY.sub("", subject).strip()
    body = body.strip()
    if not subject or body.lower().startswith(subject.lower()):
        return body[:_LONGEST]
    return f"{subject}\n{body}"[:_LONGEST]


def clauses(text: str) -> list[Clause]:
    """Sentences and lines, with their place in the text."""
    found: list[Clause] = []
    start = 0
    for match in _END.finditer(text):
        _add(found, text, start, match.end())
        start = match.end()
    _add(found, text, start, len(text))
    return found


def _add(found: list[Clause], text: str, start: int, end: int) -> None:
    piece = text[start:end].strip()
    if piece:
        found.append(Clause(piece, start, end))
