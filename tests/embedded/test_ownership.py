"""Several processes on one data folder: one server, and everybody knows their place."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from deskhand.embedded import EmbeddedPostgres, EmbeddedSettings
from deskhand.errors import DatabaseUnavailable
from tests.embedded.servers import Holder, is_alive, query, until


async def test_a_command_attaches_to_a_service_and_leaves_it_running(
    data_dir: Path, hold: Callable[..., Holder], quick: EmbeddedSettings
) -> None:
    service = hold(data_dir, "service").said()

    async with EmbeddedPostgres.open(data_dir, role="command", settings=quick) as server:
        assert not server.owned
        assert query(server, "select 1") == 1

    assert is_alive(int(service["server"]))


def test_a_command_waits_for_a_service_that_is_starting(
    base: Path, hold: Callable[..., Holder], quick: EmbeddedSettings
) -> None:
    service = hold(base / "data", "service")
    until((base / "data" / "postgres" / "owner.json").exists)

    command = hold(base / "data", "command").said()

    assert service.said()["owned"] == "True"
    assert command["owned"] == "False"


def test_a_second_service_is_refused_with_the_pid_of_the_first(
    data_dir: Path, server: EmbeddedPostgres, quick: EmbeddedSettings, hold: Callable[..., Holder]
) -> None:
    second = EmbeddedPostgres(data_dir, role="service", settings=quick)

    with pytest.raises(DatabaseUnavailable, match=r"already running: pid \d+. Stop it or .* DESKHAND_DATA_DIR"):
        second.start()

    assert query(server, "select 1") == 1
    assert not second.owned


@pytest.mark.parametrize("role", ["command", "service"])
def test_whoever_finds_a_command_waits_until_it_is_done(
    role: str, data_dir: Path, quick: EmbeddedSettings, hold: Callable[..., Holder]
) -> None:
    command = EmbeddedPostgres(data_dir, role="command", settings=quick)
    command.start()
    first_pid = command.pid
    waiting = hold(data_dir, role)
    until((data_dir / f"told-{waiting.process.pid}").exists)
    assert not waiting.has_spoken(0)

    command.stop()

    said = waiting.said()
    assert said["owned"] == "True"
    assert said["server"] != str(first_pid)


def test_waiting_ends_with_an_error_that_names_the_other(
    data_dir: Path, quick: EmbeddedSettings, hold: Callable[..., Holder]
) -> None:
    owner = hold(data_dir, "command").said()
    impatient = replace(quick, wait_timeout=timedelta(milliseconds=200))

    with pytest.raises(DatabaseUnavailable, match=f"Waited 0 s in vain.*pid {owner['pid']}"):
        EmbeddedPostgres(data_dir, role="service", settings=impatient).start()


def test_two_first_starts_at_once_get_one_server_at_a_time(base: Path, hold: Callable[..., Holder]) -> None:
    both = [hold(base / "data", "command") for _ in range(2)]
    first = next(holder for holder in itertools.cycle(both) if holder.has_spoken(0.01))
    second = next(holder for holder in both if holder is not first)
    assert first.said()["owned"] == "True"
    assert not second.has_spoken(0.3)

    first.let_go()

    assert second.said()["owned"] == "True"
    second.let_go()
    assert [path.name for path in (base / "data" / "postgres").glob("*cluster*")] == ["cluster"]
