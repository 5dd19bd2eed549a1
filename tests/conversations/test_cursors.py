"""Cursors: what we gave comes back as it was, anything else is refused."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID, uuid4

import pytest

from deskhand.conversations import cursors
from deskhand.errors import InvalidInput

AT = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC)
KEY = UUID("01a2037c-1790-78ab-a723-3743912f8621")


def test_a_cursor_comes_back_to_the_microsecond() -> None:
    key = uuid4()

    assert cursors.decode(cursors.encode(AT, key)) == (AT, key)


def test_a_cursor_survives_an_address_unescaped() -> None:
    text = cursors.encode(AT.astimezone(timezone(timedelta(hours=5))), uuid4())

    assert not set(text) & set("+/=& ?#")


def _pack(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "text",
    [
        *("", "x", "....", "%%%", "ä", "\0", "e30", "A" * 10_000),
        _pack("2026-11-22T12:00:00+00:00"),
        _pack(f"2026-11-22T12:00:00|{KEY}"),
        _pack("2026-11-22T12:00:00+00:00|7"),
        _pack(f"yesterday|{KEY}"),
        _pack(f"2026-11-22T12:00:00+00:00|{KEY}|1"),
        base64.urlsafe_b64encode(b"\xff\xfe|\xff").decode(),
    ],
)
def test_what_is_no_cursor_of_ours_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="not a cursor"):
        cursors.decode(text)
