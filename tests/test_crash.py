"""Crash points: in development a process dies where it is told to, in production nowhere."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from deskhand import crash
from deskhand.errors import SetupInvalid

SCRIPT = """
from deskhand import crash
crash.arm(is_production={production})
for number in range(3):
    crash.here("after_send")
    crash.here("before_send")
    print(number, flush=True)
"""


def run(at: str, *, production: bool = False) -> tuple[int, list[str]]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(production=production)],
        env=os.environ | {crash.VARIABLE: at},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout.split()


def test_a_process_dies_at_the_point_that_is_named() -> None:
    assert run("after_send") == (-signal.SIGKILL, [])


def test_a_number_behind_the_point_says_which_time() -> None:
    assert run("before_send:3") == (-signal.SIGKILL, ["0", "1"])


def test_in_production_nothing_dies() -> None:
    assert run("after_send", production=True) == (0, ["0", "1", "2"])


def test_a_point_that_does_not_exist_is_refused_with_those_that_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(crash.VARIABLE, "after_lunch")
    with pytest.raises(SetupInvalid, match="after_send"):
        crash.arm(is_production=False)
