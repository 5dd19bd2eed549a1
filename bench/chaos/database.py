"""A PostgreSQL of the harness's own, on a small file system in memory where one can be mounted, to be mistreated."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final, Literal

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from deskhand.embedded import EmbeddedPostgres, EmbeddedSettings
from deskhand.errors import DatabaseUnavailable

How = Literal["fast", "immediate", "kill"]
SIGNALS: Final[dict[How, signal.Signals]] = {
    "fast": signal.SIGINT,
    "immediate": signal.SIGQUIT,
    "kill": signal.SIGKILL,
}
OPTIONS: Final = {"max_connections": "60", "min_wal_size": "32MB", "max_wal_size": "256MB", "shared_buffers": "64MB"}
SIZE_MB: Final = 4_000
ROOM_KB: Final = 64
APPLICATION: Final = "chaos"


class Database:
    """The server, its conninfo (which survives restarts), and what can be done to it."""

    def __init__(self, folder: Path, *, is_mounted: bool) -> None:
        self.folder = folder
        self.is_mounted = is_mounted
        self._server = EmbeddedPostgres(folder, role="service", settings=EmbeddedSettings(options=OPTIONS))
        self.conninfo = ""

    @classmethod
    @asynccontextmanager
    async def running(cls) -> AsyncGenerator[Database]:
        memory = Path("/dev/shm")
        folder = Path(tempfile.mkdtemp(prefix="deskhand-chaos-", dir=memory if os.access(memory, os.W_OK) else None))
        folder.chmod(0o711)
        is_mounted = _mount(folder, f"size={SIZE_MB}m,mode=711")
        database = cls(folder, is_mounted=is_mounted)
        try:
            await database.start()
            yield database
        finally:
            await asyncio.to_thread(database._server.stop)
            if is_mounted:
                _run("umount", "--lazy", str(folder))
            shutil.rmtree(folder, ignore_errors=True)

    async def start(self) -> None:
        await asyncio.to_thread(self._server.start)
        if self.conninfo not in ("", self._server.conninfo):
            raise DatabaseUnavailable("the server's address changed with its restart")
        self.conninfo = self._server.conninfo

    async def restart(self, how: How, *, away: float = 0.0) -> None:
        """Down by a signal, for so many seconds, and up again."""
        if self._server.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(self._server.pid, SIGNALS[how])
        await asyncio.sleep(away)
        await asyncio.to_thread(self._server.stop)
        await self.start()

    async def bring_back(self) -> bool:
        """Start a server that has ended by itself, as a supervisor would."""
        if not self._server.has_exited:
            return False
        await asyncio.to_thread(self._server.stop)
        await self.start()
        return True

    @property
    def socket(self) -> str:
        """The path of the server's socket."""
        folder = conninfo_to_dict(self.conninfo)["host"]
        return f"{folder}/.s.PGSQL.5432"

    def through(self, port: int) -> str:
        """The conninfo by way of a proxy."""
        return make_conninfo(self.conninfo, host="127.0.0.1", port=port, sslmode="disable", gssencmode="disable")

    async def terminate_backends(self) -> int:
        """End every connection but those of the harness."""

        def work() -> int:
            with self.connect() as connection:
                found = connection.execute(
                    "select count(pg_terminate_backend(pid)) from pg_stat_activity"
                    " where backend_type = 'client backend' and application_name <> %s",
                    (APPLICATION,),
                ).fetchone()
                return found[0] if found else 0

        return await asyncio.to_thread(work)

    async def exhaust(self, seconds: float) -> int:
        """Take every connection that the server has, for so long; returns how many they were."""

        def work() -> int:
            held: list[psycopg.Connection] = []
            until = time.monotonic() + seconds
            most = 0
            try:
                while time.monotonic() < until:
                    try:
                        held.append(self.connect())
                    except psycopg.OperationalError:
                        time.sleep(0.05)
                    most = max(most, len(held))
            finally:
                for connection in held:
                    with suppress(psycopg.Error):
                        connection.close()
            return most

        return await asyncio.to_thread(work)

    def fill_disk(self) -> None:
        """The file system has no room beyond what it holds."""
        used = shutil.disk_usage(self.folder).used // 1024 + ROOM_KB
        _run("mount", "-o", f"remount,size={used}k", str(self.folder))

    def empty_disk(self) -> None:
        _run("mount", "-o", f"remount,size={SIZE_MB}m", str(self.folder))

    def connect(self) -> psycopg.Connection:
        return psycopg.connect(self.conninfo, autocommit=True, application_name=APPLICATION, connect_timeout=5)


def _mount(folder: Path, options: str) -> bool:
    """Only root may, and not in every container."""
    return os.geteuid() == 0 and _run("mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder))


def _run(*command: str) -> bool:
    with suppress(OSError):
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    return False
