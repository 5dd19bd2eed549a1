"""Bytes to text without trust in the declared charset: an allow-list, then repair, then replacement with a flag."""

from __future__ import annotations

import re
from typing import Final

from deskhand.channels.mail.message import Flag

_ASCII: Final = frozenset(("", "us-ascii", "ascii", "ansi_x3.4-1968", "iso646-us", "7bit", "8bit", "default"))
# A declared name to the codec that reads it; supersets where mailers declare the smaller one. UTF-7, escapes and
# the codecs that are no charset are left out on purpose: they make markup and NULs of harmless bytes.
_CODECS: Final = {
    **{name: name for name in ("utf-8", "utf-16", "utf-16le", "utf-16be", "big5hkscs", "hz", "koi8-r", "koi8-u")},
    **{f"iso-8859-{n}": f"iso-8859-{n}" for n in (2, 3, 4, 5, 6, 7, 8, 10, 11, 13, 14, 15, 16)},
    **{f"windows-125{n}": f"cp125{n}" for n in range(9)},
    **{f"cp125{n}": f"cp125{n}" for n in range(9)},
    **{f"iso-2022-jp-{n}": f"iso2022_jp_{n}" for n in (1, 2, 3, 2004)},
    **{name: name for name in ("cp437", "cp850", "cp852", "cp855", "cp858", "cp866", "cp874", "cp932", "cp949")},
    **{"utf8": "utf-8", "unicode-1-1-utf-8": "utf-8", "iso-8859-8-i": "iso-8859-8", "iso-8859-6-i": "iso-8859-6"},
    **{"iso-8859-1": "cp1252", "latin1": "cp1252", "latin-1": "cp1252", "iso8859-1": "cp1252", "l1": "cp1252"},
    **{"iso-8859-9": "cp1254", "latin5": "cp1254", "iso-8859-11": "cp874", "tis-620": "cp874", "windows-874": "cp874"},
    **{"x-mac-roman": "mac-roman", "macintosh": "mac-roman", "iso-2022-kr": "iso2022_kr"},
    **{"iso-2022-jp": "iso2022_jp_2", "shift_jis": "cp932", "shift-jis": "cp932", "sjis": "cp932", "x-sjis": "cp932"},
    **{"ms_kanji": "cp932", "windows-31j": "cp932", "euc-jp": "euc_jp", "x-euc-jp": "euc_jp"},
    **{"gb2312": "gb18030", "gbk": "gb18030", "gb18030": "gb18030", "cp936": "gb18030", "x-gbk": "gb18030"},
    **{"hz-gb-2312": "hz", "big5": "cp950", "big5-hkscs": "big5hkscs", "x-x-big5": "cp950", "cp950": "cp950"},
    **{"euc-kr": "cp949", "ks_c_5601-1987": "cp949", "ks_c_5601": "cp949", "ksc5601": "cp949", "uhc": "cp949"},
}
# Cannot fail on any bytes or nearly so: what decodes as UTF-8 and is not ASCII was UTF-8.
_SINGLE_BYTE: Final = ("cp12", "iso-8859", "koi8", "mac", "cp4", "cp8")
# Seven-bit bytes that are no ASCII text.
_STATEFUL: Final = frozenset(
    (
        *("iso-2022-jp", "iso-2022-kr", "hz", "hz-gb-2312", "utf-16", "utf-16le", "utf-16be"),
        *(f"iso-2022-jp-{n}" for n in (1, 2, 3, 2004)),
    )
)
_NEVER: Final = frozenset(("utf-7", "unicode-1-1-utf-7", "x-unicode-2-0-utf-7"))
# U+FEFF, zero-width space, word joiner and invisible operators, soft hyphen, tags, variation selectors of the
# supplement: nobody sees them, a model reads them. Joiners stay: Persian, Hindi and emoji need them.
_INVISIBLE: Final = re.compile("[\u00ad\u200b\u2060-\u2064\ufeff\U000e0000-\U000e01ef\u180e]")
_CONTROL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x9f\ufff9-\ufffb\ud800-\udfff]")
_BIDIRECTIONAL: Final = re.compile("[\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]")
_LINE_BREAK: Final = re.compile("\r\n?|[\u0085\u2028\u2029\x0b\x0c]")


def decode(data: bytes, declared: str, flags: set[Flag]) -> str:
    """Text of a body part. What could not be read as declared is noted in `flags`."""
    name = declared.strip().strip("\"'").lower()[:60]
    if data.isascii() and name not in _STATEFUL and not (name in _ASCII and b"\x1b$" in data):
        if name not in _ASCII and name not in _CODECS:
            flags.add("unknown_charset")
        return data.decode("ascii")
    codec = _CODECS.get(name)
    if codec is None:
        if name not in _ASCII:
            flags.add("unknown_charset")
        return _repair(data, None if name in _NEVER else _guess(data), flags)
    if codec.startswith(_SINGLE_BYTE) and (text := _strictly(data, "utf-8")) is not None:
        flags.add("charset_repaired")
        return text
    text = _strictly(data, codec)
    return text if text is not None else _repair(data, codec, flags)


def _guess(data: bytes) -> str | None:
    return "iso2022_jp_2" if b"\x1b$" in data or b"\x1b(J" in data else None


def _strictly(data: bytes, codec: str) -> str | None:
    try:
        return data.decode(codec)
    except UnicodeError:
        return None


def _repair(data: bytes, codec: str | None, flags: set[Flag]) -> str:
    text = _strictly(data, "utf-8")
    if text is not None:
        if codec is not None:
            flags.add("charset_repaired")
        return text
    text = data.decode(codec or "cp1252", "replace")
    flags.add("replaced_characters" if "\ufffd" in text else "charset_repaired")
    return text


def clean_text(text: str, flags: set[Flag]) -> str:
    """Line ends as `\\n`; without controls, which PostgreSQL refuses, and without what nobody can see."""
    text = _CONTROL.sub("", _LINE_BREAK.sub("\n", text)) if not text.isprintable() else text
    if not text.isascii():
        seen = _INVISIBLE.sub("", text)
        if len(seen) < len(text.lstrip("\ufeff")):
            flags.add("invisible_characters")
        text = seen
    return text


def clean_line(text: str, flags: set[Flag]) -> str:
    """One line fit for a header, a name or a page: no line ends, controls, marks of direction or invisible ones."""
    if text.isprintable() and text.isascii():
        return text.strip()
    line = " ".join(text.replace("\t", " ").split()) if "\t" in text or "\n" in text else text
    shown = _CONTROL.sub("", line.replace("\r", " ").replace("\u2028", " ").replace("\u2029", " "))
    if len(shown) < len(line) or "\r" in text or "\n" in text:
        flags.add("control_characters")
    straight = _BIDIRECTIONAL.sub("", shown)
    if len(straight) < len(shown):
        flags.add("bidirectional_marks")
    seen = _INVISIBLE.sub("", straight)
    if len(seen) < len(straight):
        flags.add("invisible_characters")
    return seen.strip()
