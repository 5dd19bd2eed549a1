"""The block structure of a text: headings, paragraphs, lists, tables and code, each with its own source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["heading", "text", "steps", "list", "table", "code"]


@dataclass(frozen=True, slots=True)
class Block:
    """`level` is a heading's; `items` are a list's, which may be cut between them."""

    kind: Kind
    text: str
    level: int = 0
    items: tuple[str, ...] = ()

    @property
    def words(self) -> int:
        return len(self.text.split())
