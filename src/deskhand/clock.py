"""The one source of the present time, so that tests can hold it still."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        ...


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


class SharedClock:
    """The system's time, put right by a clock that all processes share: hosts whose clocks differ agree on the hour."""

    SLACK = timedelta(milliseconds=500)  # less than this may as well be the way there and back

    def __init__(self) -> None:
        self._system = SystemClock()
        self._ahead = timedelta()

    def now(self) -> datetime:
        return self._system.now() + self._ahead

    async def put_right(self, read: Callable[[], Awaitable[datetime]]) -> timedelta:
        """Ask the shared clock; returns by how much the system's is behind it."""
        before = self._system.now()
        told = await read()
        ahead = told - (before + (self._system.now() - before) / 2)
        if abs(ahead - self._ahead) > self.SLACK:
            self._ahead = ahead
        return self._ahead


class TravelClock:
    """Runs as time does, and can be put forward: for stories in which hours pass."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def advance(self, by: timedelta) -> None:
        self._ahead += by


class FixedClock:
    """A clock for tests and replays: it moves only when told to."""

    def __init__(self, at: datetime) -> None:
        if at.tzinfo is None:
            raise ValueError("a clock needs an aware time")
        self._at = at

    def now(self) -> datetime:
        return self._at

    def advance(self, by: timedelta) -> None:
        self._at += by
