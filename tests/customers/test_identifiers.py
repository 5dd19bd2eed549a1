"""One written form for each address."""

from __future__ import annotations

import pytest

from deskhand.customers import IdentifierKind, normalise
from deskhand.errors import InvalidInput


@pytest.mark.parametrize(
    ("kind", "written", "stored"),
    [
        ("email", "  Dana.Fox@Example.COM ", "dana.fox@example.com"),
        ("email", "o'neil+desk@sub.example.co.uk", "o'neil+desk@sub.example.co.uk"),
        ("email", "jürgen@müller.example", "jürgen@müller.example"),
        ("phone", "+49 (170) 123-45 67", "+491701234567"),
        ("phone", "whatsapp:+491701234567", "+491701234567"),
        ("whatsapp_id", " DE.1234567890 ", "DE.1234567890"),
    ],
)
def test_the_same_person_is_written_in_one_way(kind: IdentifierKind, written: str, stored: str) -> None:
    assert normalise(kind, written) == stored
    assert normalise(kind, stored) == stored


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        *(("email", text) for text in ("", "dana", "dana@", "@example.com", "dana@example", "a b@example.com")),
        *(("email", text) for text in ("dana@example..com", "dana@ex@ample.com", "<dana@example.com>")),
        *(("email", text) for text in ("a@example.com, b@example.com", "a@example.com\nBcc: b@example.com")),
        *(("phone", text) for text in ("", "12345", "1" * 16, "call me")),
        *(("whatsapp_id", text) for text in ("", "   ", "x" * 129)),
    ],
)
def test_what_is_no_address_is_refused_by_its_field(kind: IdentifierKind, written: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        normalise(kind, written)

    assert caught.value.field == kind
