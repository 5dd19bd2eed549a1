"""A limit: so many in a window of time, for each key of a kind."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Limit:
    """`most` at once, and as many more in each window, evenly; 0 limits nothing."""

    kind: str
    key: str
    most: int
    window: timedelta

    @property
    def step(self) -> timedelta:
        return self.window / self.most
