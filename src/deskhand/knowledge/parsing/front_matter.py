"""The YAML at the top of a file, as help centres and static site generators write it."""

from __future__ import annotations

import re
from typing import Any, Final, cast

import yaml

_FENCED: Final = re.compile(r"\A---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.S)
_HIDDEN: Final = ("draft", "retired", "unlisted")


def split(text: str) -> tuple[dict[str, Any], str]:
    """The front matter, empty when there is none, and the rest. Raises ValueError when it is no YAML mapping."""
    match = _FENCED.match(text)
    if match is None:
        return {}, text
    try:
        loaded: object = yaml.safe_load(match[1])
    except yaml.YAMLError as error:
        raise ValueError(f"its front matter is not YAML: {_first_line(error)}") from error
    if loaded is None:
        return {}, text[match.end() :]
    if not isinstance(loaded, dict):
        raise ValueError("its front matter is not a mapping")
    return {str(key): value for key, value in cast("dict[object, Any]", loaded).items()}, text[match.end() :]


def is_hidden(meta: dict[str, Any]) -> bool:
    """Whether the author keeps the file out of the help centre."""
    return any(meta.get(key) is True for key in _HIDDEN)


def text_of(meta: dict[str, Any], *keys: str) -> str:
    """The first of these entries that is a non-empty text or number."""
    for key in keys:
        value = meta.get(key)
        if isinstance(value, str | int | float) and not isinstance(value, bool) and str(value).strip():
            return str(value).strip()
    return ""


def list_of(meta: dict[str, Any], *keys: str) -> tuple[str, ...]:
    """The first of these entries that is a list, or a text with commas."""
    for key in keys:
        value = meta.get(key)
        if isinstance(value, str):
            value = value.split(",")
        if isinstance(value, list):
            parts = (str(part).strip() for part in cast("list[object]", value))
            return tuple(part for part in parts if part)
    return ()


def _first_line(error: yaml.YAMLError) -> str:
    return " ".join(str(error).split())[:160]
