"""Rows as the queue's statements take and return them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from deskhand.transport.base import JsonObject, Message


@dataclass(frozen=True, slots=True)
class Outgoing:
    topic: str
    key: str
    payload: str
    headers: str
    dedup_key: str | None
    delay: timedelta


@dataclass(frozen=True, slots=True)
class Want:
    """So many lanes of a topic; `since` spares the walk over dead index entries below it."""

    topic: str
    lanes: int
    since: datetime | None


@dataclass(frozen=True, slots=True)
class DueLane:
    topic: str
    key: str
    due_at: datetime
    lease: int  # not 0: a worker held it and let it expire
    holder: str | None
    handed: int


@dataclass(frozen=True, slots=True)
class Lease:
    topic: str
    key: str
    number: int
    messages: tuple[Message, ...]
    last_error: str

    @property
    def count(self) -> int:
        return len(self.messages)


@dataclass(frozen=True, slots=True)
class LeasedMessage:
    id: int
    topic: str
    key: str
    payload: JsonObject
    headers: dict[str, str]
    attempts: int
    last_error: str
    published_at: datetime


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a message is given up; `kind` is what a log may say."""

    kind: str
    error: str
    trace: str
    attempts: int
