"""HTML to tags and text in one linear pass.

`html.parser` of the Python versions we run on is quadratic on unclosed comments and declarations, and
`html.unescape` raises on a long decimal reference.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

_TAG_NAME: Final = re.compile(r"[a-zA-Z][^\s/>]{0,60}")
_ATTRIBUTE: Final = re.compile(
    r"""[\s/]*([^\s/>=][^\s/>=]*)\s*(?:=\s*(?:"([^"]*)"|'([^']*)'|([^\s>"'][^\s>]*)|["'][^\s>]*|))?"""
)
_TAG_END: Final = re.compile(r"[\s/]*(?:>|\Z)")
_LONG_REFERENCE: Final = re.compile(r"&#[xX]?[0-9a-fA-F]{8,}")
_RAW: Final = {
    name: re.compile(rf"</{name}(?=[\s/>])", re.I) for name in ("script", "style", "textarea", "title", "xmp", "iframe")
}
_MOST_ATTRIBUTES: Final = 50


class Token(NamedTuple):
    """`kind` is text, open, close or raw (the content of script, style and their like, `name` being the element)."""

    kind: str
    name: str
    text: str = ""
    attributes: dict[str, str] = {}  # noqa: RUF012 never written to


def tokens(source: str) -> Iterator[Token]:
    """Comments and declarations are left out; what is no tag is text."""
    position, text_from, last = 0, 0, source.rfind(">")
    while 0 <= (at := source.find("<", position)) < last:
        following = source[at + 1 : at + 2]
        if following in ("!", "?") or source.startswith("</", at):
            token, end = _markup(source, at)
        elif following.isascii() and following.isalpha():
            token, end = _open(source, at)
        else:
            position = at + 1
            continue
        if at > text_from:
            yield Token("text", "", unescape(source[text_from:at]))
        position = text_from = end
        if token is None:
            continue
        yield token
        if token.kind == "open" and token.name in _RAW:
            closing = _RAW[token.name].search(source, end)
            position = text_from = closing.start() if closing else len(source)
            yield Token("raw", token.name, source[end:position])
    if text_from < len(source):
        yield Token("text", "", unescape(source[text_from:]))


def unescape(text: str) -> str:
    if "&" not in text:
        return text
    return html.unescape(_LONG_REFERENCE.sub("\ufffd", text))


def _markup(source: str, at: int) -> tuple[Token | None, int]:
    """A comment, a declaration or an end tag; where it ends."""
    if source.startswith("<!--", at):
        if source.startswith(("<!-->", "<!--->"), at):
            return None, source.index(">", at) + 1
        end = source.find("-->", at + 4)
        return None, len(source) if end < 0 else end + 3
    end = source.find(">", at)
    if end < 0:
        return None, len(source)
    if source[at + 1] == "/" and (name := _TAG_NAME.match(source, at + 2)):
        return Token("close", name[0].lower()), end + 1
    return None, end + 1


def _open(source: str, at: int) -> tuple[Token, int]:
    name = _TAG_NAME.match(source, at + 1)
    assert name is not None
    position = name.end()
    attributes: dict[str, str] = {}
    while not (end := _TAG_END.match(source, position)):
        found = _ATTRIBUTE.match(source, position)
        if found is None:  # a stray '='
            position += 1
            continue
        position = found.end()
        if len(attributes) < _MOST_ATTRIBUTES:
            value = next((group for group in found.groups()[1:] if group is not None), "")
            attributes.setdefault(found[1][:60].lower(), unescape(value))
    return Token("open", name[0].lower(), "", attributes), end.end()
