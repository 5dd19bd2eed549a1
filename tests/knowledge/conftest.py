"""A help centre of the test's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from deskhand.db import Database
from deskhand.inference import LocalEmbedder
from tests.knowledge.library import Library


@pytest.fixture
def library(database: Database, embedder: LocalEmbedder, tmp_path: Path) -> Library:
    folder = tmp_path / "help"
    folder.mkdir()
    return Library(database, embedder, folder)
