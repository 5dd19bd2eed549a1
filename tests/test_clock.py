"""The clock: aware, in UTC, and still when a test wants it so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from deskhand.clock import FixedClock, SharedClock, SystemClock, TravelClock

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_the_system_clock_tells_utc() -> None:
    assert SystemClock().now().utcoffset() == timedelta(0)


def test_a_fixed_clock_moves_only_when_told_to() -> None:
    clock = FixedClock(NOON)

    clock.advance(timedelta(hours=3))

    assert clock.now() == clock.now() == NOON + timedelta(hours=3)


def test_a_fixed_clock_refuses_a_time_without_zone() -> None:
    with pytest.raises(ValueError, match="aware"):
        FixedClock(NOON.replace(tzinfo=None))


def test_a_travel_clock_runs_and_can_be_put_forward() -> None:
    clock = TravelClock()
    before = clock.now()

    clock.advance(timedelta(hours=2))

    assert timedelta(hours=2) <= clock.now() - before < timedelta(hours=3)


async def test_a_host_whose_clock_is_wrong_goes_by_the_shared_one(monkeypatch: pytest.MonkeyPatch) -> None:
    right = datetime.now(UTC)

    def wrong(_: SystemClock) -> datetime:
        return right - timedelta(hours=2)

    monkeypatch.setattr(SystemClock, "now", wrong)
    clock = SharedClock()

    async def read() -> datetime:
        return right

    assert clock.now() == right - timedelta(hours=2)
    assert await clock.put_right(read) == timedelta(hours=2)
    assert clock.now() == right


async def test_the_time_that_a_question_takes_does_not_move_the_clock() -> None:
    clock = SharedClock()

    async def read() -> datetime:
        return datetime.now(UTC) + timedelta(milliseconds=300)

    assert await clock.put_right(read) == timedelta(0)
