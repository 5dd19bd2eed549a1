"""Text that goes to or comes from a language model, without what people can't see and databases can't store."""

from __future__ import annotations

import re
from typing import Any, cast

# Control characters, zero-width and bidirectional marks, variation selectors, lone surrogates, tag characters.
UNSEEN = re.compile(
    "[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufe00-\ufe0f\ufeff"
    "\ud800-\udfff\U000e0000-\U000e007f\U000e0100-\U000e01ef]"
)
DEEPEST = 8
LARGEST_NUMBER = 2**53


def clean_text(text: str) -> str:
    """The text without characters that nobody sees."""
    return UNSEEN.sub("", text)


def clean_value(value: Any, *, depth: int = 0) -> Any:
    """A JSON value that every database can store: clean strings and keys, finite numbers, at most `DEEPEST` levels."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, (int, float)):
        return value if abs(value) <= LARGEST_NUMBER else None  # no comparison holds for NaN
    if depth >= DEEPEST:
        return None
    if isinstance(value, dict):
        entries = cast("dict[Any, Any]", value)
        return {clean_text(str(key)): clean_value(item, depth=depth + 1) for key, item in entries.items()}
    if isinstance(value, list):
        return [clean_value(item, depth=depth + 1) for item in cast("list[Any]", value)]
    return value


def shorten(text: str, most: int) -> str:
    """The first `most` characters, with a mark where something was left out."""
    return text if len(text) <= most else f"{text[:most]} [... {len(text) - most} more characters left out]"


def one_line(text: str, most: int = 80) -> str:
    """A name or a subject: clean, on one line, and short."""
    return " ".join(clean_text(text).split())[:most]
