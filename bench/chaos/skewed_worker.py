"""`deskhand work` on a host whose clock is wrong by so many hours: `python -m bench.chaos.skewed_worker 2`."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta

from deskhand import clock
from deskhand.cli.run import work


def main() -> None:
    hours = timedelta(hours=float(sys.argv[1]))
    clock.SystemClock.now = lambda self: datetime.now(UTC) + hours
    work()


if __name__ == "__main__":
    main()
