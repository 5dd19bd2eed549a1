"""The circuit breaker in front of a provider: after many failures nobody waits for it any more, one probe excepted."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta

FAILURES_IN_A_ROW = 5
WINDOW = timedelta(seconds=30)
LEAST_IN_WINDOW = 10
FAILING_SHARE = 0.5
PROBE_EVERY = timedelta(seconds=15)


class CircuitBreaker:
    """Opens after 5 failures in a row, or when half of at least 10 requests within 30 seconds failed.

    While it is open, one request every 15 seconds is let through as a probe; a success closes it. It belongs to one
    process and is used from one event loop.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._recent: deque[tuple[datetime, bool]] = deque()
        self._in_a_row = 0
        self._probe_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        return self._probe_at is not None

    def admits(self) -> bool:
        """Whether a request may go out now; while open, the one that is admitted is the probe."""
        if self._probe_at is None:
            return True
        now = self._now()
        if now < self._probe_at:
            return False
        self._probe_at = now + PROBE_EVERY
        return True

    @property
    def wait(self) -> timedelta:
        """Until the next probe; nothing while it is closed."""
        return max(timedelta(0), self._probe_at - self._now()) if self._probe_at is not None else timedelta(0)

    def note(self, *, is_well: bool) -> None:
        """What a request came to: an answer, of whatever kind, or none."""
        if is_well:
            self.succeeded()
        else:
            self.failed()

    def succeeded(self) -> None:
        """A request was answered."""
        self._in_a_row = 0
        if self._probe_at is not None:
            self._probe_at = None
            self._recent.clear()
        self._remember(failed=False)

    def failed(self) -> None:
        """A request got no answer: refused, broken or too slow."""
        self._in_a_row += 1
        self._remember(failed=True)
        if self._probe_at is None and self._has_had_enough():
            self._probe_at = self._now() + PROBE_EVERY

    def _remember(self, *, failed: bool) -> None:
        now = self._now()
        self._recent.append((now, failed))
        while self._recent and self._recent[0][0] < now - WINDOW:
            self._recent.popleft()

    def _has_had_enough(self) -> bool:
        if self._in_a_row >= FAILURES_IN_A_ROW:
            return True
        failures = sum(failed for _, failed in self._recent)
        return len(self._recent) >= LEAST_IN_WINDOW and failures >= FAILING_SHARE * len(self._recent)


def rest_before_a_probe(breaker: CircuitBreaker) -> timedelta:
    """Until the next probe and a little longer, so that not all who wait come at once."""
    return breaker.wait * random.uniform(1.0, 1.5)  # noqa: S311  # jitter, not a secret


class Breakers:
    """The breakers of one process, one for each provider."""

    def __init__(self) -> None:
        self._known: dict[str, CircuitBreaker] = {}

    def of(self, provider: str, now: Callable[[], datetime]) -> CircuitBreaker:
        return self._known.setdefault(provider, CircuitBreaker(now))
