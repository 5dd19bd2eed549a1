"""Markdown, MDX and Docusaurus pages to blocks; what is kept is kept as it was written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

from deskhand.knowledge.parsing.blocks import Block
from deskhand.knowledge.parsing.html import html_to_markdown

_PARSER: Final = MarkdownIt("commonmark").enable("table")
_CODE_OR_LINK: Final = re.compile(
    r"(`+)(?:.+?)\1|!\[[^\]]*\]\([^)]*\)|\[([^\]]*)\]\((<[^>]*>|[^)\s]*)[^)]*\)|</?[A-Za-z][^<>]*>|\{#[\w-]+\}", re.S
)
_ADMONITION: Final = re.compile(r"^ {0,3}:::+ *(\w+)? *\[?([^\]\n]*)\]?[ \t]*$", re.M)
_FENCE: Final = re.compile(r"^ {0,3}(`{3,}|~{3,})")
_MDX: Final = re.compile(
    r"^(?:import\s.+\sfrom\s+['\"].+|import\s+['\"].+|export\s+(?:const|default|function)\s.*)$", re.M
)
_COMMENT: Final = re.compile(r"<!--.*?-->|\{/\*.*?\*/\}", re.S)


def list_blocks(text: str) -> list[Block]:
    """The blocks of a page in order, without imports, images and empty markup."""
    text = _without_directives(text)
    lines = text.split("\n")
    blocks: list[Block] = []
    for token in _top_level(_PARSER.parse(text)):
        blocks.extend(_blocks_of(token, lines))
    return _joined_lists(blocks)


def tidy(text: str) -> str:
    """Inline markup that means nothing outside its site: images, tags, links to neighbouring pages."""
    return _CODE_OR_LINK.sub(_tidied, text)


def _tidied(match: re.Match[str]) -> str:
    whole = match[0]
    if match[1] is not None:
        return whole
    if whole.startswith("["):
        target = match[3].strip("<>")
        return whole if target.startswith(("http://", "https://", "mailto:")) else match[2]
    return "\n" if re.match(r"<br\b", whole, re.I) else ""


def _without_directives(text: str) -> str:
    """Admonitions keep their title and text; imports and comments go. Code fences are left alone."""
    parts: list[str] = []
    outside: list[str] = []
    fence = ""
    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        mark = _FENCE.match(line)
        if not fence and mark:
            parts.append(_plain_directives("\n".join(outside)))
            outside = []
        if fence or mark:
            parts.append(line)
        else:
            outside.append(line)
        if mark and not fence:
            fence = mark[1]
        elif mark and fence and line.strip().startswith(fence) and not line.strip().strip(fence[0]):
            fence = ""
    parts.append(_plain_directives("\n".join(outside)))
    return "\n".join(parts)


def _plain_directives(text: str) -> str:
    def titled(match: re.Match[str]) -> str:
        return f"\n**{match[2].strip()}**\n" if match[2].strip() else "\n"

    return _ADMONITION.sub(titled, _MDX.sub("", _COMMENT.sub("", text)))


def _top_level(tokens: list[Token]) -> Iterator[list[Token]]:
    """Each block of the page with everything inside it."""
    group: list[Token] = []
    for token in tokens:
        group.append(token)
        if token.level == 0 and token.nesting <= 0:
            yield group
            group = []


def _blocks_of(group: list[Token], lines: list[str]) -> Iterator[Block]:
    first = group[0]
    source = _source(first, lines)
    match first.type:
        case "heading_open":
            title = tidy(group[1].content).strip()
            if title:
                yield Block("heading", title, level=int(first.tag[1]))
        case "fence" | "code_block":
            yield Block("code", source)
        case "table_open":
            yield Block("table", tidy(source))
        case "ordered_list_open" | "bullet_list_open":
            yield from _list(group, lines)
        case "html_block":
            yield from list_blocks(html_to_markdown(source).markdown)
        case "hr":
            return
        case _:
            text = tidy(source).strip()
            if text:
                yield Block("text", text)


def _list(group: list[Token], lines: list[str]) -> Iterator[Block]:
    items = [
        tidy(_source(token, lines)).rstrip() for token in group if token.type == "list_item_open" and token.level == 1
    ]
    kept = tuple(item for item in items if item.strip(" \t-*+.0123456789)"))
    if kept:
        yield Block("steps" if group[0].tag == "ol" else "list", "\n".join(kept), items=kept)


def _source(token: Token, lines: list[str]) -> str:
    start, end = token.map or (0, 0)
    return "\n".join(lines[start:end]).rstrip()


def _joined_lists(blocks: list[Block]) -> list[Block]:
    """A list that an image had cut in two is one list again."""
    joined: list[Block] = []
    for block in blocks:
        last = joined[-1] if joined else None
        if last is not None and block.kind in ("steps", "list") and last.kind == block.kind:
            items = last.items + block.items
            joined[-1] = Block(block.kind, "\n".join(items), items=items)
        else:
            joined.append(block)
    return joined
