"""The raw shape of a mail: headers and parts as offsets, found in linear time and within bounds (RFC 2046).

The standard library's parser recurses per level and is quadratic on long headers, so it never sees the input.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass
from typing import Final

from deskhand.channels.mail.message import Bounds, Flag
from deskhand.channels.mail.parameters import parse_parameters

_HEADERS_END: Final = re.compile(rb"\r?\n\r?\n")
_FIELD: Final = re.compile(rb"([!-9;-~]{1,200})[ \t]*:[ \t]*")
_MOST_DASHED_LINES: Final = 100_000
_KEPT_OF_A_PART: Final = ("content-", "mime-")


@dataclass(frozen=True, slots=True)
class Part:
    """`raw[start:end]` is the body. `headers` are (lower-case name, unfolded raw value)."""

    headers: tuple[tuple[str, bytes], ...]
    content_type: str
    parameters: dict[str, str]
    start: int
    end: int
    parts: tuple[Part, ...] = ()

    def header(self, name: str) -> bytes:
        return next((value for key, value in self.headers if key == name), b"")


def split_mail(raw: bytes, bounds: Bounds, flags: set[Flag]) -> Part:
    """The tree of a whole mail; where it breaks a bound it ends there and says so in `flags`."""
    return _Splitter(raw, bounds, flags).part(0, len(raw), depth=0, inside="")


def read_headers(
    raw: bytes, start: int, end: int, bounds: Bounds, flags: set[Flag], *, all_fields: bool = True
) -> tuple[tuple[tuple[str, bytes], ...], int]:
    """The header fields of `raw[start:end]` and where the body begins."""
    if raw.startswith((b"\r\n", b"\n"), start):
        return (), raw.find(b"\n", start) + 1
    found = _HEADERS_END.search(raw, start, end)
    stop, body = (found.start(), found.end()) if found else (end, end)
    if stop - start > bounds.headers:
        flags.add("header_cut")
        stop = start + bounds.headers
    fields, strange = _fields(raw[start:stop], bounds, flags, all_fields=all_fields)
    return tuple(fields), body if strange is None else start + strange


def _fields(
    block: bytes, bounds: Bounds, flags: set[Flag], *, all_fields: bool
) -> tuple[list[tuple[str, bytes]], int | None]:
    """Unfolded fields, and the offset of the first line that can't be one: there the body begins."""
    fields: list[tuple[str, list[bytes]]] = []
    offset = 0
    strange: int | None = None
    for line in block.split(b"\n"):
        text = line.rstrip(b"\r")
        if text[:1] in (b" ", b"\t"):
            if fields:
                fields[-1][1].append(text)
        elif found := _FIELD.match(text):
            if len(fields) >= bounds.header_fields:
                flags.add("header_cut")
                break
            fields.append((found[1].decode("ascii").lower(), [text[found.end() :]]))
        elif text and not (offset == 0 or text.startswith((b"From ", b">From "))):
            strange = offset
            break
        offset += len(line) + 1
    kept: list[tuple[str, bytes]] = []
    for name, lines in fields:
        if all_fields or name.startswith(_KEPT_OF_A_PART):
            value = b"".join(lines)
            if len(value) > bounds.header:
                flags.add("header_cut")
                value = value[: bounds.header]
            kept.append((name, value.strip()))
    return kept, strange


class _Splitter:
    def __init__(self, raw: bytes, bounds: Bounds, flags: set[Flag]) -> None:
        self.raw = raw
        self.bounds = bounds
        self.flags = flags
        self.parts = 0
        self._dashed: list[int] | None = None

    def part(self, start: int, end: int, *, depth: int, inside: str) -> Part:
        self.parts += 1
        headers, body = read_headers(self.raw, start, end, self.bounds, self.flags, all_fields=depth == 0)
        body = min(body, end)
        declared = next((value for name, value in headers if name == "content-type"), b"")
        kind, parameters = parse_parameters(declared)
        if "/" not in kind:
            kind = "message/rfc822" if inside == "multipart/digest" else "text/plain"
        if not kind.startswith("multipart/"):
            return Part(headers, kind, parameters, body, end)
        if depth >= self.bounds.depth:
            self.flags.add("too_deep")
            return Part(headers, kind, parameters, body, end)
        pieces = self._pieces(body, end, parameters.get("boundary", ""))
        parts: list[Part] = []
        for first, last in pieces:
            if self.parts >= self.bounds.parts:
                self.flags.add("too_many_parts")
                break
            parts.append(self.part(first, last, depth=depth + 1, inside=kind))
        return Part(headers, kind, parameters, body, end, tuple(parts))

    def _pieces(self, start: int, end: int, boundary: str) -> list[tuple[int, int]]:
        """Where the parts stand between delimiter lines; a missing last delimiter is forgiven."""
        mark = boundary.encode("utf-8", "surrogateescape").rstrip()
        if not mark:
            return []
        dashed = self._dashed_lines()
        pieces: list[tuple[int, int]] = []
        opened: int | None = None
        for index in range(bisect_left(dashed, start), len(dashed)):
            at = dashed[index]
            if at >= end or len(pieces) > self.bounds.parts:
                break
            if not self.raw.startswith(mark, at + 2):
                continue
            line_end = self.raw.find(b"\n", at, end)
            line_end = end if line_end < 0 else line_end
            rest = self.raw[at + 2 + len(mark) : min(line_end, at + 200 + len(mark))].strip()
            if rest not in (b"", b"--"):
                continue
            if opened is not None:
                pieces.append((opened, self._before_line_end(opened, at)))
            opened = None if rest else line_end + 1
            if rest:
                break
        if opened is not None and opened <= end:
            pieces.append((opened, end))
        return pieces

    def _before_line_end(self, start: int, at: int) -> int:
        """The line end before a delimiter belongs to it."""
        if at > start and self.raw[at - 1] == 0x0A:
            at -= 1
        if at > start and self.raw[at - 1] == 0x0D:
            at -= 1
        return at

    def _dashed_lines(self) -> list[int]:
        """Every line that begins with `--`, found once: nested multiparts then share one pass over the bytes."""
        if self._dashed is None:
            self._dashed = [0] if self.raw.startswith(b"--") else []
            at = self.raw.find(b"\n--")
            while at >= 0:
                if len(self._dashed) >= _MOST_DASHED_LINES:
                    self.flags.add("too_many_parts")
                    break
                self._dashed.append(at + 1)
                at = self.raw.find(b"\n--", at + 1)
        return self._dashed
