"""One start of the server: launched, then waited for until a connection succeeds."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from deskhand.embedded.binaries import Binaries, find_binaries
from deskhand.embedded.cluster import SUPERUSER, end_orphan, last_words, make_cluster, postmaster_pid, read_password
from deskhand.embedded.files import open_private
from deskhand.embedded.options import EmbeddedSettings
from deskhand.embedded.place import Place, make_socket_folder
from deskhand.embedded.process import ServerProcess, clean_environment, launch_command
from deskhand.errors import DatabaseUnavailable

DATABASE = "deskhand"
LOOPBACK = "127.0.0.1"
PORT_OF_SOCKET = 5432
LOG_LIMIT_BYTES = 10_000_000
# What a start meets while the processes of a killed server are on their way out, or when its port was just taken.
PASSING_TROUBLES = ("is still in use", "could not create any TCP/IP sockets")


@dataclass(frozen=True)
class Address:
    """Where the server listens: `host` is an IP address or the folder of the socket."""

    host: str
    port: int

    def conninfo(self, control: Path, *, database: str = DATABASE) -> str:
        over_tcp = {"sslmode": "disable", "gssencmode": "disable"} if self.host == LOOPBACK else {}
        return make_conninfo(
            host=self.host,
            port=self.port,
            user=SUPERUSER,
            password=read_password(control),
            dbname=database,
            **over_tcp,
        )


class Startup:
    """Brings the server of `place` up. `pause` sleeps for so many seconds, or raises to give up."""

    def __init__(self, place: Place, settings: EmbeddedSettings, pause: Callable[[float], None]) -> None:
        self._place = place
        self._settings = settings
        self._pause = pause
        self._log = place.control / "server.log"
        self._deadline = 0.0

    def run(self) -> tuple[ServerProcess, Address]:
        """Make the cluster if it is missing, end what an earlier owner left, start, create the database.

        Raises:
            DatabaseUnavailable: with the server's last words and the path of its log.
        """
        place, settings = self._place, self._settings
        binaries = find_binaries(settings.install_dir, place.account, place.home)
        make_cluster(place, binaries, sync=settings.is_durable, limit=settings.start_timeout)
        end_orphan(place.cluster, limit=settings.stop_timeout, pause=self._pause)
        folder = None if settings.tcp else make_socket_folder(place)
        self._deadline = time.monotonic() + settings.start_timeout.total_seconds()
        while True:
            address = Address(str(folder), PORT_OF_SOCKET) if folder else Address(LOOPBACK, _free_port())
            begin = _prepare_log(self._log)
            process = self._launch(binaries, address)
            if self._becomes_ready(process, address):
                return process, address
            trouble = last_words(self._log.read_bytes()[begin:].decode(errors="replace"))
            if self._is_late() or not any(words in trouble for words in PASSING_TROUBLES):
                raise DatabaseUnavailable(f"PostgreSQL doesn't start: {trouble} (log: {self._log})")
            self._pause(0.05)

    def _launch(self, binaries: Binaries, address: Address) -> ServerProcess:
        # A number in postmaster.pid that is not a server of ours would keep it from starting, for ever if some other
        # live process has that number. PostgreSQL takes this variable's number for a harmless ancestor of its own.
        stale = postmaster_pid(self._place.cluster)
        environment = clean_environment(**({"PG_GRANDPARENT_PID": str(stale)} if stale else {}))
        command = [binaries.program("postgres"), "-D", str(self._place.cluster), *self._options(address)]
        return ServerProcess(launch_command(command, self._place.account), environment, self._log)

    def _options(self, address: Address) -> Iterator[str]:
        over_tcp = address.host == LOOPBACK
        listen = {
            "listen_addresses": LOOPBACK if over_tcp else "",
            "unix_socket_directories": "" if over_tcp else f'"{address.host}"',
            "unix_socket_permissions": "0700",
            "port": str(address.port),
        }
        for name, value in (self._settings.list_options() | listen).items():
            yield from ("-c", f"{name}={value}")

    def _becomes_ready(self, process: ServerProcess, address: Address) -> bool:
        """Wait until a connection succeeds (True) or the server has ended (False)."""
        conninfo = address.conninfo(self._place.control, database=SUPERUSER)
        try:
            while not process.has_exited:
                try:
                    _make_database(conninfo)
                except psycopg.OperationalError as error:
                    if self._is_late() or "password authentication failed" in str(error):
                        raise DatabaseUnavailable(
                            f"The embedded database doesn't let us in: {str(error).strip()} (log: {self._log})"
                        ) from error
                else:
                    return True
                self._pause(0.01)
        except BaseException:
            process.stop(self._settings.stop_timeout)
            raise
        return False

    def _is_late(self) -> bool:
        return time.monotonic() > self._deadline


def _make_database(conninfo: str) -> None:
    with psycopg.connect(conninfo, autocommit=True, connect_timeout=2) as connection:
        row = connection.execute("select 1 from pg_database where datname = %s", (DATABASE,)).fetchone()
        if row is None:
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(DATABASE)))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return probe.getsockname()[1]


def _prepare_log(log: Path) -> int:
    """Make the log private, begin a new one when it has grown large, and return its size in bytes."""
    with suppress(FileNotFoundError):
        if log.stat().st_size > LOG_LIMIT_BYTES:
            log.replace(log.with_suffix(".log.1"))
    os.close(open_private(log, os.O_WRONLY | os.O_APPEND))
    return log.stat().st_size
