"""What a file is, by its content: a name alone gets nothing in."""

from __future__ import annotations

import io
import zipfile

import pytest

from deskhand.api.file_types import EICAR, recognise
from deskhand.settings import FILE_TYPES

PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n"
GIF = b"GIF89a" + bytes(32)


def zipped(*names: str, first: bytes = b"") -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        if first:
            archive.writestr("mimetype", first)
        for name in names:
            archive.writestr(name, "x")
    return target.getvalue()


DOCX = zipped("[Content_Types].xml", "word/document.xml")
XLSX = zipped("[Content_Types].xml", "xl/workbook.xml")
ODT = zipped("content.xml", first=b"application/vnd.oasis.opendocument.text")


@pytest.mark.parametrize(
    ("name", "content", "media_type"),
    [
        ("a.pdf", PDF, "application/pdf"),
        ("a.PNG", PNG, "image/png"),
        ("a.jpg", b"\xff\xd8\xff\xe0" + bytes(20), "image/jpeg"),
        ("a.gif", GIF, "image/gif"),
        ("a.webp", b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
        ("a.txt", "Größe: 3 µm\n".encode(), "text/plain"),
        ("a.txt", "Größe: 3 m\n".encode("latin-1"), "text/plain"),
        ("a.csv", "a;b\n1;2\n".encode("utf-16"), "text/csv"),
        ("a.log", b"\x1b[31merror\x1b[0m\n", "text/plain"),
        ("a.json", b'{"a": 1}', "application/json"),
        ("a.zip", zipped("a.txt"), "application/zip"),
        ("a.docx", DOCX, "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        ("a.xlsx", XLSX, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        ("a.odt", ODT, "application/vnd.oasis.opendocument.text"),
    ],
)
def test_a_file_that_is_what_it_says_is_taken(name: str, content: bytes, media_type: str) -> None:
    assert recognise(name, content, FILE_TYPES) == media_type


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("picture.png", PDF),
        ("picture.png", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
        ("letter.pdf", b"\n<html>%PDF-1.7"),
        ("notes.txt", b"MZ\x90\x00\x03\x00\x00\x00"),
        ("notes.txt", b"\x7fELF\x02\x01\x01\x00"),
        ("notes.txt", b"<!DOCTYPE html><script>alert(1)</script>"),
        ("notes.csv", "\ufeff  <svg/onload=alert(1)>".encode()),
        ("notes.txt", EICAR),
        ("virus.com", EICAR),
        ("sheet.xlsx", DOCX),
        ("letter.docx", zipped("a.txt")),
        ("page.html", b"<p>hello</p>"),
        ("drawing.svg", b"<svg/>"),
        ("program.exe", b"MZ\x90\x00"),
        ("macro.docm", DOCX),
        ("noending", PNG),
        ("", PNG),
    ],
)
def test_a_file_that_is_something_else_is_not(name: str, content: bytes) -> None:
    assert recognise(name, content, FILE_TYPES) is None


def test_only_what_the_settings_allow_is_taken() -> None:
    assert recognise("a.png", PNG, ("pdf",)) is None
    assert recognise("a.pdf", PDF, ("pdf",)) == "application/pdf"
