"""One look into a mailbox: what it has found, how much it may hold, and how its times are kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

from deskhand.channels.base import Batch, DeliveryUpdate, RawMessage
from deskhand.channels.correspondence import Taken

MOST_MESSAGES: Final = 20  # of one batch
MOST_BYTES: Final = 32 * 1024 * 1024
FAR_BACK: Final = timedelta(days=30)  # a search goes no further back
REMEMBERED: Final = 2_000


@dataclass(slots=True)
class Look:
    """What one look has found so far."""

    messages: list[RawMessage] = field(default_factory=list[RawMessage])
    updates: list[DeliveryUpdate] = field(default_factory=list[DeliveryUpdate])
    notes: list[str] = field(default_factory=list[str])
    size: int = 0

    @property
    def is_full(self) -> bool:
        return len(self.messages) >= MOST_MESSAGES or self.size >= MOST_BYTES

    def add(self, taken: Taken) -> None:
        self.messages.append(taken.message)
        self.updates += taken.updates

    def batch(self, cursor: dict[str, Any], *, more: bool) -> Batch:
        return Batch(tuple(self.messages), cursor, more, tuple(self.updates), tuple(self.notes))


def remembered(known: Iterable[str], new: Iterable[str]) -> tuple[str, ...]:
    """Each once, the oldest forgotten."""
    return tuple(dict.fromkeys((*known, *new)))[-REMEMBERED:]


def as_json(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        name: list(cast("tuple[Any, ...]", value)) if isinstance(value, tuple) else value
        for name, value in fields.items()
    }


def from_json(stored: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """What another version wrote and we do not know is left out."""
    known = {name: stored[name] for name in names if name in stored}
    return {
        name: tuple(cast("list[Any]", value)) if isinstance(value, list) else value for name, value in known.items()
    }


def seconds(at: datetime) -> int:
    """Times stand in a cursor as seconds since 1970."""
    return int(at.timestamp())


def moment(at: int) -> datetime:
    return datetime.fromtimestamp(at, UTC)
