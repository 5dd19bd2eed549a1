"""Which process runs the server of a data folder: a lock that dies with its holder, and a note beside it."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from deskhand.embedded.files import open_private, write_private

Role = Literal["service", "command"]
State = Literal["starting", "ready", "stopping"]


@dataclass(frozen=True)
class Owner:
    """What the owner says of itself. `host` and `port` mean something only when it is ready."""

    pid: int
    role: Role
    state: State = "starting"
    host: str = ""
    port: int = 0


class Ownership:
    """The right to run the server of one data folder, held until `release()` or the end of the process."""

    def __init__(self, control: Path, lock: int, role: Role) -> None:
        self._control = control
        self._lock: int | None = lock
        self._role: Role = role
        self.say("starting")

    def say(self, state: State, *, host: str = "", port: int = 0) -> None:
        """Tell the other processes how far the server is."""
        owner = Owner(os.getpid(), self._role, state, host, port)
        write_private(self._control / "owner.json", json.dumps(asdict(owner)))

    def release(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def try_to_own(control: Path, role: Role) -> Ownership | None:
    """Become the owner, or None while another process is."""
    import fcntl  # here, so that Windows can import this module

    lock = open_private(control / "owner.lock", os.O_RDWR)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return Ownership(control, lock, role)
    except BlockingIOError:
        os.close(lock)
        return None
    except BaseException:
        os.close(lock)
        raise


def find_owner(control: Path) -> Owner | None:
    """The last owner's words; of a live owner only if the lock is taken."""
    try:
        return Owner(**json.loads((control / "owner.json").read_text("utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None
