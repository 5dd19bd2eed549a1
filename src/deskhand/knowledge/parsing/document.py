"""One file to a document: what it is called, in which language, and what it says."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Any, Final

from deskhand.inference import detect_language
from deskhand.knowledge.models import Document
from deskhand.knowledge.parsing import front_matter, markdown, plain
from deskhand.knowledge.parsing.blocks import Block
from deskhand.knowledge.parsing.html import Page, html_to_markdown
from deskhand.knowledge.parsing.passages import cut

SUFFIXES: Final = (".md", ".mdx", ".markdown", ".html", ".htm", ".txt")

_HTML: Final = (".html", ".htm")
_CHARSET: Final = re.compile(rb"<meta[^>]+charset=[\"']?([\w-]+)", re.I)
_LANGUAGE: Final = re.compile(r"^[a-z]{2,3}(?=$|[-_])")
_SURE: Final = 0.95
_FEWEST_WORDS: Final = 30
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufeff\ufffe\uffff]")


class UnreadableFile(ValueError):
    """A file that holds no article; the message says why, for the person who wrote it."""


def parse(raw: bytes, path: PurePosixPath) -> Document | None:
    """The document in a file at `path` below its folder; None when its author keeps it out (`draft: true`).

    Raises:
        UnreadableFile: it can't be decoded, its front matter is broken, or nothing is in it.
    """
    text = _CONTROLS.sub("", _decode(raw, path.suffix.lower()))
    try:
        meta, rest = front_matter.split(text.replace("\r\n", "\n").lstrip("\n"))
    except ValueError as error:
        raise UnreadableFile(str(error)) from error
    if front_matter.is_hidden(meta):
        return None
    page, blocks = _read(rest, path.suffix.lower())
    if not any(block.kind != "heading" for block in blocks):
        raise UnreadableFile("it holds no text")
    return _document(meta, page, blocks, path)


def _decode(raw: bytes, suffix: str) -> str:
    declared = _CHARSET.search(raw[:2048]) if suffix in _HTML else None
    encoding = declared[1].decode("ascii") if declared else "utf-8-sig"
    try:
        text = raw.decode("utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else encoding)
    except (UnicodeDecodeError, LookupError) as error:
        raise UnreadableFile(f"it is not text in {encoding.removesuffix('-sig').upper()}") from error
    if "\x00" in text:
        raise UnreadableFile("it is not a text file")
    return text


def _read(text: str, suffix: str) -> tuple[Page, list[Block]]:
    if suffix in _HTML:
        page = html_to_markdown(text)
        return page, markdown.list_blocks(page.markdown)
    if suffix == ".txt":
        return Page(text), plain.list_blocks(text)
    return Page(text), markdown.list_blocks(text)


def _document(meta: dict[str, Any], page: Page, blocks: list[Block], path: PurePosixPath) -> Document:
    heading = next((block.text for block in blocks if block.kind == "heading"), "")
    title = front_matter.text_of(meta, "title") or heading or page.title or path.stem.replace("-", " ").capitalize()
    stem = path.with_suffix("")
    parts = stem.parts[:-1] if stem.name in ("index", "README") and len(stem.parts) > 1 else stem.parts
    slug = slugify(front_matter.text_of(meta, "slug")) or slugify("-".join(parts))
    sections = cut(blocks, title=title)
    if not slug or not sections:
        raise UnreadableFile("it holds no text" if slug else "no slug can be made of its name")
    body = "\n\n".join(section.body for section in sections)
    language = _language(front_matter.text_of(meta, "language", "lang", "locale") or page.language, body)
    translation_of = slugify(front_matter.text_of(meta, "translation_of"))
    return Document(
        path=path.as_posix(),
        slug=slug,
        family=translation_of or slug.removesuffix(f"-{language}"),
        title=title,
        section=front_matter.text_of(meta, "section", "category") or "/".join(path.parts[:-1]),
        language=language,
        product=front_matter.text_of(meta, "product"),
        url=front_matter.text_of(meta, "url", "permalink", "canonical") or page.url,
        keywords=front_matter.list_of(meta, "keywords", "tags"),
        body=body,
        sections=sections,
    )


def slugify(text: str) -> str:
    return re.sub(r"[^\w]+", "-", text.casefold()).strip("-_")[:120]


def _language(declared: str, body: str) -> str:
    """The declared language; else the detected one, when there is enough text to be sure of another than English."""
    match = _LANGUAGE.match(declared.casefold())
    if match:
        return match[0]
    guess = detect_language(body)
    return guess.code if guess.confidence >= _SURE and len(body.split()) >= _FEWEST_WORDS else "en"
