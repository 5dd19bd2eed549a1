"""The server as a direct child that a signal ends when this process dies, even by SIGKILL (on Linux)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from deskhand.embedded import launch
from deskhand.embedded.account import Account

PASSED_ON = ("PATH", "TZ", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
SECONDS_TO_QUIT = 5.0


def launch_command(command: Sequence[str], account: Account) -> list[str]:
    """The command that runs `command` as `account` and ends it with the thread that starts it."""
    uid = -1 if account.is_ours else account.uid
    return [sys.executable, "-I", "-S", launch.__file__, str(os.getpid()), str(uid), str(account.gid), *command]


def clean_environment(**more: str) -> dict[str, str]:
    """What the server may know: none of our secrets, none of the variables that PostgreSQL reads, English messages."""
    return {name: os.environ[name] for name in PASSED_ON if name in os.environ} | {"LC_ALL": "C"} | more


class ServerProcess:
    """One run of the server. The signal at our death hangs on the *thread* that started the child, hence its own."""

    pid: int

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self._exited = threading.Event()
        started: Future[int] = Future()
        keeper = threading.Thread(
            target=self._keep, args=(started, command, environment, log), name="embedded-postgres", daemon=True
        )
        keeper.start()
        self.pid = started.result()

    @property
    def has_exited(self) -> bool:
        return self._exited.is_set()

    def stop(self, limit: timedelta) -> None:
        """Fast shutdown; after `limit` the server is told to quit without finishing, 5 s later it is killed."""
        for order, seconds in ((signal.SIGINT, limit.total_seconds()), (signal.SIGQUIT, SECONDS_TO_QUIT)):
            self._send(order)
            if self._exited.wait(seconds):
                return
        self._send(signal.SIGKILL)
        self._exited.wait()

    def _send(self, order: signal.Signals) -> None:
        if not self.has_exited:
            with suppress(ProcessLookupError):
                os.kill(self.pid, order)

    def _keep(self, started: Future[int], command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        try:
            with log.open("ab") as sink:
                process = subprocess.Popen(  # noqa: S603
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=sink,
                    stderr=subprocess.STDOUT,
                    env=environment,
                    cwd="/",
                    start_new_session=True,
                )
        except BaseException as error:
            self._exited.set()
            started.set_exception(error)
            return
        started.set_result(process.pid)
        process.wait()
        self._exited.set()
