"""What kind a file is, by its content: its name only says what it should be."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Final

TEXTS: Final = frozenset({"txt", "log", "csv", "md", "json"})
# Split, so that this file is no find of a scanner itself.
EICAR: Final = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE"
LOCAL_HEADER: Final = b"PK\x03\x04"
MARKUP: Final = re.compile(r"\ufeff?\s*<(?:!doctype|html|svg|script|\?xml|\?php)", re.I)
NOT_TEXT: Final = re.compile(r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")
TEXT_NAMES: Final = {"csv": "text/csv", "json": "application/json", "md": "text/markdown"}

Test = Callable[[bytes], bool]


def _holds(*wanted: bytes) -> Test:
    """A zip with these names in it; nothing is unpacked for that."""
    return lambda content: content.startswith(LOCAL_HEADER) and all(part in content for part in wanted)


def _is_document(kind: str) -> Test:
    mark = b"application/vnd.oasis.opendocument." + kind.encode()
    return lambda content: content.startswith(LOCAL_HEADER) and mark in content[:200]


def _is_webp(content: bytes) -> bool:
    return content[:4] == b"RIFF" and content[8:12] == b"WEBP"


OFFICE: Final = "application/vnd.openxmlformats-officedocument."
TYPES: Final[dict[str, tuple[str, Test]]] = {
    "pdf": ("application/pdf", lambda content: content.startswith(b"%PDF-")),
    "png": ("image/png", lambda content: content.startswith(b"\x89PNG\r\n\x1a\n")),
    "jpg": ("image/jpeg", lambda content: content.startswith(b"\xff\xd8\xff")),
    "jpeg": ("image/jpeg", lambda content: content.startswith(b"\xff\xd8\xff")),
    "gif": ("image/gif", lambda content: content.startswith((b"GIF87a", b"GIF89a"))),
    "webp": ("image/webp", _is_webp),
    "zip": ("application/zip", lambda content: content.startswith((LOCAL_HEADER, b"PK\x05\x06"))),
    "docx": (f"{OFFICE}wordprocessingml.document", _holds(b"[Content_Types].xml", b"word/document.xml")),
    "xlsx": (f"{OFFICE}spreadsheetml.sheet", _holds(b"[Content_Types].xml", b"xl/workbook.xml")),
    "pptx": (f"{OFFICE}presentationml.presentation", _holds(b"[Content_Types].xml", b"ppt/presentation.xml")),
    "odt": ("application/vnd.oasis.opendocument.text", _is_document("text")),
    "ods": ("application/vnd.oasis.opendocument.spreadsheet", _is_document("spreadsheet")),
}


def ending_of(name: str) -> str:
    return name.rpartition(".")[2].lower() if "." in name else ""


def recognise(name: str, content: bytes, allowed: Collection[str]) -> str | None:
    """The media type of a file that is what its ending says; None for any other, and for endings not allowed."""
    ending = ending_of(name)
    if ending not in allowed or EICAR in content[:1024]:
        return None
    if ending in TEXTS:
        return TEXT_NAMES.get(ending, "text/plain") if _is_text(content) else None
    media_type, is_one = TYPES[ending]
    return media_type if is_one(content) else None


def _is_text(content: bytes) -> bool:
    """Text in a usual encoding, without what only programs write, and not a page in disguise."""
    is_wide = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        text = content.decode("utf-16" if is_wide else "utf-8")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    return NOT_TEXT.search(text) is None and MARKUP.match(text) is None
