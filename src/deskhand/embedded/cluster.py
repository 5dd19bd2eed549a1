"""The cluster on disk: made under another name and then renamed; its password; what an earlier server left."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from deskhand.embedded.binaries import Binaries
from deskhand.embedded.files import sync_folder, write_private
from deskhand.embedded.place import Place
from deskhand.embedded.process import clean_environment, launch_command
from deskhand.errors import DatabaseUnavailable

SUPERUSER = "postgres"
BUILTIN_LOCALE_SINCE = 17
LOG_PREFIX = re.compile(r"^\d{4}-\d\d-\d\d \S+ \S+ \[\d+\] +")
TELLING_WORDS = ("FATAL", "PANIC", "DETAIL", "HINT", "error:", "could not")


def read_password(control: Path) -> str:
    """Raises: DatabaseUnavailable if somebody removed it."""
    path = control / "password"
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise DatabaseUnavailable(f"The password of the embedded database can't be read: {error}.") from error


def make_cluster(place: Place, binaries: Binaries, *, sync: bool, limit: timedelta) -> None:
    """Make the cluster, and the password in `control`, unless it exists. Call it as the owner only.

    Raises:
        DatabaseUnavailable: initdb failed or took longer than `limit`; the message holds its last words.
    """
    if place.cluster.exists():
        return
    for half_made in place.home.glob("half-made-cluster-*"):
        shutil.rmtree(half_made, ignore_errors=True)
    if not (place.control / "password").exists():
        write_private(place.control / "password", secrets.token_urlsafe(24), durable=True)
    nest = place.home / f"half-made-cluster-{secrets.token_hex(4)}"
    try:
        _initdb(place, binaries, nest, sync=sync, limit=limit)
        (nest / "data").rename(place.cluster)
        sync_folder(place.home)
    finally:
        shutil.rmtree(nest, ignore_errors=True)


def _initdb(place: Place, binaries: Binaries, nest: Path, *, sync: bool, limit: timedelta) -> None:
    data, password = nest / "data", nest / "password"
    nest.mkdir(mode=0o700)
    nest.chmod(place.control.stat().st_mode & 0o711)
    data.mkdir(mode=0o700)
    write_private(password, read_password(place.control))
    place.account.take_over(password)
    place.account.take_over(data)
    locale = ["--locale=C"]
    if binaries.major >= BUILTIN_LOCALE_SINCE:
        locale += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    command = [
        *(binaries.program("initdb"), "-D", str(data), "-U", SUPERUSER, "-E", "UTF8", *locale),
        *("--auth=scram-sha-256", f"--pwfile={password}", *([] if sync else ["--no-sync"])),
    ]
    try:
        done = subprocess.run(  # noqa: S603
            launch_command(command, place.account),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=limit.total_seconds(),
            env=clean_environment(),
            cwd="/",
            start_new_session=True,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise DatabaseUnavailable(f"initdb didn't finish within {limit.total_seconds():.0f} s.") from error
    if done.returncode != 0:
        raise DatabaseUnavailable(f"initdb failed: {last_words(done.stdout)}")


def last_words(text: str) -> str:
    """The lines of a program's output that tell why it stopped, as one."""
    lines = [LOG_PREFIX.sub("", line).strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if any(word in line for word in TELLING_WORDS)]
    return " ".join((telling or lines)[-4:]) or "it said nothing."


def postmaster_pid(cluster: Path) -> int | None:
    """The number in postmaster.pid: that of the live server, or of a dead one whose number another may have now."""
    try:
        return int((cluster / "postmaster.pid").read_text("utf-8").split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None


def is_server_of(pid: int, cluster: Path) -> bool:
    """Whether that process is a live PostgreSQL server on `cluster`, and no other process with a repeated number."""
    program, found, _ = _command_line(pid).partition(f" -D {cluster} ")
    return bool(found) and Path(program).name == "postgres"


def end_orphan(cluster: Path, *, limit: timedelta, pause: Callable[[float], None]) -> None:
    """Wait until a server whose owner died has stopped, and ask it to. Call it as the owner, before a start.

    Raises:
        DatabaseUnavailable: it does not stop within `limit`, nor, told not to finish its work, 5 s later.
    """
    pid = postmaster_pid(cluster)
    if pid is None:
        return
    for order, seconds in ((signal.SIGINT, limit.total_seconds()), (signal.SIGQUIT, 5.0)):
        if not is_server_of(pid, cluster):
            return
        with suppress(ProcessLookupError):
            os.kill(pid, order)
        deadline = time.monotonic() + seconds
        while is_server_of(pid, cluster) and time.monotonic() < deadline:
            pause(0.02)
    if is_server_of(pid, cluster):
        raise DatabaseUnavailable(f"A server left over on {cluster} (pid {pid}) doesn't stop: end it by hand.")


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="surrogateescape")
    except OSError:
        if Path("/proc/self").exists():
            return ""
    said = subprocess.run(["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)  # noqa: S603, S607
    return said.stdout
