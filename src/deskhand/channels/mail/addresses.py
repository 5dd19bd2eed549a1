"""Address fields (RFC 5322, section 3.4), read strictly: what is not plainly one mailbox is no identity.

Parsers that repair are how `alice@example.org)bob@evil.com` becomes Alice (CVE-2023-27043).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from deskhand.channels.mail.charset import clean_line
from deskhand.channels.mail.header_text import decode_words
from deskhand.channels.mail.message import Address, Flag

_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS: Final = re.compile(
    rf"[A-Za-z0-9!#$%&'*+/=?^_`{{|}}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{{|}}~-]+)*@{_LABEL}(?:\.{_LABEL})+"
)
_LONGEST: Final = 254
_MOST: Final = 100
_TOKEN: Final = re.compile(r'"((?:[^"\\]|\\.)*)(?:"|(\\?\Z))|<([^<>]*)>|([,:;()<>])|([^",:;()<>]+)', re.S)
_ESCAPE: Final = re.compile(r"\\(.)", re.S)
_DEEPEST_COMMENT: Final = 10


@dataclass(frozen=True, slots=True)
class AddressList:
    """`is_sound` is False when anything in the field had to be guessed, or names a group."""

    addresses: tuple[Address, ...]
    is_sound: bool


def is_address(text: str) -> bool:
    return len(text) <= _LONGEST and _ADDRESS.fullmatch(text) is not None


def parse_addresses(raw: bytes, flags: set[Flag]) -> AddressList:
    """The mailboxes of one field; groups are opened, comments dropped."""
    text = raw.decode("utf-8", "replace")
    reader = _Reader(flags)
    for found in _TOKEN.finditer(text):
        reader.take(found)
        if len(reader.addresses) >= _MOST:
            reader.is_sound = False
            break
    reader.finish()
    return AddressList(tuple(reader.addresses), reader.is_sound and raw.isascii())


def looks_alike(address: Address) -> bool:
    """Whether the domain or the name passes for another one: mixed scripts, punycode, a foreign address as a name."""
    domain = address.key.rpartition("@")[2]
    named = re.search(r"@([a-z0-9.-]{1,253})", address.name.lower())
    borrowed = named is not None and named[1].strip(".") != domain
    return borrowed or "xn--" in domain or not domain.isascii() or _mixes_scripts(address.name[:200])


def _mixes_scripts(name: str) -> bool:
    """Latin and Cyrillic or Greek letters within one word."""
    if name.isascii():
        return False
    for word in name.split():
        scripts = {unicodedata.name(char, "").partition(" ")[0] for char in word if char.isalpha()}
        if "LATIN" in scripts and scripts & {"CYRILLIC", "GREEK"}:
            return True
    return False


class _Reader:
    def __init__(self, flags: set[Flag]) -> None:
        self.addresses: list[Address] = []
        self.is_sound = True
        self._flags = flags
        self._words: list[str] = []
        self._comments: list[str] = []
        self._angle: str | None = None
        self._depth = 0
        self._in_group = False
        self._quoted = False

    def take(self, found: re.Match[str]) -> None:
        quoted, unclosed, angle, mark, word = found.groups()
        self.is_sound = self.is_sound and unclosed is None
        if self._depth or mark in ("(", ")"):
            self._take_comment(found[0], mark)
        elif quoted is not None:
            self._quoted = True
            self._words.append(_ESCAPE.sub(r"\1", quoted))
        elif angle is not None:
            self.is_sound = self.is_sound and self._angle is None
            self._angle = angle if self._angle is None else self._angle
        elif word is not None:
            self._take_word(word)
        else:
            self._take_mark(mark)

    def _take_comment(self, text: str, mark: str | None) -> None:
        self._depth += (mark == "(") - (mark == ")")
        if self._depth < 0 or self._depth > _DEEPEST_COMMENT:
            self.is_sound = False
            self._depth = max(0, min(self._depth, _DEEPEST_COMMENT))
        elif mark is None:
            self._comments.append(text)

    def _take_word(self, word: str) -> None:
        if not word.strip():
            return
        if self._angle is not None:  # words after <address>
            self.is_sound = False
        self._words.append(word)

    def _take_mark(self, mark: str) -> None:
        if mark == ",":
            self._end()
        elif mark == ":" and not self._in_group and self._angle is None:
            self._in_group = True
            self.is_sound = False
            self._words.clear()
        elif mark == ";" and self._in_group:
            self._end()
            self._in_group = False
        elif mark == ";":
            self.is_sound = False
            self._end()
        else:
            self.is_sound = False

    def finish(self) -> None:
        self.is_sound = self.is_sound and self._depth == 0 and not self._in_group
        self._end()

    def _end(self) -> None:
        words, comments, angle, quoted = self._words, self._comments, self._angle, self._quoted
        self._words, self._comments, self._angle, self._quoted = [], [], None, False
        if angle is None and not words:
            return
        phrase = "".join(words).strip()
        if angle is None:
            given, name = phrase, "".join(comments).strip()
            self.is_sound = self.is_sound and not quoted
        else:
            given, name = angle.strip(), phrase or "".join(comments).strip()
            self.is_sound = self.is_sound and (quoted or "@" not in phrase)
        self.is_sound = self.is_sound and is_address(given)
        name = clean_line(decode_words(name, self._flags), self._flags)[:200]
        self.addresses.append(Address(clean_line(given, set())[:_LONGEST], name))
