"""What a sender says of a file, made fit to be shown: its name is never a path."""

from __future__ import annotations

import re
import unicodedata

LONGEST = 150
SEPARATORS = re.compile(r"[/\\]+")
MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9.+-]{0,60}/[a-z0-9][a-z0-9.+-]{0,90}")
UNKNOWN_TYPE = "application/octet-stream"
UNSEEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def clean_name(name: str) -> str:
    """Without folders, control, bidirectional and invisible characters, and without dots in front; never empty."""
    normal = unicodedata.normalize("NFC", name.replace("\0", ""))
    last = SEPARATORS.split(normal)[-1]
    seen = "".join(char for char in last if unicodedata.category(char) not in UNSEEN).strip().lstrip(". ")
    if len(seen) <= LONGEST:
        return seen or "file"
    stem, dot, ending = seen.rpartition(".")
    if dot and len(ending) <= 10:
        return f"{stem[: LONGEST - len(ending) - 1]}.{ending}"
    return seen[:LONGEST]


def clean_type(content_type: str) -> str:
    """The bare media type, without parameters."""
    bare = content_type.split(";")[0].strip().lower()
    return bare if MEDIA_TYPE.fullmatch(bare) else UNKNOWN_TYPE


def clean_id(content_id: str) -> str:
    return "".join(char for char in content_id if char.isascii() and char.isprintable())[:LONGEST]
