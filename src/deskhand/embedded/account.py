"""The account that runs the server (PostgreSQL refuses root), and which folders that account can enter."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from deskhand.errors import DatabaseUnavailable

LOW_USERS = ("postgres", "nobody")


@dataclass(frozen=True)
class Account:
    """A user of this machine."""

    name: str
    uid: int
    gid: int

    @property
    def is_ours(self) -> bool:
        return self.uid == os.geteuid()

    def can_reach(self, path: Path) -> bool:
        """Whether the account may enter every folder on the way and read (a file) or enter (a folder) the end."""
        if self.is_ours:
            return True
        end = path.resolve().stat()
        need = 0o1 if stat.S_ISDIR(end.st_mode) else 0o4
        return self._may(end, need) and all(self._may(folder.stat(), 0o1) for folder in path.resolve().parents)

    def take_over(self, path: Path) -> None:
        """Make the account the owner of `path`, which must be new and ours."""
        if not self.is_ours:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def _may(self, status: os.stat_result, need: int) -> bool:
        shift = 6 if status.st_uid == self.uid else 3 if status.st_gid == self.gid else 0
        return (status.st_mode >> shift) & need == need


def account_for(cluster: Path) -> Account:
    """Who runs the server on `cluster`, which need not exist yet.

    That is ourselves; for root it is the cluster's owner, or for a new cluster an existing user of low rights.

    Raises:
        DatabaseUnavailable: we are root and there is no such user.
    """
    import pwd  # here, so that Windows can import this module

    if os.geteuid() != 0:
        return Account(_name_of(os.geteuid()), os.geteuid(), os.getegid())
    if cluster.exists() and (owner := cluster.stat()).st_uid != 0:
        return Account(_name_of(owner.st_uid), owner.st_uid, owner.st_gid)
    for name in LOW_USERS:
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(name, entry.pw_uid, entry.pw_gid)
    raise DatabaseUnavailable(
        "PostgreSQL doesn't run as root, and there is no user 'postgres' or 'nobody' to run it as: "
        "start Deskhand as an ordinary user, or set DATABASE_URL."
    )


def _name_of(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
