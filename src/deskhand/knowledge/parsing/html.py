"""HTML to Markdown: only what a reader sees, in the structure that the blocks need."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final

_SKIPPED: Final = frozenset(
    ("script", "style", "nav", "header", "footer", "aside", "form", "noscript", "template", "svg", "button", "iframe")
)
_BLOCKS: Final = frozenset(
    ("p", "div", "section", "article", "main", "body", "blockquote", "dl", "dt", "dd", "figure", "details", "summary")
)
_MARKS: Final = {"strong": "**", "b": "**", "em": "*", "i": "*", "code": "`", "kbd": "`"}


@dataclass(frozen=True, slots=True)
class Page:
    """`title` is the head's, `language` the one declared, `url` the canonical address; each may be empty."""

    markdown: str
    title: str = ""
    language: str = ""
    url: str = ""


def html_to_markdown(html: str) -> Page:
    """Reads anything a browser would; unclosed and unknown tags do no harm."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    markdown = re.sub(r"[ \t]+\n", "\n", reader.text())
    markdown = re.sub(r"\n{3,}", "\n\n", markdown).strip()
    return Page(markdown, " ".join(reader.title.split()), reader.language, reader.url)


@dataclass(slots=True)
class _List:
    ordered: bool
    count: int = 0


@dataclass(slots=True)
class _Table:
    rows: list[list[str]] = field(default_factory=list[list[str]])


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.title = ""
        self.language = ""
        self.url = ""
        self._out: list[str] = []
        self._skipping: list[str] = []
        self._lists: list[_List] = []
        self._table: _Table | None = None
        self._cell: list[str] | None = None
        self._in_title = False
        self._pre = False
        self._links: list[str] = []

    def text(self) -> str:
        self._end_table()
        return "".join(self._out)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {key: value or "" for key, value in attrs}
        if tag in _SKIPPED or self._skipping:
            if tag in _SKIPPED:
                self._skipping.append(tag)
            return
        if tag == "html":
            self.language = given.get("lang", "")
        elif tag == "link" and given.get("rel") == "canonical":
            self.url = given.get("href", "")
        elif tag == "title":
            self._in_title = True
        elif tag == "a":
            self._links.append(given.get("href", ""))
            self._put("[")
        else:
            self._open(tag)

    def _open(self, tag: str) -> None:
        if re.fullmatch(r"h[1-6]", tag):
            self._put("\n\n" + "#" * int(tag[1]) + " ")
        elif tag in ("ul", "ol"):
            self._put("" if self._lists else "\n\n")
            self._lists.append(_List(ordered=tag == "ol"))
        elif tag == "li":
            self._open_item()
        elif tag == "pre":
            self._pre = True
            self._put("\n\n```\n")
        elif tag == "br":
            self._put("\n")
        elif tag in ("table", "tr", "td", "th"):
            self._open_cell(tag)
        elif tag in _MARKS and not self._pre:
            self._put(_MARKS[tag])
        elif tag in _BLOCKS and not self._lists:
            self._put("\n\n")

    def _open_item(self) -> None:
        if not self._lists:
            self._lists.append(_List(ordered=False))
        current = self._lists[-1]
        current.count += 1
        mark = f"{current.count}. " if current.ordered else "- "
        self._put("\n" + "   " * (len(self._lists) - 1) + mark)

    def _open_cell(self, tag: str) -> None:
        if tag == "table":
            self._end_table()
            self._table = _Table()
        elif self._table is not None and tag == "tr":
            self._table.rows.append([])
        elif self._table is not None:
            if not self._table.rows:
                self._table.rows.append([])
            self._cell = []

    def handle_endtag(self, tag: str) -> None:
        if self._skipping:
            if tag == self._skipping[-1]:
                self._skipping.pop()
            return
        if tag == "title":
            self._in_title = False
        elif tag == "a" and self._links:
            self._put(f"]({self._links.pop()})")
        elif tag == "table":
            self._end_table()
        elif tag in ("td", "th") and self._table is not None and self._cell is not None:
            self._table.rows[-1].append(" ".join("".join(self._cell).split()).replace("|", "\\|"))
            self._cell = None
        else:
            self._close(tag)

    def _close(self, tag: str) -> None:
        if tag in ("ul", "ol") and self._lists:
            self._lists.pop()
            self._put("" if self._lists else "\n\n")
        elif tag == "pre" and self._pre:
            self._pre = False
            self._put("\n```\n\n")
        elif tag in _MARKS and not self._pre:
            self._put(_MARKS[tag])
        elif re.fullmatch(r"h[1-6]", tag) or (tag in _BLOCKS and not self._lists):
            self._put("\n\n")

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title += data
        elif not self._skipping:
            self._put(data if self._pre else re.sub(r"\s+", " ", data))

    def _put(self, text: str) -> None:
        if self._cell is not None:
            self._cell.append(text)
            return
        if self._out and self._out[-1].endswith("\n") and not self._pre:
            stripped = text.lstrip(" ")
            text = text if stripped.startswith(("-", "\n")) or re.match(r"\d+\. ", stripped) else stripped
        self._out.append(text)

    def _end_table(self) -> None:
        table, self._table, self._cell = self._table, None, None
        rows = [row for row in table.rows if row] if table else []
        if not rows:
            return
        width = max(len(row) for row in rows)
        lines = ["| " + " | ".join(row + [""] * (width - len(row))) + " |" for row in rows]
        lines.insert(1, "|" + "---|" * width)
        self._put("\n\n" + "\n".join(lines) + "\n\n")
