"""`type/subtype; name=value` fields (RFC 2045, with the continuations and charsets of RFC 2231)."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote_to_bytes

from deskhand.channels.mail.charset import decode

_PARAMETER: Final = re.compile(r';\s*([^\s=;"]{1,100})\s*=\s*(?:"((?:[^"\\]|\\.)*)"?|([^;"]*))', re.S)
_ESCAPE: Final = re.compile(r"\\(.)", re.S)
_MOST: Final = 100


def parse_parameters(raw: bytes) -> tuple[str, dict[str, str]]:
    """The value in lower case and its parameters, names in lower case; the first of two wins."""
    if not raw:
        return "", {}
    text = raw.decode("utf-8", "surrogateescape")
    value, _, rest = text.partition(";")
    plain: dict[str, str] = {}
    pieces: dict[str, list[tuple[int, bool, str]]] = {}
    for count, found in enumerate(_PARAMETER.finditer(";" + rest)):
        if count >= _MOST:
            break
        name = found[1].lower()
        content = _ESCAPE.sub(r"\1", found[2]) if found[2] is not None else found[3].strip()
        if "*" not in name:
            plain.setdefault(name, content)
            continue
        base, _, number = name.rstrip("*").partition("*")
        pieces.setdefault(base, []).append((_number(number), name.endswith("*"), content))
    for base, found_pieces in pieces.items():
        plain[base] = _joined(sorted(found_pieces, key=lambda piece: piece[0]))
    kind = value.partition("(")[0].strip().strip("\"'").lower()
    return "".join(kind.split())[:200], plain


def _number(text: str) -> int:
    return int(text) if len(text) <= 3 and text.isascii() and text.isdigit() else 0


def _joined(pieces: list[tuple[int, bool, str]]) -> str:
    charset = ""
    data = b""
    for position, (_, extended, content) in enumerate(pieces):
        if extended and position == 0 and content.count("'") >= 2:
            charset, _, content = content.split("'", 2)
        given = content.encode("utf-8", "surrogateescape")
        data += unquote_to_bytes(given) if extended else given
    return decode(data, charset, set())
