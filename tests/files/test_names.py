"""Names of files: shown to people, never a path, and nothing hides in them."""

from __future__ import annotations

import pytest

from deskhand.files.names import LONGEST, clean_id, clean_name, clean_type


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("report.pdf", "report.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Windows\\cmd.exe", "cmd.exe"),
        ("inv\u202efdp.exe", "invfdp.exe"),
        (".htaccess", "htaccess"),
        ("\u200b.htaccess", "htaccess"),
        ("a\0b\nc.txt", "abc.txt"),
        ("Überweisung.pdf", "Überweisung.pdf"),
        ("", "file"),
        ("///", "file"),
        ("...", "file"),
        ("half \ud83d.txt", "half .txt"),
    ],
)
def test_a_name_keeps_what_a_person_would_read(given: str, shown: str) -> None:
    assert clean_name(given) == shown


def test_a_long_name_keeps_its_ending() -> None:
    assert clean_name("x" * 500 + ".pdf") == "x" * (LONGEST - 4) + ".pdf"
    assert len(clean_name("x" * 500)) == len(clean_name("x." + "y" * 500)) == LONGEST


def test_types_and_ids_hold_nothing_but_themselves() -> None:
    assert clean_type("Image/PNG; name=x") == "image/png"
    assert clean_type("text/html\r\nX: y") == clean_type("") == "application/octet-stream"
    assert clean_id("<a@b>\r\n\0é") == "<a@b>"
