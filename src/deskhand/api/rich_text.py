"""A reply's plain text as blocks that a template can set: paragraphs, numbered steps, bullets, and links we allow."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

ADDRESS = re.compile(r"https?://[^\s<>\"'\\^`{|}]+")
AFTER_ADDRESS = ".,;:!?)]…»”"
STEP = re.compile(r"^\s{0,3}(\d{1,3})[.)]\s+(.*)$")
BULLET = re.compile(r"^\s{0,3}[-*•]\s+(.*)$")
TITLED = re.compile(r"^(.{1,200}?):\s+(https?://\S+)$")


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a line; with `href` it is a link."""

    text: str
    href: str | None = None


Line = tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """`lines` are a paragraph's lines or a list's items; `start` is the number of a list's first step."""

    kind: Literal["paragraph", "steps", "bullets"]
    lines: tuple[Line, ...]
    start: int = 1


def to_blocks(text: str, allowed_hosts: Collection[str]) -> tuple[Block, ...]:
    """Nothing is lost but list marks and empty lines; an address of another host stays text."""
    found: list[tuple[str, int, list[str]]] = []
    ended = True
    for line in text.split("\n"):
        if not line.strip():
            ended = True
            continue
        kind, number, rest = _classify(line)
        last = found[-1] if found else None
        continues_list = last is not None and kind == last[0] and kind != "paragraph"
        if continues_list and last is not None and (kind == "bullets" or number == last[1] + len(last[2])):
            last[2].append(rest)
        elif last is not None and kind == "paragraph" and not ended:
            if last[0] == "paragraph":
                last[2].append(rest)
            else:
                last[2][-1] += " " + rest
        else:
            found.append((kind, number, [rest]))
        ended = False
    return tuple(
        Block(kind, tuple(tuple(_spans(line, allowed_hosts)) for line in lines), start)  # pyright: ignore[reportArgumentType]  # of the three
        for kind, start, lines in found
    )


def _classify(line: str) -> tuple[str, int, str]:
    if step := STEP.match(line):
        return "steps", int(step[1]), step[2].strip()
    if bullet := BULLET.match(line):
        return "bullets", 1, bullet[1].strip()
    return "paragraph", 1, line.strip()


def _spans(line: str, allowed_hosts: Collection[str]) -> Iterator[Span]:
    titled = TITLED.match(line)
    if titled and is_allowed(titled[2], allowed_hosts):
        yield Span(titled[1], titled[2])
        return
    at = 0
    for match in ADDRESS.finditer(line):
        address = match[0].rstrip(AFTER_ADDRESS)
        if not is_allowed(address, allowed_hosts):
            continue
        if line[at : match.start()]:
            yield Span(line[at : match.start()])
        yield Span(address, address)
        at = match.start() + len(address)
    if line[at:]:
        yield Span(line[at:])


def is_allowed(address: str, allowed_hosts: Collection[str]) -> bool:
    """http(s) to exactly one of the hosts, without a user name or port of its own."""
    try:
        parts = urlsplit(address)
        return parts.scheme in ("http", "https") and parts.netloc.lower() in allowed_hosts
    except ValueError:
        return False
