"""The embedded PostgreSQL server: one for a data folder, run by one process, shared with the others."""

from __future__ import annotations

import asyncio
import logging
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg

from deskhand.embedded.options import EmbeddedSettings
from deskhand.embedded.ownership import Owner, Ownership, Role, find_owner, try_to_own
from deskhand.embedded.place import Place, find_place, open_control, remove_socket_folder
from deskhand.embedded.process import ServerProcess
from deskhand.embedded.startup import Address, Startup
from deskhand.errors import DatabaseUnavailable

SILENT_WAIT_SECONDS = 1.0
POLL_SECONDS = 0.05


class EmbeddedPostgres:
    """A running server for one data folder. Use `open()` in async code, `start()` and `stop()` elsewhere.

    `role` says how long the process stays: a "service" keeps the server for others, a "command" uses the service's
    if there is one and otherwise runs its own for as long as it needs. `on_wait` gets one sentence when another
    process is waited for (default: a warning in the log); under `open()` it is called from a thread.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        role: Role,
        settings: EmbeddedSettings | None = None,
        on_wait: Callable[[str], None] | None = None,
    ) -> None:
        self._data_dir = data_dir
        self._role: Role = role
        self._settings = settings or EmbeddedSettings()
        self._warn = logging.getLogger(__name__).warning
        self._on_wait = on_wait or self._warn
        self._abandoned = threading.Event()
        self._ownership: Ownership | None = None
        self._place: Place | None = None
        self._process: ServerProcess | None = None
        self._conninfo: str | None = None

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        data_dir: Path,
        *,
        role: Role,
        settings: EmbeddedSettings | None = None,
        on_wait: Callable[[str], None] | None = None,
    ) -> AsyncGenerator[EmbeddedPostgres]:
        """Start the server, or attach to it, for the time of the block.

        Raises:
            DatabaseUnavailable: as `start()`.
        """
        server = cls(data_dir, role=role, settings=settings, on_wait=on_wait)
        starting = asyncio.ensure_future(asyncio.to_thread(server.start))
        try:
            await asyncio.shield(starting)
            yield server
        finally:
            server._abandoned.set()  # a start that is still under way (we were cancelled) gives up
            await asyncio.gather(starting, return_exceptions=True)
            await asyncio.to_thread(server.stop)

    @property
    def conninfo(self) -> str:
        """libpq connection string of the database `deskhand`. It holds the password: never log it.

        Raises:
            DatabaseUnavailable: not started, or stopped.
        """
        if self._conninfo is None:
            raise DatabaseUnavailable("The embedded database is not running.")
        return self._conninfo

    @property
    def owned(self) -> bool:
        """Whether this object runs the server, and ends it in `stop()`."""
        return self._ownership is not None

    @property
    def pid(self) -> int | None:
        """Process number of the server, if it is owned."""
        return self._process.pid if self._process else None

    @property
    def has_exited(self) -> bool:
        """Whether an owned server has ended without `stop()`; `stop()` and then `start()` bring it back."""
        return self._process is not None and self._process.has_exited

    def start(self) -> None:
        """Run the server or attach to a running one; returns when a connection has succeeded.

        Raises:
            DatabaseUnavailable: the message says what is wrong and what to do; among others another service runs on
                this data folder, or another process has used it for longer than `wait_timeout`.
        """
        if sys.platform == "win32":
            raise DatabaseUnavailable("The embedded database doesn't run on Windows: set DATABASE_URL.")
        if self._conninfo is not None:
            return
        self._abandoned.clear()
        try:
            control = open_control(self._data_dir)
            claimed = self._claim(control)
            if isinstance(claimed, Ownership):
                self._ownership = claimed
                address = self._run(control, claimed)
            else:
                address = Address(claimed.host, claimed.port)
            self._conninfo = address.conninfo(control)
        except OSError as error:
            self.stop()
            raise DatabaseUnavailable(f"The embedded database can't be started: {error}.") from error
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the server if it is owned: fast shutdown, killed after `stop_timeout`. May be called again."""
        self._conninfo = None
        if self._ownership is None:
            return
        try:
            self._ownership.say("stopping")
        finally:
            if self._process is not None:
                self._process.stop(self._settings.stop_timeout)
            if self._place is not None:
                remove_socket_folder(self._place)
            self._ownership.release()
            self._ownership = self._process = self._place = None

    def _run(self, control: Path, ownership: Ownership) -> Address:
        self._place = find_place(control, self._settings.root_base, self._warn)
        self._process, address = Startup(self._place, self._settings, self._pause).run()
        ownership.say("ready", host=address.host, port=address.port)
        return address

    def _claim(self, control: Path) -> Ownership | Owner:
        """Become the owner; or, as a command, find a service's server; or wait for either."""
        began = time.monotonic()
        limit = self._settings.wait_timeout.total_seconds()
        seen: Owner | None = None
        told = False
        while (ownership := try_to_own(control, self._role)) is None:
            owner = find_owner(control)
            if owner is not None and self._role == "command" and self._can_attach(control, owner):
                return owner
            if owner is not None and self._role == "service" and owner == seen:
                _refuse_second_service(owner)
            seen = owner
            who = f"another Deskhand process (pid {owner.pid if owner else 'unknown'}) uses {control.parent}"
            waited = time.monotonic() - began
            if waited > limit:
                raise DatabaseUnavailable(f"Waited {limit:.0f} s in vain: {who}.")
            if waited > SILENT_WAIT_SECONDS and not told:
                self._on_wait(f"Waiting: {who}.")
                told = True
            self._pause(POLL_SECONDS)
        return ownership

    def _can_attach(self, control: Path, owner: Owner) -> bool:
        if owner.role != "service" or owner.state != "ready":
            return False
        try:
            psycopg.connect(Address(owner.host, owner.port).conninfo(control), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return find_owner(control) == owner

    def _pause(self, seconds: float) -> None:
        if self._abandoned.wait(seconds):
            raise DatabaseUnavailable("The start of the embedded database was cancelled.")


@contextmanager
def throwaway_server(settings: EmbeddedSettings | None = None) -> Generator[EmbeddedPostgres]:
    """A server in a temporary folder, fast and forgetful: for tests and demonstrations.

    Raises:
        DatabaseUnavailable: as `EmbeddedPostgres.start()`.
    """
    settings = settings or EmbeddedSettings()
    forgetful = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    folder = Path(tempfile.mkdtemp(prefix="deskhand-"))
    folder.chmod(0o711)  # for root: the server's account must pass
    server = EmbeddedPostgres(
        folder, role="service", settings=replace(settings, options=forgetful | dict(settings.options))
    )
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _refuse_second_service(owner: Owner) -> None:
    """Called only for an owner seen twice: a killed owner's words stand until its successor has spoken."""
    if owner.role == "service" and owner.state != "stopping":
        raise DatabaseUnavailable(
            f"Deskhand is already running: pid {owner.pid}. Stop it or choose another DESKHAND_DATA_DIR."
        )
