"""Blocks to sections: what can be quoted as an answer, never cut inside steps, a table or code."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from deskhand.knowledge.models import Section
from deskhand.knowledge.parsing.blocks import Block

MOST_WORDS: Final = 180
MOST_STEP_WORDS: Final = 300
TINY_WORDS: Final = 20
SEPARATOR: Final = " › "

_SENTENCE_END: Final = re.compile(r"(?<=[.!?])\s+(?=\S)")
_BOLD_LINE: Final = re.compile(r"\*\*[^*\n]+\*\*")


@dataclass(frozen=True, slots=True)
class _Draft:
    path: tuple[str, ...]
    blocks: tuple[Block, ...]
    is_group: bool = False

    @property
    def words(self) -> int:
        return sum(block.words for block in self.blocks)

    @property
    def is_tiny(self) -> bool:
        """A question with a short answer is whole; a line under any other heading needs its neighbours."""
        asks = bool(self.path) and self.path[-1].endswith("?")
        return self.words < TINY_WORDS and not asks


def cut(blocks: Iterable[Block], *, title: str) -> tuple[Section, ...]:
    """The sections of a document whose title is known; a first heading that repeats it adds nothing to the path."""
    drafts = [part for draft in _join_tiny(_by_heading(blocks, title)) for part in _fit(draft)]
    return tuple(Section(SEPARATOR.join(draft.path), _text(draft.blocks)) for draft in drafts)


def _by_heading(blocks: Iterable[Block], title: str) -> list[_Draft]:
    drafts: list[_Draft] = []
    path: list[tuple[int, str]] = []
    held: list[Block] = []

    def close() -> None:
        if held:
            drafts.append(_Draft(tuple(text for _, text in path), tuple(held)))
            held.clear()

    for block in blocks:
        if block.kind != "heading":
            held.append(block)
            continue
        close()
        path = [entry for entry in path if entry[0] < block.level]
        if path or block.text.casefold() != title.casefold():
            path.append((block.level, block.text))
    close()
    return drafts


def _join_tiny(drafts: list[_Draft]) -> list[_Draft]:
    """Tiny neighbours become one section under their common heading, a tiny introduction goes with what follows."""
    joined: list[_Draft] = []
    for draft in drafts:
        merged = _merged(joined[-1], draft) if joined else None
        if merged is None:
            joined.append(draft)
        else:
            joined[-1] = merged
    return joined


def _merged(first: _Draft, second: _Draft) -> _Draft | None:
    if first.words + second.words > MOST_WORDS:
        return None
    depth = len(first.path)
    if first.is_tiny and not first.is_group and len(second.path) > depth and second.path[:depth] == first.path:
        return replace(second, blocks=first.blocks + second.blocks)
    parent = first.path if first.is_group else first.path[:-1]
    if second.is_tiny and (first.is_tiny or first.is_group) and second.path and second.path[:-1] == parent:
        before = first.blocks if first.is_group else _labelled(first, parent)
        return _Draft(parent, before + _labelled(second, parent), is_group=True)
    return None


def _labelled(draft: _Draft, common: tuple[str, ...]) -> tuple[Block, ...]:
    below = draft.path[len(common) :]
    return (Block("text", f"**{SEPARATOR.join(below)}**"), *draft.blocks) if below else draft.blocks


def _fit(draft: _Draft) -> list[_Draft]:
    if draft.words <= MOST_WORDS:
        return [draft]
    parts: list[_Draft] = []
    held: list[Block] = []
    words = 0
    for unit in _units(draft.blocks):
        size = sum(block.words for block in unit)
        if held and words + size > MOST_WORDS:
            parts.append(replace(draft, blocks=tuple(held)))
            held, words = [], 0
        held.extend(unit)
        words += size
    if held and parts and words < TINY_WORDS * 2:
        parts[-1] = replace(draft, blocks=(*parts[-1].blocks, *held))
    elif held:
        parts.append(replace(draft, blocks=tuple(held)))
    return parts


def _units(blocks: tuple[Block, ...]) -> list[tuple[Block, ...]]:
    """What must stay together: a list, table, code or paragraph with the lines that introduce it."""
    units: list[tuple[Block, ...]] = []
    lead: tuple[Block, ...] = ()
    for block, following in zip(blocks, (*blocks[1:], None), strict=True):
        if following is not None and _introduces(block, following):
            lead = (*lead, block)
            continue
        first, *others = _pieces(block)
        units.append((*lead, first))
        units.extend((piece,) for piece in others)
        lead = ()
    return units


def _introduces(block: Block, following: Block) -> bool:
    if block.kind != "text" or block.words > MOST_WORDS // 2:
        return False
    return following.kind != "text" or block.text.endswith(":") or _BOLD_LINE.fullmatch(block.text) is not None


def _pieces(block: Block) -> list[Block]:
    """A block in pieces that fit; only long lists and endless paragraphs have more than one."""
    most = MOST_STEP_WORDS if block.kind in ("steps", "text") else MOST_WORDS
    if block.kind in ("table", "code") or block.words <= most:
        return [block]
    if block.kind == "text":
        return [Block("text", text) for text in _packed(_SENTENCE_END.split(block.text), " ")]
    return [Block(block.kind, text) for text in _packed(block.items, "\n")]


def _packed(parts: Iterable[str], glue: str) -> list[str]:
    packed: list[str] = []
    for part in parts:
        if packed and len(packed[-1].split()) + len(part.split()) <= MOST_WORDS:
            packed[-1] += glue + part
        else:
            packed.append(part)
    return packed


def _text(blocks: tuple[Block, ...]) -> str:
    """Markdown again; a list sits right under the line that introduces it."""
    text = ""
    for block in blocks:
        tight = block.kind in ("steps", "list") and text.endswith(":")
        text += ("\n" if tight else "\n\n") + block.text if text else block.text
    return text
