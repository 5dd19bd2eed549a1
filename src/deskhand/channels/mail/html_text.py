"""HTML to the text its reader sees, and apart from it the text that is hidden from them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from deskhand.channels.mail.css import Sheet
from deskhand.channels.mail.html_tokens import Token, tokens
from deskhand.channels.mail.visibility import Element, Viewer


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_VOID: Final = _names("area base br col embed hr img input link meta param source track wbr")
_SPECIAL: Final = _names(
    """address article aside blockquote body button center dd details dir div dl dt fieldset figcaption figure footer
    form h1 h2 h3 h4 h5 h6 header hgroup html li main marquee menu nav object ol p pre section select summary table
    tbody td template tfoot th thead tr ul"""
)
_FORMATTING: Final = _names("a b big code em font i nobr s small strike strong tt u")
_BLOCKS: Final = _SPECIAL - {"button", "object", "select", "td", "th", "tbody", "thead", "tfoot", "html", "body"}
_PARAGRAPHS: Final = frozenset(("p", "blockquote", "pre", "table", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6"))
# Elements that a new one of the same family ends, and where the search for one stops.
_ENDED_BY: Final = {
    **{"li": ("li",), "dd": ("dd", "dt"), "dt": ("dd", "dt"), "option": ("option",)},
    **{"td": ("td", "th"), "th": ("td", "th"), "tr": ("tr",), "tbody": ("tr",)},
}
_SCOPE: Final = frozenset(("table", "ul", "ol", "dl", "html", "template", "button", "object"))
_UNSEEN: Final = frozenset(("script", "style", "head", "title", "select", "datalist", "audio", "video", "svg", "math"))
_HIDING: Final = frozenset(("template", "noscript", "textarea", "iframe", "object", "xmp", "noframes", "canvas"))
_SPACES: Final = re.compile(r"[ \t\n\r\f]+")
_FURTHEST: Final = 64
MOST_TOKENS: Final = 60_000
_MOST_HIDDEN: Final = 10_000
_DEEPEST_QUOTE: Final = 8


@dataclass(frozen=True, slots=True)
class HtmlText:
    """`hides` is True when something a reader can't see holds words; `cut` when the mark-up was over the limit."""

    text: str
    hidden: str
    hides: bool
    cut: bool
    tokens: int


def html_to_text(source: str, most_tokens: int = MOST_TOKENS) -> HtmlText:
    """Blockquotes become lines with `>`, so that quotes look the same whatever form the mail came in."""
    sheet = Sheet()
    found: list[Token] = []
    cut = False
    for token in tokens(source):
        if len(found) >= most_tokens:
            cut = True
            break
        if token.kind == "raw" and token.name == "style":
            sheet.add(token.text)
        found.append(token)
    reader = _Reader(Viewer(sheet))
    for token in found:
        reader.take(token)
    hidden = " ".join("".join(reader.hidden).split())
    return HtmlText(reader.page.text(), hidden[:_MOST_HIDDEN], bool(hidden) or reader.doubtful, cut, len(found))


