"""A database that is away for a while: growing pauses, one log line when it goes and one when it is back."""

from __future__ import annotations

import random

from deskhand.errors import DatabaseUnavailable
from deskhand.log import get_logger

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 3.0

log = get_logger("transport")


class Outage:
    def __init__(self) -> None:
        self._failures = 0

    def pause(self, error: DatabaseUnavailable) -> float:
        """Seconds to wait before the next try."""
        if self._failures == 0:
            log.warning("queue_interrupted", error=error.message)
        self._failures += 1
        return backoff(self._failures)

    def end(self) -> None:
        if self._failures:
            log.info("queue_resumed", failures=self._failures)
        self._failures = 0


def backoff(failures: int) -> float:
    longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(failures - 1, 30))
    return longest * random.uniform(0.5, 1.0)  # noqa: S311  # jitter, not a secret
