"""The circuit breaker: when it opens, and what closes it again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from deskhand.breaker import CircuitBreaker
from deskhand.clock import FixedClock


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(datetime(2026, 11, 22, tzinfo=UTC))


@pytest.fixture
def breaker(clock: FixedClock) -> CircuitBreaker:
    return CircuitBreaker(clock.now)


def fail(breaker: CircuitBreaker, times: int) -> None:
    for _ in range(times):
        breaker.failed()


def test_four_failures_in_a_row_leave_it_closed(breaker: CircuitBreaker) -> None:
    fail(breaker, 4)

    assert breaker.admits()


def test_the_fifth_failure_in_a_row_opens_it(breaker: CircuitBreaker) -> None:
    fail(breaker, 5)

    assert breaker.is_open
    assert not breaker.admits()


def test_a_success_starts_the_row_again(breaker: CircuitBreaker) -> None:
    fail(breaker, 4)
    breaker.succeeded()
    fail(breaker, 4)

    assert not breaker.is_open


def test_half_of_ten_failing_within_the_window_opens_it(breaker: CircuitBreaker) -> None:
    for _ in range(5):
        breaker.succeeded()
        breaker.failed()

    assert breaker.is_open


def test_half_of_ten_failing_over_a_longer_time_does_not(breaker: CircuitBreaker, clock: FixedClock) -> None:
    for _ in range(8):
        breaker.succeeded()
        breaker.failed()
        clock.advance(timedelta(seconds=10))

    assert not breaker.is_open


def test_one_probe_every_fifteen_seconds_is_let_through(breaker: CircuitBreaker, clock: FixedClock) -> None:
    fail(breaker, 5)
    clock.advance(timedelta(seconds=15))

    assert [breaker.admits() for _ in range(3)] == [True, False, False]
    breaker.failed()
    clock.advance(timedelta(seconds=14))
    assert not breaker.admits()
    clock.advance(timedelta(seconds=1))
    assert breaker.admits()


def test_a_probe_that_is_answered_closes_it(breaker: CircuitBreaker, clock: FixedClock) -> None:
    fail(breaker, 5)
    clock.advance(timedelta(seconds=15))

    assert breaker.admits()
    breaker.succeeded()

    assert [breaker.admits() for _ in range(3)] == [True, True, True]


def test_a_request_that_was_under_way_when_it_opened_does_not_delay_the_probe(
    breaker: CircuitBreaker, clock: FixedClock
) -> None:
    fail(breaker, 5)
    clock.advance(timedelta(seconds=10))
    breaker.failed()
    clock.advance(timedelta(seconds=5))

    assert breaker.admits()
