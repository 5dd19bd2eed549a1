"""One written form for each address, so that the same person is found again."""

from __future__ import annotations

import re

from deskhand.customers.models import IdentifierKind
from deskhand.errors import InvalidInput

EMAIL = re.compile(r"^[^@\s\x00-\x1f<>,;:\"()\[\]\\]{1,64}@[^@\s\x00-\x1f<>,;:\"()\[\]\\]{1,253}\.[^@\s.<>,;]{2,63}$")
NOT_DIGIT = re.compile(r"\D")


def normalise(kind: IdentifierKind, value: str) -> str:
    """The form that is stored and compared: lower-case e-mail, '+' and digits for a phone, a trimmed id.

    Raises:
        InvalidInput: the value is no address of that kind.
    """
    trimmed = value.strip()
    if kind == "email":
        lowered = trimmed.lower()
        if not EMAIL.match(lowered) or ".." in lowered:
            raise InvalidInput("This is not an e-mail address.", field="email", mend="Give one like name@example.com.")
        return lowered
    if kind == "phone":
        digits = NOT_DIGIT.sub("", trimmed)
        if not 7 <= len(digits) <= 15:
            raise InvalidInput("This is not a phone number.", field="phone", mend="Give it with country code: +4930...")
        return "+" + digits
    if not trimmed or len(trimmed) > 128:
        raise InvalidInput("This is not a WhatsApp id.", field="whatsapp_id")
    return trimmed
