"""Another embedding model takes over without anybody noticing, whatever happens on the way."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from deskhand import knowledge
from deskhand.agent.tools.search_knowledge_base import look_up
from deskhand.agent.triage.base import TriageInput
from deskhand.composition import open_desk
from deskhand.db import Database
from deskhand.errors import ModelUnavailable
from deskhand.flows.ingest import load_knowledge
from deskhand.flows.vectors import bring_up_to_date
from deskhand.inference import ConfiguredEmbedder, Embedder, LocalEmbedder, open_embedder
from deskhand.knowledge import Hit
from deskhand.settings import Settings
from tests.inference.test_remote import settings_for
from tests.knowledge.library import Library
from tests.standins.embeddings import EmbeddingServer

ARTICLES = 90
BOATS = "# Boats\n\n## How do I moor a boat?\n\nThrow a rope around the bollard and pull the boat to the quay.\n"


@dataclass(frozen=True)
class Parts:
    db: Database
    embedder: Embedder


@dataclass(frozen=True)
class Watching:
    """An embedder that searches, while it embeds, by whatever serves."""

    parts: Parts
    found: list[list[Hit]]

    @property
    def model_id(self) -> str:
        return self.parts.embedder.model_id

    @property
    def dimensions(self) -> int:
        return self.parts.embedder.dimensions

    async def load(self) -> None:
        pass

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.found.append(await search(self.parts))
        return await self.parts.embedder.embed(texts)


@pytest.fixture
async def server() -> AsyncGenerator[EmbeddingServer]:
    async with EmbeddingServer().running() as server:
        yield server


@pytest.fixture
async def remote(server: EmbeddingServer, embedder: LocalEmbedder) -> AsyncGenerator[ConfiguredEmbedder]:
    async with open_embedder(settings_for(server), embedder) as remote:
        yield remote


@pytest.fixture
async def library(database: Database, embedder: LocalEmbedder, tmp_path: Path) -> Library:
    """Loaded with the local model."""
    folder = tmp_path / "help"
    folder.mkdir()
    library = Library(database, embedder, folder)
    library.write({"boats.md": BOATS})
    library.write({f"note-{number}.md": f"# Note {number}\n\nRemember number {number}." for number in range(ARTICLES)})
    await library.load()
    return library


async def search(parts: Parts, text: str = "moor a boat with a rope") -> list[Hit]:
    return await look_up(parts.db, parts.embedder, text, limit=3, language="en", product="")


async def serving(database: Database) -> str | None:
    async with database.transaction() as tx:
        return await knowledge.find_model(tx)


async def test_the_first_load_decides_which_model_serves(library: Library) -> None:
    assert await serving(library.db) == library.embedder.model_id


async def test_the_old_vectors_serve_until_the_new_ones_are_complete(
    library: Library, remote: ConfiguredEmbedder
) -> None:
    found: list[list[Hit]] = []
    watching = Watching(Parts(library.db, remote), found)

    embedded = await bring_up_to_date(Parts(library.db, watching), changed=False)

    assert embedded == ARTICLES + 1
    assert len(found) == 3
    assert all(hits[0].article == "boats" and hits[0].cosine > 0.3 for hits in found)
    assert await serving(library.db) == remote.model_id
    assert await library.count("vectors") == ARTICLES + 1


async def test_after_the_change_the_new_vectors_are_searched(library: Library, remote: ConfiguredEmbedder) -> None:
    parts = Parts(library.db, remote)
    await load_knowledge(parts, [library.folder])

    hits = await search(parts)

    assert hits[0].article == "boats"
    assert 0.3 < hits[0].cosine <= 1
    assert 0 <= hits[0].score <= 1


async def test_what_was_cut_short_goes_on_where_it_stopped(
    library: Library, remote: ConfiguredEmbedder, server: EmbeddingServer
) -> None:
    parts = Parts(library.db, remote)
    server.fail_after = 64
    with pytest.raises(ModelUnavailable):
        await bring_up_to_date(parts, changed=False)
    assert (await search(parts))[0].cosine > 0.3
    assert await serving(library.db) == library.embedder.model_id

    server.fail_after = None
    rest = await bring_up_to_date(parts, changed=False)

    assert rest == ARTICLES + 1 - 32
    assert len(server.seen) == 2 * (ARTICLES + 1)
    assert await serving(library.db) == remote.model_id


async def test_articles_that_change_meanwhile_are_found_before_and_after(
    library: Library, remote: ConfiguredEmbedder, server: EmbeddingServer
) -> None:
    parts = Parts(library.db, remote)
    server.fail_after = 0
    library.write({"kites.md": "# Kites\n\n## How do I fly a kite?\n\nRun against the wind and let the line out.\n"})
    with pytest.raises(ModelUnavailable):
        await load_knowledge(parts, [library.folder])
    assert (await search(parts, "let a kite rise"))[0].cosine > 0.3

    server.fail_after = None
    await load_knowledge(parts, [library.folder])

    assert (await search(parts, "fly a kite"))[0].article == "kites"
    assert await library.count("vectors") == ARTICLES + 2


async def test_the_way_back_is_the_same(library: Library, remote: ConfiguredEmbedder) -> None:
    await bring_up_to_date(Parts(library.db, remote), changed=False)

    await library.load()

    assert await serving(library.db) == library.embedder.model_id
    assert (await library.search("moor a boat"))[0].cosine > 0.3
    assert await library.count("vectors") == ARTICLES + 1


async def test_a_process_that_cannot_reach_the_model_in_use_searches_by_words(
    library: Library, remote: ConfiguredEmbedder
) -> None:
    await bring_up_to_date(Parts(library.db, remote), changed=False)

    hits = await library.search("rope around the bollard")

    assert hits[0].article == "boats"
    assert hits[0].cosine == 0


async def test_vectors_from_before_tokens_were_kept_are_completed(library: Library) -> None:
    async with library.db.transaction() as tx:
        await tx.execute("update passage_vectors set tokens = null")

    assert await bring_up_to_date(library, changed=False) == ARTICLES + 1
    assert await bring_up_to_date(library, changed=False) == 0


async def test_triage_stays_with_the_local_model(server: EmbeddingServer, conninfo: str, settings: Settings) -> None:
    names = ("provider", "base_url", "api_key", "model", "dimensions")
    chosen = {f"embedding_{name}": getattr(settings_for(server), f"embedding_{name}") for name in names}

    async with open_desk(settings.model_copy(update=chosen), conninfo) as desk:
        await desk.triage.read(TriageInput("Refund", "I want my money back", "web_form", "pro"))
        assert server.seen == []
        assert desk.embedder.model_id.startswith("openai-compatible:words-64")
