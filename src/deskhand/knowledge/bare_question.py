"""A customer's question without the person: no greeting, no signature, no quoted mail, no addresses."""

from __future__ import annotations

import re
from typing import Final

LONGEST: Final = 600

_GREETING: Final = re.compile(
    r"^\s*(?:(?:hi|hello|hey|dear|hallo|guten (?:tag|morgen|abend)|sehr geehrte[rs]?|liebe[rs]?|hola|buen[oa]s \w+|"
    r"bonjour|bonsoir|salut|ol[áa]|bom dia|boa tarde|boa noite|good (?:morning|afternoon|evening|day))\b)"
    r"[^,.!?:;\n]{0,40}(?:[,.!:;]+|$)\s*",
    re.I,
)
_CLOSING: Final = re.compile(
    r"^\s*(?:--+|__+|—|(?:(?:many |kind |warm |best )?(?:thanks|thank you|regards|wishes)|best|cheers|sincerely|"
    r"yours|sent from my|get outlook|mit freundlichen|mfg|viele gr[üu](?:ß|ss)e|beste gr[üu](?:ß|ss)e|danke|"
    r"vielen dank|lg|vg|saludos|un saludo|atentamente|(?:muchas )?gracias|cordialement|bien à vous|merci|"
    r"atenciosamente|abraços|(?:muito )?obrigad[oa])\b)",
    re.I,
)
_QUOTED: Final = re.compile(r"^\s*(?:>|on .{5,80} wrote:\s*$|am .{5,80} schrieb.*:\s*$|-+ ?original message)", re.I)
_REPLY: Final = re.compile(r"^(?:\s*(?:re|fwd?|aw|wg)\s*:\s*)+", re.I)
_INTRODUCTION: Final = re.compile(
    r"\b(?i:my name is|mein name ist|ich heiße|me llamo|mi nombre es|je m'appelle|meu nome é|chamo-me)\s+"
    r"[^\W\d_][\w'’-]*(?:\s+[A-ZÀ-Þ][\w'’-]*){0,2}(?:\s+(?i:from|at|of|von|de)\s+[A-ZÀ-Þ][\w&.'’-]*)?[,.!]?\s*"
)
_PRIVATE: Final = re.compile(
    r"https?://\S+|www\.\S+|[\w.+-]+@[\w-]+\.[\w.-]*\w|\b[A-Z]{1,6}-\d{8}-[0-9A-Z]{4}\b|\+?\d(?:[\s()./-]?\d){6,}"
)
_SHORT_LINE: Final = 8
_SHORT_TAIL: Final = 8


def bare_question(subject: str, body: str) -> str:
    """What was asked, in the customer's words, at most `LONGEST` characters; empty when nothing is left."""
    lines = _without_closing(_without_quotes(body.splitlines()))
    if lines:
        lines[0] = _GREETING.sub("", lines[0])
    text = " ".join(" ".join(lines).split())
    subject = _GREETING.sub("", _REPLY.sub("", subject)).strip()
    if subject and subject.lower() not in text.lower():
        text = f"{subject.rstrip('.:')}. {text}" if text else subject
    text = _PRIVATE.sub("", _INTRODUCTION.sub("", text))
    return re.sub(r"\s+([,.!?;:])", r"\1", " ".join(text.split()))[:LONGEST].strip()


def _without_quotes(lines: list[str]) -> list[str]:
    kept: list[str] = []
    for line in lines:
        if _QUOTED.match(line):
            break
        if line.strip():
            kept.append(line)
    return kept


def _without_closing(lines: list[str]) -> list[str]:
    """All from the line that takes leave on, unless something is asked behind it."""
    for number, line in enumerate(lines):
        tail = lines[number + 1 :]
        ends = number > 0 and _CLOSING.match(line) and len(line.split()) <= _SHORT_LINE
        if ends and len(tail) <= _SHORT_TAIL and "?" not in "".join([line, *tail]):
            return lines[:number]
    return lines
