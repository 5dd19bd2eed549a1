"""Fixtures: an enterable folder, a data folder with a ready cluster, other processes that hold the server."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Generator
from datetime import timedelta
from pathlib import Path

import pytest

from deskhand.embedded import EmbeddedPostgres, EmbeddedSettings
from tests.embedded.servers import Holder, enterable_folder


@pytest.fixture(scope="session")
def quick() -> EmbeddedSettings:
    return EmbeddedSettings(options={"fsync": "off"}, wait_timeout=timedelta(seconds=20))


@pytest.fixture
def base() -> Generator[Path]:
    with enterable_folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def data_dir(quick: EmbeddedSettings) -> Generator[Path]:
    """A data folder with a cluster, shared by the tests: copying one takes longer than most of them."""
    with enterable_folder() as folder:
        server = EmbeddedPostgres(folder / "data", role="command", settings=quick)
        server.start()
        server.stop()
        yield folder / "data"


@pytest.fixture
def copy_data_dir(data_dir: Path) -> Callable[[Path], Path]:
    def copy(target: Path) -> Path:
        target.parent.mkdir(exist_ok=True)
        subprocess.run(["cp", "-a", data_dir, target], check=True)
        return target

    return copy


@pytest.fixture
def server(data_dir: Path, quick: EmbeddedSettings) -> Generator[EmbeddedPostgres]:
    """A running service, which the test may stop and start."""
    server = EmbeddedPostgres(data_dir, role="service", settings=quick)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def hold() -> Generator[Callable[..., Holder]]:
    """Start another process: `hold(data_dir, role, *options)`; ended at the end of the test."""
    holders: list[Holder] = []

    def start(data_dir: Path, role: str, *words: str) -> Holder:
        holders.append(Holder.start(data_dir, role, *words))
        return holders[-1]

    yield start
    for holder in holders:
        holder.close()
