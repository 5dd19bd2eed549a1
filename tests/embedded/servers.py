"""What the tests of the embedded server share."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

import deskhand
from deskhand.embedded import EmbeddedPostgres

HOLDER = Path(__file__).with_name("hold_server.py")


@dataclass(frozen=True)
class Holder:
    """Another process with the server open: it prints what it got, and ends when its input is closed."""

    process: subprocess.Popen[str]

    @classmethod
    def start(cls, data_dir: Path, role: str, *words: str) -> Holder:
        return cls(
            subprocess.Popen(
                [sys.executable, str(HOLDER), str(data_dir), role, *words],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(deskhand.__file__).parents[1]), *sys.path])},
            )
        )

    def said(self) -> dict[str, str]:
        assert self.process.stdout is not None
        words = self.process.stdout.readline().split()
        assert words, "it ended without a word"
        return dict(word.split("=", 1) for word in words)

    def has_spoken(self, seconds: float) -> bool:
        """Whether `said()` would answer at once, within so many seconds."""
        assert self.process.stdout is not None
        return bool(select.select([self.process.stdout], [], [], seconds)[0])

    def let_go(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert self.process.wait(20) == 0

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(20)

    def close(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(20)
        self.process.stdout.close()


@contextmanager
def enterable_folder() -> Generator[Path]:
    """pytest's own temporary folders are closed to others when root runs it, so also to the server's account."""
    folder = Path(tempfile.mkdtemp(prefix="deskhand-test-", dir=_memory()))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _memory() -> Path | None:
    """A folder in memory with room for some clusters, where there is one: a fifth of the time on disk."""
    shared = Path("/dev/shm")
    if not shared.is_dir():
        return None
    status = os.statvfs(shared)
    has_room = status.f_bavail * status.f_frsize > 2 * 1024**3
    return shared if has_room and not status.f_flag & os.ST_NOEXEC else None


def query(server: EmbeddedPostgres, statement: str) -> object:
    """The first column of the first row, if there is one."""
    with psycopg.connect(server.conninfo) as connection:
        cursor = connection.execute(statement.encode())
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


def until(condition: Callable[[], object], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.005)


def is_alive(pid: int) -> bool:
    """Whether the process exists; one that waits to be reaped does not count."""
    try:
        os.kill(pid, 0)
        return not Path("/proc/self").exists() or "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text("utf-8")
    except (ProcessLookupError, FileNotFoundError):
        return False
