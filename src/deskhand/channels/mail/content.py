"""What the parts of a mail hold: texts to read, files, and the machine-readable part of a report."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import Final, Literal

from deskhand.channels.mail.attachments import safe_name, sniffed_type, transfer_decoded
from deskhand.channels.mail.charset import clean_line, clean_text, decode
from deskhand.channels.mail.header_text import decode_words, header_text
from deskhand.channels.mail.html_text import MOST_TOKENS, html_to_text
from deskhand.channels.mail.message import Attachment, Bounds, Flag, Report
from deskhand.channels.mail.parameters import parse_parameters
from deskhand.channels.mail.structure import Part, read_headers

_REPORTS: Final[dict[str, Literal["delivery-status", "disposition-notification", "feedback-report"]]] = {
    "message/delivery-status": "delivery-status",
    "message/global-delivery-status": "delivery-status",
    "message/disposition-notification": "disposition-notification",
    "message/feedback-report": "feedback-report",
}
_ORIGINALS: Final = frozenset(
    ("message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers", "message/rfc822-headers")
)
_BODIES: Final = frozenset(("text/plain", "text/html"))
_CHARSET: Final = re.compile(rb"<meta[^>]{0,200}charset=[\"']?([\w-]{1,40})", re.I)
_WORD: Final = re.compile(r"[^\W_]+")
_MOST_GROUPS: Final = 200
_LEAST_SHARED: Final = 0.9


@dataclass(slots=True)
class Text:
    """One thing to read in one or two forms."""

    plain: str = ""
    html: str = ""


@dataclass(slots=True)
class Content:
    """What was collected so far."""

    raw: bytes
    bounds: Bounds
    flags: set[Flag]
    attachments: list[Attachment] = field(default_factory=list[Attachment])
    kind: Literal["delivery-status", "disposition-notification", "feedback-report", "other"] | None = None
    groups: list[tuple[tuple[str, str], ...]] = field(default_factory=list[tuple[tuple[str, str], ...]])
    original: tuple[tuple[str, str], ...] = ()
    kept: int = 0
    room: int = -1
    spare: list[Text] = field(default_factory=list[Text])

    def read(self, root: Part) -> list[Text]:
        """What to read; a text that came as a named file is read when there is nothing else."""
        found = self.texts(root)
        return found if any(text.plain.strip() or text.html.strip() for text in found) else self.spare

    def report(self) -> Report | None:
        if self.kind is None and not self.original:
            return None
        return Report(self.kind or "other", tuple(self.groups), self.original)

    def texts(self, part: Part, inside: str = "") -> list[Text]:
        kind = part.content_type
        if kind == "multipart/alternative" and part.parts:
            found = [text for child in part.parts for text in self.texts(child, kind)]
            return [Text("\n".join(text.plain for text in found if text.plain), "".join(text.html for text in found))]
        if part.parts:
            self._note(kind)
            return [text for child in part.parts for text in self.texts(child, kind)]
        return self._leaf(part, inside)

    def _note(self, kind: str) -> None:
        if kind == "multipart/encrypted":
            self.flags.add("encrypted")

    def _leaf(self, part: Part, inside: str) -> list[Text]:
        kind = "text/plain" if part.content_type.startswith("multipart/") else part.content_type
        disposition, parameters = parse_parameters(part.header("content-disposition"))
        name = parameters.get("filename") or part.parameters.get("name", "")
        if kind in _REPORTS:
            self.kind = _REPORTS[kind]
            self.groups += self._groups(part)
            return []
        if kind in _ORIGINALS and not self.original:
            self.original = self._original(part)
        if kind in _BODIES and not (disposition == "attachment" and name):
            body = self._text(part, kind)
            text = Text(html=body) if kind == "text/html" else Text(plain=body)
            if disposition != "attachment" and not (disposition == "inline" and name):
                return [text]
            self.spare = [*self.spare[:2], text]
        self._attach(part, name, inline=disposition == "inline" or inside == "multipart/related")
        return []

    def _text(self, part: Part, kind: str) -> str:
        if self.room < 0:
            self.room = self.bounds.text
        most = self.room * 4
        encoded = self.raw[part.start : min(part.end, part.start + most)]
        data = transfer_decoded(encoded, header_text(part.header("content-transfer-encoding"), set()), self.flags)
        declared = part.parameters.get("charset", "")
        if kind == "text/html" and not declared and not data.isascii() and (found := _CHARSET.search(data[:2_000])):
            declared = found[1].decode("ascii")
        text = decode(data, declared, self.flags)
        if len(text) > self.room or part.end - part.start > most:
            self.flags.add("text_cut")
        text = text[: self.room]
        self.room -= len(text)
        return text

    def _groups(self, part: Part) -> list[tuple[tuple[str, str], ...]]:
        encoding = header_text(part.header("content-transfer-encoding"), set())
        data = transfer_decoded(
            self.raw[part.start : min(part.end, part.start + self.bounds.headers)], encoding, self.flags
        )
        groups: list[tuple[tuple[str, str], ...]] = []
        for block in re.split(rb"\r?\n(?:[ \t]*\r?\n)+", data.strip(b"\r\n"))[:_MOST_GROUPS]:
            fields, _ = read_headers(block, 0, len(block), self.bounds, self.flags)
            if fields:
                groups.append(tuple((name, header_text(value, self.flags)) for name, value in fields))
        return groups

    def _original(self, part: Part) -> tuple[tuple[str, str], ...]:
        start, end, raw = part.start, part.end, self.raw
        if header_text(part.header("content-transfer-encoding"), set()).lower() in ("base64", "quoted-printable"):
            raw = transfer_decoded(
                raw[start:end], header_text(part.header("content-transfer-encoding"), set()), self.flags
            )
            start, end = 0, len(raw)
        fields, _ = read_headers(raw, start, end, self.bounds, set())
        return tuple((name, header_text(value, set())) for name, value in fields)

    def _attach(self, part: Part, name: str, *, inline: bool) -> None:
        name = decode(name.encode("utf-8", "surrogateescape"), "utf-8", self.flags)
        given = clean_line(decode_words(name, self.flags), self.flags)[:500]
        encoded = part.end - part.start
        encoding = header_text(part.header("content-transfer-encoding"), set()).lower()
        size = encoded * 3 // 4 if encoding == "base64" else encoded
        room = min(self.bounds.attachment, self.bounds.attachments_total - self.kept)
        listed = len(self.attachments)
        content: bytes | None = None
        if listed < self.bounds.attachments and encoded <= room * 2 + 1_024:
            content = transfer_decoded(self.raw[part.start : part.end], encoding, self.flags)
            size = len(content)
        if content is not None and size <= room:
            self.kept += size
        else:
            content = None
            self.flags.add("attachment_left_out")
        if listed >= self.bounds.parts:
            return
        sniffed = sniffed_type(content) if content is not None else "application/octet-stream"
        if part.content_type in _ORIGINALS and sniffed == "text/plain":
            sniffed = "message/rfc822"
        self._note_opaque(part.content_type, given)
        self.attachments.append(
            Attachment(
                name=safe_name(given, sniffed),
                given_name=given,
                declared_type=part.content_type,
                sniffed_type=sniffed,
                size=size,
                sha256=hashlib.sha256(content).hexdigest() if content is not None else "",
                content=content,
                content_id=header_text(part.header("content-id"), set()).strip("<> ")[:250],
                inline=inline,
            )
        )

    def _note_opaque(self, kind: str, name: str) -> None:
        if kind in ("application/pkcs7-mime", "application/x-pkcs7-mime", "application/pgp-encrypted"):
            self.flags.add("encrypted")
        elif kind == "application/ms-tnef" or name.lower() == "winmail.dat":
            self.flags.add("opaque")


def readable(texts: list[Text], flags: set[Flag]) -> tuple[str, str]:
    """The body as its reader sees it, and what is hidden from them."""
    bodies: list[str] = []
    hidden: list[str] = []
    room = MOST_TOKENS
    for text in texts:
        body, unseen, used = _one(text, room, flags)
        room -= used
        if body.strip():
            bodies.append(clean_text(body, flags))
        if unseen:
            hidden.append(clean_text(unseen, flags))
    return "\n".join(bodies).strip("\n"), " ".join(hidden)


def _one(text: Text, room: int, flags: set[Flag]) -> tuple[str, str, int]:
    if not text.html.strip():
        return text.plain, "", 0
    seen = html_to_text(text.html, room)
    if seen.hides:
        flags.add("hidden_text")
    if seen.cut:
        flags.add("text_cut")
    if not seen.text.strip():
        return text.plain, seen.hidden, seen.tokens
    words = _WORD.findall(text.plain[:200_000])
    if not words or seen.hidden:
        return seen.text, seen.hidden, seen.tokens
    shown = set(_WORD.findall(seen.text))
    missing = [word for word in words if word not in shown]
    if len(words) - len(missing) >= len(words) * _LEAST_SHARED:
        return text.plain, "", seen.tokens
    # The plain form says what the HTML form doesn't show: its reader never saw it.
    if len(missing) > 10:
        flags.add("hidden_text")
    return seen.text, text.plain[:10_000], seen.tokens
