"""What a message may hold, the same for every transport."""

from __future__ import annotations

import hashlib
import json
import re

from deskhand.errors import InvalidInput
from deskhand.transport.base import JsonObject

MAX_PAYLOAD_BYTES = 900_000  # below Kafka's default limit of a megabyte, headers included
MAX_KEY_BYTES = 255
NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")  # the escape, not a customer's backslash before the letter u


def encode(payload: JsonObject) -> str:
    """The payload as JSON text.

    Raises:
        InvalidInput: it is too large, no JSON, or holds a character that PostgreSQL can't store.
    """
    try:
        text = json.dumps(payload, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        size = len(text.encode())
    except (TypeError, ValueError, RecursionError) as error:  # ValueError: NaN, or half of a surrogate pair
        raise InvalidInput("A message's payload is not valid JSON.") from error
    if size > MAX_PAYLOAD_BYTES:
        raise InvalidInput(f"A message's payload has {size} bytes; {MAX_PAYLOAD_BYTES} is the most.")
    if NUL.search(text):
        raise InvalidInput("A message's payload holds a NUL character.")
    return text


def fold(key: str) -> str:
    """The key as it is stored: itself, or its hash when it is too long for an index (a hostile Message-ID)."""
    raw = key.encode("utf-8", "surrogatepass")
    if len(raw) <= MAX_KEY_BYTES and b"\0" not in raw and key.isprintable():
        return key
    return f"sha256:{hashlib.sha256(raw).hexdigest()}"


def clean(text: str, limit: int) -> str:
    """Text of an error as it can be stored: without what PostgreSQL refuses, the middle cut out when too long."""
    text = text.replace("\0", "").encode("utf-8", "replace").decode()
    if len(text) <= limit:
        return text
    half = (limit - 5) // 2
    return f"{text[:half]}\n...\n{text[-half:]}"
