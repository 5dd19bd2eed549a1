"""Message-IDs as they stand in headers (RFC 5322, section 3.6.4): well-formed or not there at all."""

from __future__ import annotations

import re
from typing import Final

_ID: Final = re.compile(r"<([^\s<>@]{1,400}@[^\s<>@]{1,250})>")
_MOST: Final = 500


def message_ids(value: str) -> tuple[str, ...]:
    """Every id in the value, in order, each once; of too many the first and the last ones."""
    if "<" not in value:
        return ()
    found = tuple(dict.fromkeys(f"<{match[1]}>" for match in _ID.finditer(value) if _is_plausible(match[1])))
    return found if len(found) <= _MOST else found[: _MOST // 2] + found[-_MOST // 2 :]


def message_id(value: str) -> str:
    """The one id of a Message-ID field; empty when there is none, or more than one."""
    found = message_ids(value)
    return found[0] if len(found) == 1 else ""


def _is_plausible(inner: str) -> bool:
    left, _, right = inner.partition("@")
    if "[" in right or "]" in right:
        return right.startswith("[") and right.endswith("]") and right.count("[") == right.count("]") == 1
    return left.isprintable() and right.isprintable()
