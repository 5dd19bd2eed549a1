"""Run as a script: become the server's account, ask for a signal at the parent's death, turn into the program.

    python launch.py PARENT_PID UID GID PROGRAM [ARGUMENT ...]        UID -1 keeps the account

A function between fork and exec would do the same, but Python warns against that in a process with threads.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys

try:
    import ctypes
except ImportError:  # a Python built without libffi: the server then outlives an app that is killed
    ctypes = None

PR_SET_PDEATHSIG = 1


def main() -> None:
    parent, uid, gid = (int(word) for word in sys.argv[1:4])
    program = sys.argv[4:]
    os.umask(0o077)
    try:
        if uid >= 0:
            os.setgroups([])
            os.setgid(gid)
            os.setuid(uid)
        # After the change of account, which makes the kernel forget the signal.
        _signal_at_parents_death(signal.SIGINT)
        if os.getppid() != parent:
            sys.exit("error: the process that wanted this server has died")
        os.execv(program[0], program)  # noqa: S606
    except OSError as error:
        sys.exit(f"error: can't run {program[0]} as user {os.getuid() if uid < 0 else uid}: {error}")


def _signal_at_parents_death(number: int) -> None:
    if ctypes is not None:
        with contextlib.suppress(AttributeError, OSError):  # only Linux has prctl
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number, 0, 0, 0)


if __name__ == "__main__":
    main()
