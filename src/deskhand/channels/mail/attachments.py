"""Files that come with a mail: a name that is safe to store and show, and a type by content."""

from __future__ import annotations

import re
import unicodedata
from binascii import Error, a2b_base64, a2b_qp
from typing import Final

from deskhand.channels.mail.message import Flag

_MAGIC: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"PK\x03\x04", "application/zip"),
    (b"PK\x05\x06", "application/zip"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"\x1f\x8b", "application/gzip"),
    (b"BZh", "application/x-bzip2"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (b"MZ", "application/vnd.microsoft.portable-executable"),
    (b"\x7fELF", "application/x-elf"),
    (b"ID3", "audio/mpeg"),
    (b"OggS", "audio/ogg"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"BM", "image/bmp"),
    (b"\x78\x9f\x3e\x22", "application/ms-tnef"),
    (b"{\\rtf", "application/rtf"),
    (b"#!", "text/x-script"),
    (b"BEGIN:VCALENDAR", "text/calendar"),
    (b"BEGIN:VCARD", "text/vcard"),
)
_MARKUP: Final = (b"<!doctype html", b"<html", b"<script", b"<body", b"<iframe")
_UNSAFE: Final = re.compile(r"[^\w .()+,@=\[\]-]+")
_RESERVED: Final = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.I)
_LONGEST: Final = 120
_LONGEST_SUFFIX: Final = 12
_BASE64: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=\r\n\t "


def transfer_decoded(data: bytes, encoding: str, flags: set[Flag]) -> bytes:
    """RFC 2045, section 6; what is not in the encoding it claims comes back as it is, with a flag."""
    name = encoding.strip().lower().rstrip(";")
    if name == "base64":
        return _base64_decoded(data, flags)
    if name == "quoted-printable":
        return a2b_qp(data)
    return data


def _base64_decoded(data: bytes, flags: set[Flag]) -> bytes:
    strange = len(data.translate(None, _BASE64))
    if strange:
        flags.add("broken_encoding")
        if strange * 20 > len(data):
            return data
    try:
        return a2b_base64(data)
    except Error:
        flags.add("broken_encoding")
    digits = data.translate(None, b"=\r\n\t ")
    try:
        return a2b_base64(digits[: len(digits) // 4 * 4])
    except Error:
        return data


def safe_name(given: str, sniffed: str) -> str:
    """No folder, control, mark of direction or leading dot; letters of any script stay."""
    name = unicodedata.normalize("NFC", given[:1_000])
    name = "".join(
        char for char in name if unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
    )
    name = re.split(r"[/\\]|%2f|%5c", name, flags=re.I)[-1]
    name = _UNSAFE.sub("_", name).strip("._ ")
    if not name or _RESERVED.fullmatch(name):
        name = f"attachment_{name}" if name else "attachment"
    if "." not in name:
        name += _SUFFIXES.get(sniffed, "")
    if len(name) > _LONGEST:
        stem, dot, suffix = name.rpartition(".")
        suffix = dot + suffix if dot and len(suffix) <= _LONGEST_SUFFIX else ""
        name = (stem if suffix else name)[: _LONGEST - len(suffix)].rstrip("._ ") + suffix
    return name


_SUFFIXES: Final = {
    **{"image/png": ".png", "image/jpeg": ".jpg", "image/gif": ".gif", "application/pdf": ".pdf", "text/plain": ".txt"},
    **{"application/zip": ".zip", "text/html": ".html", "text/calendar": ".ics", "message/rfc822": ".eml"},
}


def sniffed_type(content: bytes) -> str:
    """The type by content; of a file that is two things at once, the more dangerous one."""
    head = content[:1_024]
    lowered = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if b"<svg" in lowered:
        return "image/svg+xml"
    if any(mark in lowered for mark in _MARKUP):
        return "text/html"
    if b"%PDF-" in head:
        return "application/pdf"
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if head[4:8] == b"ftyp":
        return "video/mp4"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "image/webp"
    if lowered.startswith(b"<?xml"):
        return "application/xml"
    return "text/plain" if content and _is_text(head) else "application/octet-stream"


def _is_text(head: bytes) -> bool:
    if b"\0" in head:
        return False
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start >= len(head) - 3
    return True
