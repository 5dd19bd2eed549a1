"""The fault harness's plan and its measure of recovery."""

from __future__ import annotations

from bench.chaos.faults import ALL, SHORT
from bench.chaos.recovery import Phase, recovery_seconds
from bench.chaos.run import Plan, choose

PLAN = Plan(messages=100, rate=10.0, seed=1)
PHASE = Phase("worker killed", began=10.0, ended=14.0, over=30.0)


def names(plan: Plan, *, has_disk: bool = True, has_model: bool = True) -> list[str]:
    return [fault.name for fault in choose(plan, has_disk=has_disk, has_model=has_model)[0]]


def test_one_seed_is_one_order_and_calm_comes_first() -> None:
    assert names(PLAN) == names(PLAN)
    assert names(PLAN)[0] == "calm"
    assert names(PLAN) != names(Plan(messages=100, rate=10.0, seed=2))
    assert sorted(names(PLAN)) == sorted(fault.name for fault in ALL)


def test_what_a_machine_can_t_do_is_left_out_with_the_reason() -> None:
    faults, skipped = choose(PLAN, has_disk=False, has_model=True)

    assert "disk full" not in [fault.name for fault in faults]
    assert "mounted" in skipped["disk full"]


def test_the_short_run_has_the_faults_that_matter_most() -> None:
    short = Plan(messages=100, rate=10.0, seed=1, is_short=True)

    assert sorted(names(short, has_model=False)) == sorted(SHORT)


def test_a_rate_that_never_fell_is_back_at_once() -> None:
    done = [number / 10 for number in range(400)]

    assert recovery_seconds(PHASE, done, rate=10.0) == 0.0


def test_recovery_is_counted_from_the_fault_s_end() -> None:
    done = [number / 10 for number in range(100)] + [20 + number / 10 for number in range(200)]

    assert recovery_seconds(PHASE, done, rate=10.0) == 5.75  # the window may begin a little before


def test_a_rate_that_does_not_come_back_is_no_recovery() -> None:
    assert recovery_seconds(PHASE, [number / 10 for number in range(100)], rate=10.0) is None
