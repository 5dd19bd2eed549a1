"""Crash points: in development a process can be told to die, as by `kill -9`, at a named point of its work.

`DESKHAND_CRASH_AT=after_send` dies there at once, `after_send:3` the third time. Without it a point costs a comparison.
"""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from typing import Final, Literal, get_args

from deskhand.errors import SetupInvalid

VARIABLE: Final = "DESKHAND_CRASH_AT"
Point = Literal[
    "after_intake_commit",
    "after_claim",
    "before_turn_commit",
    "after_turn_commit",
    "before_send",
    "after_send",
    "after_sent_commit",
    "in_mailbox_page",
    "in_migration",
]


@dataclass(slots=True)
class _Fuse:
    point: str = ""
    times: int = 1


_fuse: Final = _Fuse()


def arm(*, is_production: bool) -> None:
    """Read the variable. In production there are no crash points.

    Raises:
        SetupInvalid: it names no point.
    """
    point, _, times = os.environ.get(VARIABLE, "").partition(":")
    _fuse.point = ""
    if not point or is_production:
        return
    if point not in get_args(Point) or not (times or "1").isdecimal():
        known = ", ".join(get_args(Point))
        raise SetupInvalid(f"{VARIABLE}: there is no point '{point}'.", field=VARIABLE, mend=f"There are: {known}.")
    _fuse.point, _fuse.times = point, int(times or 1)


def here(point: Point) -> None:
    """Die here if this process was told to."""
    if _fuse.point != point:
        return
    _fuse.times -= 1
    if _fuse.times <= 0:
        os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
