"""Opaque cursors for keyset pages: a time and an id, so that page 1,000 costs what page 1 costs."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from uuid import UUID

from deskhand.errors import InvalidInput


def encode(at: datetime, key: UUID) -> str:
    return base64.urlsafe_b64encode(f"{at.isoformat()}|{key}".encode()).decode().rstrip("=")


def decode(cursor: str) -> tuple[datetime, UUID]:
    """Raises InvalidInput when the text is no cursor of ours."""
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        at, key = text.split("|")
        moment = datetime.fromisoformat(at)
        if moment.tzinfo is None:
            raise ValueError(at)
        return moment, UUID(key)
    except (ValueError, binascii.Error) as error:
        raise InvalidInput(
            "This is not a cursor.", field="cursor", mend="Pass on the next_cursor of the page before."
        ) from error
