"""Where things lie: our files in the data folder, the cluster there too or, for root, where its account can go."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from deskhand.embedded.account import Account, account_for
from deskhand.embedded.files import write_private
from deskhand.errors import DatabaseUnavailable

LONGEST_SOCKET = ".s.PGSQL.65535"


@dataclass(frozen=True)
class Place:
    """`control` holds the lock, the notes, the password and the log; `home` the cluster and what `account` needs."""

    control: Path
    home: Path
    account: Account

    @property
    def cluster(self) -> Path:
        return self.home / "cluster"


def open_control(data_dir: Path) -> Path:
    """The folder for our files inside the data folder, made if missing.

    Raises:
        DatabaseUnavailable: it can't be made, or belongs to another user.
    """
    control = data_dir.resolve() / "postgres"
    try:
        control.parent.mkdir(parents=True, exist_ok=True)
        if not control.exists():
            _make_folder(control, 0o711 if os.geteuid() == 0 else 0o700)
        owner = control.stat().st_uid
    except OSError as error:
        raise DatabaseUnavailable(
            f"The data folder can't be used: {error}. Choose another by DESKHAND_DATA_DIR."
        ) from error
    if os.geteuid() not in (0, owner):
        raise DatabaseUnavailable(
            f"{control} belongs to another user (number {owner}): run Deskhand as that user, "
            "or choose another folder by DESKHAND_DATA_DIR."
        )
    return control


def find_place(control: Path, root_base: Path, tell: Callable[[str], None]) -> Place:
    """Decide, and for root record, where the cluster is. Call it as the owner only.

    Raises:
        DatabaseUnavailable: the server's account can't reach the cluster, or the recorded place is gone or another's.
    """
    record = control / "home"
    home = _recorded_home(record) if record.exists() else control
    account = account_for(home / "cluster")
    if account.can_reach(home):
        return Place(control, home, account)
    if home != control or (control / "cluster").exists():
        raise DatabaseUnavailable(
            f"The database in {home} belongs to user '{account.name}', who can't enter that folder: "
            "move it back, or choose another folder by DESKHAND_DATA_DIR."
        )
    home = _make_home_elsewhere(control, root_base, account, tell)
    write_private(record, str(home), durable=True)
    tell(f"The database is kept in {home}: user '{account.name}', who runs it, can't enter {control}.")
    return Place(control, home, account)


def make_socket_folder(place: Place) -> Path:
    """A folder only the server's account can enter, short enough for a socket: in the cluster's home if possible.

    Call it as the owner, while no server runs: what the last one left is removed.
    """
    remove_socket_folder(place)
    inside = place.home / "socket"
    _make_folder(inside, 0o700)
    if not _holds_a_socket(inside):
        shutil.rmtree(inside)
        inside = _make_short_folder(place)
    place.account.take_over(inside)
    return inside


def remove_socket_folder(place: Place) -> None:
    record = place.control / "socket-folder"
    shutil.rmtree(place.home / "socket", ignore_errors=True)
    if record.exists():
        shutil.rmtree(record.read_text("utf-8"), ignore_errors=True)
        record.unlink()


def _recorded_home(record: Path) -> Path:
    home = Path(record.read_text("utf-8"))
    if not home.is_dir():
        raise DatabaseUnavailable(
            f"{record} says that the database is in {home}, which is gone: bring it back, "
            f"or delete {record} to begin with an empty database."
        )
    holder = Path((home / "belongs-to").read_text("utf-8"))
    if holder != record.parent and (holder / "home").exists() and (holder / "home").read_text("utf-8") == str(home):
        raise DatabaseUnavailable(
            f"{record.parent} is a copy of {holder} and names the same database: "
            f"delete {record.parent} to begin with an empty one."
        )
    write_private(home / "belongs-to", str(record.parent))
    return home


def _make_home_elsewhere(control: Path, base: Path, account: Account, tell: Callable[[str], None]) -> Path:
    if not base.is_dir() or not account.can_reach(base):
        raise DatabaseUnavailable(
            f"PostgreSQL doesn't run as root, and user '{account.name}', who would run it, can enter neither "
            f"{control} nor {base}: choose a folder that every user can enter by DESKHAND_DATA_DIR."
        )
    home = base / f"deskhand-{os.getuid()}-{hashlib.sha256(os.fsencode(control)).hexdigest()[:12]}"
    if (home / "cluster").exists():
        aside = home.with_name(f"{home.name}-old-{secrets.token_hex(3)}")
        home.rename(aside)
        tell(f"The data folder was emptied; what its database held is set aside in {aside}.")
    if not home.exists():
        _make_folder(home, 0o711)
    write_private(home / "belongs-to", str(control))
    return home


def _make_folder(folder: Path, mode: int) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    folder.chmod(mode)  # mkdir alone is subject to the umask


def _holds_a_socket(folder: Path) -> bool:
    """Whether a socket in `folder` can be made (length, kind of file system) and written in a connection string."""
    path = folder / LONGEST_SOCKET
    if {",", '"'} & set(str(folder)):
        return False
    try:
        with closing(socket.socket(socket.AF_UNIX)) as probe:
            probe.bind(str(path))
        path.unlink()
    except OSError:
        return False
    return True


def _make_short_folder(place: Place) -> Path:
    for base in _temporary_bases(place.account):
        folder = Path(tempfile.mkdtemp(prefix="deskhand-", dir=base))
        if _holds_a_socket(folder):
            write_private(place.control / "socket-folder", str(folder))
            return folder
        folder.rmdir()
    raise DatabaseUnavailable(
        f"The path {place.home} is too long for a socket, and so is the temporary folder's: "
        "choose a shorter one by DESKHAND_DATA_DIR or TMPDIR."
    )


def _temporary_bases(account: Account) -> Iterator[Path]:
    for base in (Path(tempfile.gettempdir()), Path("/tmp")):  # noqa: S108  # mkdtemp makes a private one inside
        if base.is_dir() and os.access(base, os.W_OK) and account.can_reach(base):
            yield base
