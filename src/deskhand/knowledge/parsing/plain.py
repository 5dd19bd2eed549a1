"""Plain text to blocks: paragraphs and steps, with underlined or lone short lines as headings."""

from __future__ import annotations

import re
from typing import Final

from deskhand.knowledge.parsing.blocks import Block

_STEP: Final = re.compile(r"^\s*\d{1,3}[.)]\s+\S")
_BULLET: Final = re.compile(r"^\s*[-*•]\s+\S")
_UNDERLINE: Final = re.compile(r"^\s*([=\-~*#])\1{2,}\s*$")
_MOST_TITLE_WORDS: Final = 12


def list_blocks(text: str) -> list[Block]:
    """The first lone line is the title, later ones are headings below it."""
    paragraphs = [part.strip("\n") for part in re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n").replace("\r", "\n"))]
    blocks: list[Block] = []
    for paragraph in paragraphs:
        lines = [line.rstrip() for line in paragraph.split("\n") if line.strip()]
        title = _heading(lines)
        if title:
            blocks.append(Block("heading", title, level=2 if blocks else 1))
            lines = [line for line in lines[1:] if not _UNDERLINE.match(line)]
        blocks.extend(_content(lines))
    if all(block.kind == "heading" for block in blocks):
        return [Block("text", block.text) for block in blocks]  # lone lines and nothing below them: they are the text
    return blocks


def _heading(lines: list[str]) -> str:
    if not lines:
        return ""
    first = lines[0].strip()
    underlined = len(lines) > 1 and _UNDERLINE.match(lines[1]) is not None
    lone = len(lines) == 1 and not first.endswith((".", ":", ",", ";", "!"))
    is_item = _STEP.match(first) or _BULLET.match(first) or _UNDERLINE.match(first)
    short = len(first.split()) <= _MOST_TITLE_WORDS
    return first if (underlined or lone) and short and not is_item else ""


def _content(lines: list[str]) -> list[Block]:
    blocks: list[Block] = []
    prose: list[str] = []
    items: list[str] = []
    for line in lines:
        if _STEP.match(line) or _BULLET.match(line):
            items.append(line.strip())
        elif items:
            items[-1] += f"\n   {line.strip()}"
        else:
            prose.append(line.strip())
    if prose:
        blocks.append(Block("text", "\n".join(prose)))
    if items:
        kind = "steps" if _STEP.match(items[0]) else "list"
        blocks.append(Block(kind, "\n".join(items), items=tuple(items)))
    return blocks
