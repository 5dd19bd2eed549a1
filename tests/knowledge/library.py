"""Small help centres for tests, and searching them the way the agent does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deskhand.agent.tools.search_knowledge_base import look_up
from deskhand.db import Database
from deskhand.flows.ingest import LoadReport, load_knowledge
from deskhand.inference import LocalEmbedder
from deskhand.knowledge import Hit
from deskhand.settings import COMPANY_THAT_SHIPS


@dataclass(frozen=True)
class Library:
    """A folder of articles and what searches it; it satisfies what a load needs of a desk."""

    db: Database
    embedder: LocalEmbedder
    folder: Path

    def write(self, files: Mapping[str, str | bytes]) -> None:
        for name, content in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)

    def ship(self, *slugs: str) -> None:
        """Copy articles of the company that ships."""
        for slug in slugs:
            (source,) = (COMPANY_THAT_SHIPS / "knowledge").rglob(f"{slug}.md")
            self.write({source.name: source.read_bytes()})

    async def load(self) -> LoadReport:
        return await load_knowledge(self, [self.folder])

    async def search(self, query: str, *, language: str = "en", limit: int = 5, product: str = "") -> list[Hit]:
        return await look_up(self.db, self.embedder, query, limit=limit, language=language, product=product)

    async def count(self, table: str) -> int:
        counts = {
            "passages": "select count(*) from knowledge_base",
            "vectors": "select count(*) from passage_vectors",
            "terms": "select count(*) from passage_terms",
        }
        async with self.db.transaction() as tx:
            row = await (await tx.execute(counts[table].encode())).fetchone()
        assert row is not None
        return int(row[0])
