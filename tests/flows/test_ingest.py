"""Ingest: loading brings the knowledge base to what the files say, and does so once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from deskhand import knowledge
from deskhand.company_folder import Company
from deskhand.db import Database
from deskhand.flows.ingest import load_company_knowledge, load_knowledge
from deskhand.flows.vectors import Progress
from deskhand.inference import LocalEmbedder
from deskhand.knowledge import Article
from tests.knowledge.library import Library

ROCKETS = "# Rockets\n\n## How do I launch a rocket?\n\n1. Fuel the rocket.\n2. Press the red button.\n"
BOATS = "# Boats\n\n## How do I moor a boat?\n\nThrow a rope around the bollard and pull the boat to the quay.\n"


@pytest.fixture
def library(database: Database, embedder: LocalEmbedder, tmp_path: Path) -> Library:
    folder = tmp_path / "help"
    folder.mkdir()
    library = Library(database, embedder, folder)
    library.write({"rockets.md": ROCKETS, "boats.md": BOATS})
    return library


@dataclass(frozen=True)
class CountingEmbedder:
    """Counts what it embeds, in vectors of its own; notes whether a transaction was open meanwhile."""

    db: Database
    texts: list[str]
    model_id: str = "counting:1"
    dimensions: int = 3

    async def load(self) -> None:
        pass

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.texts.extend(texts)
        async with self.db.transaction() as tx:
            row = await (
                await tx.execute(
                    """
                    select count(*) from pg_stat_activity
                     where datname = current_database() and state like 'idle in transaction%'
                    """
                )
            ).fetchone()
        assert row == (0,)
        return np.array([[len(text) + 1, 1, 2] for text in texts], dtype=np.float32)


@dataclass(frozen=True)
class WithCompany:
    db: Database
    embedder: LocalEmbedder
    company: Company


@dataclass(frozen=True)
class Counting:
    db: Database
    embedder: CountingEmbedder


async def article(library: Library, slug: str) -> Article:
    async with library.db.transaction() as tx:
        found = await knowledge.find_article(tx, slug)
    assert found is not None
    return found


async def test_files_become_articles_that_are_found(library: Library) -> None:
    report = await library.load()

    assert (report.added, report.passages, report.problems) == (("boats", "rockets"), 2, ())
    assert (await article(library, "rockets")).source == str(library.folder)
    assert (await library.search("press the button to start"))[0].article == "rockets"


async def test_loading_twice_changes_nothing(library: Library) -> None:
    await library.load()
    before = await article(library, "boats")

    report = await library.load()

    assert (report.added, report.changed, report.removed, report.passages) == ((), (), (), 0)
    assert report.unchanged == ("boats", "rockets")
    assert await article(library, "boats") == before


async def test_only_what_changed_is_embedded_and_no_transaction_is_open_meanwhile(library: Library) -> None:
    counting = Counting(library.db, CountingEmbedder(library.db, []))
    await load_knowledge(counting, [library.folder])
    counting.embedder.texts.clear()
    library.write({"boats.md": BOATS.replace("rope", "line")})

    await load_knowledge(counting, [library.folder])

    assert counting.embedder.texts
    assert all("moor" in text for text in counting.embedder.texts)


async def test_a_changed_article_has_a_higher_version_and_its_old_passages_are_gone(library: Library) -> None:
    await library.load()
    library.write({"boats.md": "# Boats\n\n## How do I anchor?\n\nDrop the anchor and let the chain run out slowly.\n"})

    report = await library.load()

    assert (report.changed, report.unchanged) == (("boats",), ("rockets",))
    assert (await article(library, "boats")).version == 2
    hits = await library.search("moor a boat at the quay with a rope", limit=50)
    assert {(hit.article, hit.version) for hit in hits} == {("boats", 2), ("rockets", 1)}
    assert all("bollard" not in hit.body for hit in hits)
    assert await library.count("passages") == await library.count("vectors") == 2


async def test_what_vanished_is_removed(library: Library) -> None:
    await library.load()
    (library.folder / "boats.md").unlink()

    report = await library.load()

    assert report.removed == ("boats",)
    assert {hit.article for hit in await library.search("moor a boat", limit=50)} == {"rockets"}


async def test_what_comes_back_is_found_again_under_a_higher_version(library: Library) -> None:
    await library.load()
    (library.folder / "boats.md").unlink()
    await library.load()
    library.write({"boats.md": BOATS})

    report = await library.load()

    assert report.changed == ("boats",)
    assert (await library.search("moor a boat"))[0].version == 2


async def test_another_folder_takes_nothing_away_and_keeps_its_own_names(library: Library, tmp_path: Path) -> None:
    await library.load()
    other = replace(library, folder=tmp_path / "other")
    other.write({"boats.md": BOATS.replace("boat", "ship")})

    report = await other.load()

    assert (report.added, report.removed) == (("other-boats",), ())
    assert (await other.load()).unchanged == ("other-boats",)
    assert (await library.load()).unchanged == ("boats", "rockets")


async def test_a_single_file_belongs_to_its_folder_and_takes_nothing_away(library: Library) -> None:
    await library.load()
    library.write({"boats.md": BOATS.replace("rope", "line")})

    report = await load_knowledge(library, [library.folder / "boats.md"])

    assert (report.changed, report.removed) == (("boats",), ())


async def test_a_broken_file_is_reported_and_the_rest_loads(library: Library) -> None:
    library.write({"broken.md": b"\xff\xfa\x00", "yaml.md": "---\na: [\n---\n# A\n\nB."})

    report = await library.load()

    assert report.added == ("boats", "rockets")
    assert [Path(problem.path).name for problem in report.problems] == ["broken.md", "yaml.md"]


async def test_an_article_whose_file_broke_stays_as_it_was(library: Library) -> None:
    await library.load()
    library.write({"boats.md": b"\xff\xfa\x00"})

    report = await library.load()

    assert (report.removed, len(report.problems)) == ((), 1)
    assert (await library.search("moor a boat"))[0].article == "boats"


async def test_two_files_with_one_slug_are_reported(library: Library) -> None:
    library.write({"more/boats.md": "---\nslug: boats\n---\n# Other\n\nText about something else."})

    report = await library.load()

    assert report.added == ("boats", "rockets")
    assert "slug 'boats'" in report.problems[0].reason


async def test_a_path_that_is_not_there_is_reported(library: Library) -> None:
    report = await load_knowledge(library, [library.folder / "nowhere"])

    assert "no such file" in report.problems[0].reason


async def test_an_emptied_folder_removes_everything_of_it(library: Library) -> None:
    await library.load()
    for file in library.folder.iterdir():
        file.unlink()

    assert (await library.load()).removed == ("boats", "rockets")
    assert await library.search("moor a boat") == []


async def test_markdown_html_and_plain_text_load(library: Library) -> None:
    library.write(
        {
            "kites.html": "<h1>Kites</h1><h2>How do I fly a kite?</h2><p>Run against the wind.</p>",
            "trains.txt": "Trains\n\nHow do I stop a train?\n\nPull the brake handle next to the door.\n",
            "photo.png": b"\x89PNG",
            ".hidden.md": "# Secret\n\nText.",
        }
    )

    report = await library.load()

    assert report.added == ("boats", "kites", "rockets", "trains")
    assert (await library.search("let a kite rise"))[0].article == "kites"
    assert (await library.search("halt the train"))[0].article == "trains"


async def test_progress_is_told_for_every_file(library: Library) -> None:
    seen: list[Progress] = []

    await load_knowledge(library, [library.folder], progress=seen.append)

    assert seen == [Progress(1, 2, "boats.md", "added"), Progress(2, 2, "rockets.md", "added")]


async def test_the_companys_own_articles_have_their_own_source(library: Library, company: Company) -> None:
    mine = company.model_copy(update={"folder": library.folder.parent})
    library.folder.rename(mine.knowledge_dir)

    await load_company_knowledge(WithCompany(library.db, library.embedder, mine))

    assert (await article(library, "boats")).source == "company"
