"""Header values as text: raw eight-bit bytes and encoded words (RFC 2047) decoded, then cleaned."""

from __future__ import annotations

import re
from binascii import Error, a2b_base64, a2b_qp
from typing import Final

from deskhand.channels.mail.charset import clean_line, decode
from deskhand.channels.mail.message import Flag

_ENCODED_WORD: Final = re.compile(r"=\?([!-<>@-~]{1,60})\?([bBqQ])\?([^?\r\n]*)\?=")
_MOST_WORDS: Final = 2_000


def header_text(raw: bytes, flags: set[Flag]) -> str:
    """The value as a reader sees it, on one line."""
    text = raw.decode("ascii") if raw.isascii() else decode(raw, "utf-8", flags)
    return clean_line(decode_words(text, flags), flags)


def decode_words(text: str, flags: set[Flag]) -> str:
    """Encoded words that stand next to each other in one charset are joined before they are decoded.

    Mailers split them in the middle of a character.
    """
    if "=?" not in text:
        return text
    out: list[str] = []
    pending, charset, end = b"", "", 0
    for count, found in enumerate(_ENCODED_WORD.finditer(text)):
        if count >= _MOST_WORDS:
            break
        between = text[end : found.start()]
        adjoining = end > 0 and not between.strip()
        name = found[1].partition("*")[0].lower()
        if not (adjoining and name == charset):
            out.append(decode(pending, charset, flags) if pending else "")
            pending = b""
        if not adjoining:
            out.append(between)
        pending, charset, end = pending + _bytes(found[2], found[3], flags), name, found.end()
    out.append(decode(pending, charset, flags) if pending else "")
    out.append(text[end:])
    return "".join(out)


def _bytes(encoding: str, content: str, flags: set[Flag]) -> bytes:
    if encoding in "qQ":
        return a2b_qp(content.encode("utf-8", "replace"), header=True)
    try:
        return a2b_base64(content.encode("utf-8", "replace") + b"===")
    except Error:
        flags.add("broken_encoding")
        return content.encode("utf-8", "replace")