class _Page:
    """Lines of text with the white space that a browser would show."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._line: list[str] = []
        self._spaced = True
        self.quotes = 0

    def put(self, text: str, *, preformatted: bool) -> None:
        if preformatted:
            first, *others = text.split("\n")
            self._line.append(first)
            for other in others:
                self.break_line()
                self._line.append(other)
            return
        text = _SPACES.sub(" ", text)
        if self._spaced:
            text = text.lstrip(" ")
        if text:
            self._line.append(text)
            self._spaced = text.endswith(" ")

    def end_line(self) -> None:
        if self._line:
            self.break_line()

    def break_line(self) -> None:
        line = "".join(self._line).rstrip().replace("\xa0", " ")
        mark = ">" * self.quotes
        self._lines.append(f"{mark} {line}".rstrip() if mark else line)
        self._line = []
        self._spaced = True

    def paragraph(self) -> None:
        self.end_line()
        mark = ">" * self.quotes
        if self._lines and self._lines[-1].strip("> "):
            self._lines.append(mark)
        elif self._lines and len(self._lines[-1]) > len(mark):
            self._lines[-1] = mark

    def text(self) -> str:
        self.end_line()
        return "\n".join(self._lines).strip("\n") + "\n" if any(self._lines) else ""


class _Reader:
    def __init__(self, viewer: Viewer) -> None:
        self.page = _Page()
        self.hidden: list[str] = []
        self.doubtful = False
        self._viewer = viewer
        self._open: list[Element] = []
        self._counts: dict[str, int] = {}
        self._unseen = 0
        self._hiding = 0
        self._pre = 0

    def take(self, token: Token) -> None:
        if token.kind == "text":
            self._text(token.text)
        elif token.kind == "raw":
            if token.name in _HIDING:
                self.hidden.append(token.text + " ")
        elif token.kind == "open":
            self._start(token)
        else:
            self._end(token.name)

    def _text(self, text: str) -> None:
        if self._unseen:
            return
        look = self._open[-1].look if self._open else None
        if not self._hiding and (look is None or look.is_seen):
            self.page.put(text, preformatted=self._pre > 0)
            self.doubtful = self.doubtful or (look is not None and look.doubtful and bool(text.strip()))
        elif any(char.isalnum() for char in text):
            self.hidden.append(text + " ")

    def _start(self, token: Token) -> None:
        tag = token.name
        if tag in _VOID:
            if tag in ("br", "hr") and self._is_shown():
                self.page.break_line() if tag == "br" else self.page.paragraph()
            return
        if tag in _ENDED_BY:
            self._imply_end(_ENDED_BY[tag])
        elif tag in _BLOCKS and self._counts.get("p"):
            self._imply_end(("p",))
        self._push(self._viewer.element(tag, token.attributes, self._open))
        if self._is_shown():
            self._lay_out(tag)
        if tag == "blockquote":
            self.page.quotes = min(self._counts["blockquote"], _DEEPEST_QUOTE)

    def _lay_out(self, tag: str) -> None:
        if tag in _PARAGRAPHS:
            self.page.paragraph()
        elif tag in _BLOCKS:
            self.page.end_line()
        elif tag in ("td", "th"):
            self.page.put(" ", preformatted=False)
        if tag == "li":
            self.page.put("- ", preformatted=False)

    def _push(self, element: Element) -> None:
        self._open.append(element)
        self._count(element.tag, 1)

    def _pop(self) -> Element:
        element = self._open.pop()
        is_shown = self._is_shown() and element.tag in _BLOCKS
        if is_shown:
            self.page.end_line()
        self._count(element.tag, -1)
        if is_shown and element.tag in _PARAGRAPHS:
            self.page.paragraph()
        return element

    def _count(self, tag: str, change: int) -> None:
        self._counts[tag] = self._counts.get(tag, 0) + change
        if tag in _UNSEEN:
            self._unseen += change
        elif tag in _HIDING:
            self._hiding += change
        elif tag == "pre":
            self._pre += change
        elif tag == "blockquote" and change < 0:
            self.page.quotes = min(self._counts[tag], _DEEPEST_QUOTE)

    def _end(self, tag: str) -> None:
        if not self._counts.get(tag):
            if tag == "p" and self._is_shown():
                self.page.paragraph()
            return
        crossed = 0
        for element in reversed(self._open):
            if element.tag == tag:
                break
            # A browser ignores this end tag: `<span hidden><div></span>` goes on hiding.
            crosses = element.tag in _SPECIAL and tag not in _SPECIAL
            if crosses and (tag not in _FORMATTING or crossed > _FURTHEST):
                return
            crossed += 1
        above = [self._pop() for _ in range(crossed)]
        self._pop()
        if tag in _FORMATTING:
            for element in reversed(above):
                self._push(element)

    def _imply_end(self, tags: tuple[str, ...]) -> None:
        if not any(self._counts.get(tag) for tag in tags):
            return
        for distance, element in enumerate(reversed(self._open[-_FURTHEST:])):
            if element.tag in tags:
                for _ in range(distance + 1):
                    self._pop()
                return
            if element.tag in _SCOPE or (element.tag in ("td", "th") and "tr" not in tags):
                return

    def _is_shown(self) -> bool:
        return not self._unseen and not self._hiding and (not self._open or self._open[-1].look.is_seen)
