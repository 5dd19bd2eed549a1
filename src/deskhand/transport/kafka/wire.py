"""Messages as they travel: the payload as JSON, the key, and what we know of the message in headers."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from confluent_kafka import Message as KafkaMessage

from deskhand.errors import InvalidInput
from deskhand.transport.base import JsonObject, Message
from deskhand.transport.envelope import MAX_PAYLOAD_BYTES, fold

OURS = "deskhand-"
ID, PUBLISHED_AT, DEDUP_KEY = f"{OURS}id", f"{OURS}published-at", f"{OURS}dedup-key"
MOST_HEADER_BYTES = 60_000  # with the payload and a dead letter's trace below a megabyte, the brokers' default limit
MOST_RAW_BYTES = 100_000  # of a message that is none of ours


@dataclass(frozen=True, slots=True)
class OutboxRow:
    id: int
    topic: str
    key: str
    payload: str
    headers: dict[str, str]
    dedup_key: str | None
    published_at: datetime


@dataclass(frozen=True, slots=True)
class Record:
    """A message at its place in a partition."""

    partition: int
    offset: int
    size: int
    message: Message
    dedup_key: str | None = None
    fault: str = ""  # why it is none of ours; its payload then holds the bytes

    @property
    def key(self) -> str:
        return self.message.key


@dataclass(frozen=True, slots=True)
class Wire:
    """What the producer is given."""

    key: bytes
    value: bytes
    headers: list[tuple[str, str | bytes | None]] = field(repr=False)


def check_size(payload: str, headers: str) -> None:
    """Refuse headers that would not fit.

    Raises:
        InvalidInput: they are too large.
    """
    if len(headers.encode()) > MOST_HEADER_BYTES:
        raise InvalidInput(f"A message's headers have more than {MOST_HEADER_BYTES} bytes.")
    if len(payload.encode()) > MAX_PAYLOAD_BYTES:
        raise InvalidInput(f"A message's payload has more than {MAX_PAYLOAD_BYTES} bytes.")


def encode_row(row: OutboxRow) -> Wire:
    ours = {ID: str(row.id), PUBLISHED_AT: row.published_at.isoformat()}
    if row.dedup_key is not None:
        ours[DEDUP_KEY] = row.dedup_key
    headers: list[tuple[str, str | bytes | None]] = [
        (name, text.encode()) for name, text in (row.headers | ours).items()
    ]
    return Wire(row.key.encode(), row.payload.encode(), headers)


def decode(topic: str, raw: KafkaMessage[Any, Any]) -> Record:
    """Read what a broker handed over. What is none of ours becomes a record with a fault."""
    value, key = raw.value() or b"", raw.key() or b""
    place, offset = raw.partition() or 0, raw.offset() or 0
    size = len(value) + len(key) + 500
    try:
        headers = _headers(raw.headers() or [])
        payload: object = json.loads(value)
        if not isinstance(payload, dict):
            raise TypeError("the payload is no JSON object")
        message = Message(
            id=int(headers[ID]),
            topic=topic,
            key=key.decode(),
            payload=payload,  # pyright: ignore[reportUnknownArgumentType]  # JSON
            headers={name: text for name, text in headers.items() if not name.startswith(OURS)},
            attempt=1,
            published_at=datetime.fromisoformat(headers[PUBLISHED_AT]),
        )
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        return _foreign(topic, raw, f"not a message of ours: {type(error).__name__}: {error}")
    return Record(place, offset, size, message, headers.get(DEDUP_KEY))


def _headers(raw: Sequence[tuple[str, str | bytes | None]] | dict[str, str | bytes | None]) -> dict[str, str]:
    pairs = raw.items() if isinstance(raw, dict) else raw
    return {name: value.decode() if isinstance(value, bytes) else (value or "") for name, value in pairs}


def _foreign(topic: str, raw: KafkaMessage[Any, Any], fault: str) -> Record:
    value, key = raw.value() or b"", raw.key() or b""
    payload: JsonObject = {"base64": base64.b64encode(value[:MOST_RAW_BYTES]).decode(), "bytes": len(value)}
    _, milliseconds = raw.timestamp()
    message = Message(
        id=0,
        topic=topic,
        key=fold(key.decode("utf-8", "replace")),
        payload=payload,
        headers={},
        attempt=1,
        published_at=datetime.fromtimestamp(max(0, milliseconds) / 1000, UTC),
    )
    return Record(raw.partition() or 0, raw.offset() or 0, len(value) + len(key) + 500, message, None, fault)
