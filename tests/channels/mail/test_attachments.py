"""Files that come with a mail (protocols.md 2.7, 2.9; E17)."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest

from deskhand.channels.mail import DEFAULT_BOUNDS, Bounds, read_mail
from deskhand.channels.mail.attachments import safe_name, sniffed_type
from tests.channels.mail.letters import letter, write


def many(count: int, size: int, bounds: Bounds) -> list[int | None]:
    part = (
        "--a\r\nContent-Type: application/pdf; name=x.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        f"{base64.b64encode(b'%PDF-' + b'x' * (size - 5)).decode()}\r\n"
    )
    raw = write(part * count + "--a--", headers={"Content-Type": "multipart/mixed; boundary=a"})
    found = read_mail(raw, bounds).attachments
    return [len(one.content) if one.content is not None else None for one in found]


def test_each_file_has_a_safe_name_its_types_size_and_bytes() -> None:
    mail = letter("attachments")
    listed = [(one.name, one.declared_type, one.sniffed_type) for one in mail.attachments]

    assert listed == [
        ("shot.png", "image/png", "image/png"),
        ("passwd.txt", "application/octet-stream", "text/plain"),
        ("invfdp.exe", "image/png", "application/vnd.microsoft.portable-executable"),
        ("htaccess", "image/png", "image/svg+xml"),
        ("two-in-one.pdf", "application/pdf", "text/html"),
    ]
    assert mail.attachments[1].content == b"root:x:0:0"
    assert all(one.content is not None and len(one.content) == one.size for one in mail.attachments)
    assert mail.text == "See this:"
    assert mail.subject == "Screenshot 📷"


def test_an_inline_picture_is_known_by_its_content_id() -> None:
    shot = letter("attachments").attachments[0]

    assert (shot.content_id, shot.inline) == ("shot1@fox", True)


def test_count_size_and_sum_are_limited_and_what_is_left_out_is_still_listed() -> None:
    assert many(3, 100, replace(DEFAULT_BOUNDS, attachments=2)) == [100, 100, None]
    assert many(2, 100, replace(DEFAULT_BOUNDS, attachment=99)) == [None, None]
    assert many(3, 100, replace(DEFAULT_BOUNDS, attachments_total=250)) == [100, 100, None]
    assert many(2, 100, DEFAULT_BOUNDS) == [100, 100]


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("../../etc/passwd", "passwd"),
        ("..%2f..%2fetc%2fpasswd", "passwd"),
        ("C:\\Users\\x\\report.pdf", "report.pdf"),
        ("\u200b.htaccess", "htaccess"),
        ("inv\u202efdp.exe", "invfdp.exe"),
        ("a\0b\r\nc.txt", "abc.txt"),
        ("", "attachment"),
        ("...", "attachment"),
        ("con.txt", "attachment_con.txt"),
        ("Résumé 2026 (final).pdf", "Résumé 2026 (final).pdf"),
        ("報告書.xlsx", "報告書.xlsx"),
        ("x" * 500 + ".pdf", "x" * 116 + ".pdf"),
        ('<img src=x onerror="a">.png', "img src=x onerror=_a_.png"),
        ("e\u0301.txt", "é.txt"),
    ],
)
def test_a_file_name_is_made_safe(given: str, name: str) -> None:
    assert safe_name(given, "") == name


@pytest.mark.parametrize("name", [b"name=caf\xe9.pdf", b"name*=utf-8''%ff\xff.pdf", b"name*0=caf; name*1*=%e9.pdf"])
def test_a_name_in_bytes_that_fit_no_charset_is_read_as_well_as_it_goes(name: bytes) -> None:
    (one,) = read_mail(b"From: a@b.example\r\nContent-Type: application/pdf; " + name + b"\r\n\r\n%PDF-").attachments

    assert one.name.endswith(".pdf")
    assert one.given_name.encode("utf-8")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"%PDF-1.7", "application/pdf"),
        (b"PK\x03\x04rest", "application/zip"),
        (b"<!DOCTYPE html><p>", "text/html"),
        (b"\xef\xbb\xbf <svg onload=x>", "image/svg+xml"),
        (b"GIF89a<script>", "text/html"),
        (b"plain words", "text/plain"),
        ("日本".encode(), "text/plain"),
        (b"\x00\x01\x02", "application/octet-stream"),
        (b"", "application/octet-stream"),
    ],
)
def test_a_type_is_known_by_content(content: bytes, kind: str) -> None:
    assert sniffed_type(content) == kind
