"""Recovery: how long after a fault's end the desk decides at 95 % of the rate at which customers write."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

SHARE: Final = 0.95
WINDOW: Final = 4.0  # seconds over which the rate is taken
STEP: Final = 0.25


@dataclass(frozen=True, slots=True)
class Phase:
    """One fault: active from `began` to `ended`, watched until `over`."""

    fault: str
    began: float
    ended: float
    over: float
    note: str = ""


def recovery_seconds(phase: Phase, done: Sequence[float], rate: float) -> float | None:
    """Seconds from the fault's end until the rate of outcomes is back; None when it is not within the phase.

    `done` are the times of all outcomes, in order. 0 when the rate never fell.
    """
    at = phase.ended
    while at + WINDOW <= phase.over + STEP:
        count = bisect_left(done, at + WINDOW) - bisect_left(done, at)
        if count >= SHARE * rate * WINDOW - 1:  # one message may stand on the window's edge
            return at - phase.ended
        at += STEP
    return None
