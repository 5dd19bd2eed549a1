"""Shaping of replies that channels share: plain text from Markdown, words counted, splits at sentence ends."""

from __future__ import annotations

import re
import unicodedata

from deskhand.channels.base import Reply
from deskhand.company_folder import ChannelVoice, Company

HEADING = re.compile(r"^#{1,6}\s+(.*)$", re.M)
BOLD = re.compile(r"(\*\*|__)(.+?)\1")
LINK = re.compile(r"\[([^\]]+)\]\((https?://[^)\s]+)\)")
CODE = re.compile(r"`([^`]+)`")
SENTENCE_END = re.compile(r"(?<=[.!?…])\s+")
ZERO_WIDTH_JOINER = "\u200d"
REGIONAL = re.compile("[\U0001f1e6-\U0001f1ff]")
REGIONAL_END = re.compile("[\U0001f1e6-\U0001f1ff]+$")
STEP_NUMBER = re.compile(r"^\d{1,2}\.$")


def plain(markdown: str) -> str:
    """Markdown as a person would type it in a mail: steps and lists stay, marks go."""
    text = HEADING.sub(r"\1", markdown)
    text = BOLD.sub(r"\2", text)
    text = LINK.sub(r"\1 (\2)", text)
    text = CODE.sub(r"\1", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def first_name(name: str) -> str:
    """`Dana` of `Dana Fox`; empty when there is none that one would use in a greeting."""
    word = name.strip().split(" ")[0] if name.strip() else ""
    return word if re.fullmatch(r"[^\W\d_][\w'’.-]{0,39}", word) else ""


def limit_words(text: str, most: int) -> str:
    """Cut after a whole line, inside one only when it is the first, so that at most `most` words are left."""
    most = max(0, most)
    if len(text.split()) <= most:
        return text
    kept: list[str] = []
    words = 0
    for line in text.split("\n"):
        words += len(line.split())
        if words > most:
            break
        kept.append(line)
    return "\n".join(kept).rstrip() or " ".join(text.split()[:most])


def split_at_sentences(text: str, preferred: int, hard: int) -> tuple[str, ...]:
    """Pieces of about `preferred` UTF-16 units, cut at line or sentence ends; none is longer than `hard`."""
    pieces: list[str] = []
    current = ""
    for unit, glue in _units(text):
        joined = f"{current}{glue}{unit}" if current else unit
        if units(joined) <= preferred or not current:
            current = joined
        else:
            pieces.append(current)
            current = unit
    if current:
        pieces.append(current)
    return tuple(part for piece in pieces for part in _force(piece, hard))


def _units(text: str) -> list[tuple[str, str]]:
    """Lines and sentences with what joins them to the unit before; a step's number stays with its step."""
    units: list[tuple[str, str]] = []
    for line in text.split("\n"):
        if not line.strip():
            continue
        glue = "\n"
        for sentence in SENTENCE_END.split(line.strip()):
            if units and STEP_NUMBER.match(units[-1][0]) and glue == " ":
                units[-1] = (f"{units[-1][0]} {sentence}", units[-1][1])
            else:
                units.append((sentence, glue))
            glue = " "
    return units


def units(text: str) -> int:
    """Length as providers count it: UTF-16 units, of which most emoji have two."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _force(piece: str, hard: int) -> list[str]:
    out: list[str] = []
    while units(piece) > hard:
        end = longest_start(piece, hard)
        cut = max(piece.rfind(" ", 0, end), piece.rfind("\n", 0, end))
        cut = cut if cut > 0 else end
        out.append(piece[:cut].rstrip())
        piece = piece[cut:].lstrip()
    return [*out, piece] if piece else out


def longest_start(text: str, most: int) -> int:
    """Where the longest start of at most `most` units ends, outside of what is shown as one character."""
    used = end = 0
    while used + units(text[end]) <= most:
        used += units(text[end])
        end += 1
    whole = end
    while whole > 0 and _belongs_together(text, whole):
        whole -= 1
    return whole or end


def _belongs_together(text: str, at: int) -> bool:
    """Whether a cut here would go through what is shown as one character."""
    before, after = text[at - 1], text[at]
    if before == ZERO_WIDTH_JOINER or _joins(after):
        return True
    if REGIONAL.match(after):  # two make a flag: an odd number of them before the cut is half a flag
        return (at - len(REGIONAL_END.sub("", text[:at]))) % 2 == 1
    return (before, after) == ("\r", "\n")


def _joins(char: str) -> bool:
    """Accents, skin tones, variation selectors, joiners and the later parts of a syllable belong to what is before."""
    if "\u1160" <= char <= "\u11ff" or "\ud7b0" <= char <= "\ud7fb":
        return True
    return unicodedata.category(char) in ("Mn", "Mc", "Me", "Cf", "Sk") and char not in "^`"


def greeting(reply: Reply, voice: ChannelVoice) -> str:
    name = first_name(reply.customer_name)
    return voice.greeting.format(name=name) if name else voice.greeting_without_name


def letter(reply: Reply, company: Company, channel: str) -> str:
    """A whole letter for channels without chat: greeting, answer, sources, ticket, sign-off, within the word limit."""
    voice = company.voice.channels[channel]
    phrases = company.voice.for_language(reply.language)
    head = greeting(reply, voice)
    tail: list[str] = []
    if reply.links:
        tail.append("\n".join([phrases.read_more, *(f"- {title}: {url}" for title, url in reply.links)]))
    tail.append(voice.sign_off.format(team=company.profile.team, support_email=company.profile.support_email))
    tail.append("\n".join(part for part in (f"[{reply.reference}]", reply.disclosure) if part))
    room = (voice.max_words or 400) - sum(len(part.split()) for part in [head, *tail])
    return "\n\n".join([head, limit_words(plain(reply.text), room), *tail])
