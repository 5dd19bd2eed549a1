"""Reads a form with files (multipart/form-data) as it comes in: what is over a limit is counted and not kept."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from fastapi import Request
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.exceptions import HTTPException

from deskhand.api.file_types import recognise
from deskhand.api.problems import FieldError
from deskhand.channels.base import NewFile
from deskhand.files import clean_name
from deskhand.settings import Settings

FILES = "files"
MOST_FIELDS = 20
PATIENCE_SECONDS = 300.0
NO_FORM = "The body is not a form in UTF-8, or has too many fields."


@dataclass(frozen=True, slots=True)
class FormParts:
    """What a form held. `errors` are the files that can't be taken; the fields are there all the same."""

    pairs: tuple[tuple[str, str], ...]
    files: tuple[NewFile, ...] = ()
    errors: tuple[FieldError, ...] = ()


@dataclass(slots=True)
class _Part:
    """One field or file on its way in; `refusal` turns true when no more of it is kept."""

    name: str = ""
    file_name: str | None = None
    chunks: list[bytes] = field(default_factory=list[bytes])
    size: int = 0
    is_refused: bool = False


class _Reader:
    """Callbacks of the parser; they raise only for what no browser sends."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._part = _Part()
        self._header = ("", b"")
        self._fields_size = 0
        self._files_size = 0
        self._seen = 0
        self.pairs: list[tuple[str, str]] = []
        self.files: list[NewFile] = []
        self.errors: list[FieldError] = []
        self.is_complete = False

    def parser(self, boundary: bytes) -> MultipartParser:
        return MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._header_name,
                "on_header_value": self._header_value,
                "on_header_end": self._header_ends,
                "on_headers_finished": self._headers_end,
                "on_part_data": self._data,
                "on_part_end": self._end,
                "on_end": self._finish,
            },
        )

    def _begin(self) -> None:
        self._seen += 1
        if self._seen > MOST_FIELDS + self._settings.form_files_max + 1:
            raise HTTPException(400, NO_FORM)
        self._part = _Part()
        self._header = ("", b"")

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._header = (self._header[0] + data[start:end].decode("latin-1").lower(), self._header[1])

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._header = (self._header[0], self._header[1] + data[start:end])

    def _header_ends(self) -> None:
        name, value = self._header
        self._header = ("", b"")
        if name != "content-disposition":
            return
        _, options = parse_options_header(value)
        self._part.name = options.get(b"name", b"").decode("utf-8", "replace")
        if b"filename" in options:
            self._part.file_name = options[b"filename"].decode("utf-8", "replace").replace("%22", '"')

    def _headers_end(self) -> None:
        if not self._part.name:
            raise HTTPException(400, NO_FORM)

    def _data(self, data: bytes, start: int, end: int) -> None:
        part, size = self._part, end - start
        part.size += size
        if part.file_name is None:
            self._fields_size += size
            if self._fields_size > self._settings.max_body_bytes:
                raise HTTPException(413, "The form's fields are too large.")
            part.chunks.append(data[start:end])
            return
        self._files_size += size
        too_large = part.size > self._settings.file_max_bytes
        if too_large or self._files_size > self._settings.message_files_max_bytes:
            part.is_refused = True
            part.chunks.clear()
        if not part.is_refused:
            part.chunks.append(data[start:end])

    def _end(self) -> None:
        part = self._part
        if part.file_name is None:
            try:
                self.pairs.append((part.name, b"".join(part.chunks).decode("utf-8")))
            except UnicodeDecodeError as error:
                raise HTTPException(400, NO_FORM) from error
        elif part.file_name or part.size:  # a browser sends a nameless, empty file when none was chosen
            self._add_file(part, clean_name(part.file_name))

    def _add_file(self, part: _Part, name: str) -> None:
        settings = self._settings
        content = b"".join(part.chunks)
        media_type = None if part.is_refused else recognise(name, content, settings.form_file_types)
        if part.name != FILES:
            self.errors.append(FieldError(part.name, f"{part.name} is not a field for files.", f"Use {FILES}."))
        elif len(self.files) >= settings.form_files_max:
            self._refuse(f"“{name}” is one file too many.", f"Attach up to {settings.form_files_max} files.")
        elif part.size > settings.file_max_bytes:
            self._refuse(f"“{name}” is larger than {megabytes(settings.file_max_bytes)}.", "Choose a smaller file.")
        elif part.is_refused:
            total = megabytes(settings.message_files_max_bytes)
            self._refuse(f"With “{name}” the files are larger than {total}.", "Leave some out.")
        elif not part.size:
            self._refuse(f"“{name}” is empty.", "Choose another file.")
        elif media_type is None:
            self._refuse(
                f"“{name}” can't be taken: it is of no type that we accept, or not what its name says.",
                f"We take {', '.join(settings.form_file_types)}.",
            )
        else:
            self.files.append(NewFile(name, media_type, content))

    def _refuse(self, message: str, mend: str) -> None:
        self.errors.append(FieldError(FILES, message, mend))

    def _finish(self) -> None:
        self.is_complete = True


async def read_parts(request: Request, settings: Settings) -> FormParts:
    """Raises HTTPException: 400 for what no browser sends, 408 when it takes too long, 413."""
    _, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get(b"boundary", b"")
    if not 1 <= len(boundary) <= 70:
        raise HTTPException(400, "The form's boundary is missing.")
    reader = _Reader(settings)
    try:
        parser = reader.parser(boundary)
        async with asyncio.timeout(PATIENCE_SECONDS):
            async for chunk in request.stream():
                parser.write(chunk)
        parser.finalize()
    except MultipartParseError as error:
        raise HTTPException(400, NO_FORM) from error
    except TimeoutError as error:
        raise HTTPException(408, "The form took too long to arrive.", headers={"Connection": "close"}) from error
    if not reader.is_complete:
        raise HTTPException(400, "The form ends in the middle.")
    return FormParts(tuple(reader.pairs), tuple(reader.files), tuple(reader.errors))


def megabytes(size: int) -> str:
    return f"{size / 1_000_000:.3g} MB"
