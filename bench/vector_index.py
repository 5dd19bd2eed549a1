"""Both ways of searching, compared as the collection grows: every vector in turn, and candidates by an HNSW index.

    python -m bench.vector_index [--short] [--sizes 1000,3000,10000,30000] [--json]

Synthetic passages with a fixed seed: vectors of 384 numbers from a mixture of clusters (one for every 40 passages), and
70 words each from a vocabulary that follows Zipf's law, so that common words have long lists of postings, as they do in
life. Queries are a passage's vector with noise, four of its words and eight common ones. Real help centres cluster
otherwise: take the recall as an estimate, the times as what PostgreSQL does with this much data. A tenth of the
articles is in another language or of another product; the filtered queries ask for those.

Recall is the share of the first ten passages of the full search (vectors and words) that the indexed one gives too.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Final
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from deskhand import knowledge
from deskhand.db import Database, Tx, migrate
from deskhand.embedded import throwaway_server
from deskhand.ids import uuid7
from deskhand.knowledge.models import Candidate
from deskhand.knowledge.queries import list_candidates, vector_literal
from deskhand.knowledge.vector_queries import configure_scan, is_index_ready, list_near_candidates

MODEL: Final = "synthetic:1"
DIMENSIONS: Final = 384
SIZES: Final = (1_000, 3_000, 10_000, 30_000)
SHORT: Final = (1_000, 3_000)
QUERIES: Final = 30
PER_ARTICLE: Final = 5
WORDS: Final = 70
VOCABULARY: Final = 20_000
NOISE: Final = 0.55
TOP: Final = 10

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]
KINDS: Final = {"all": ("en", ""), "one language": ("de", ""), "one product": ("en", "other")}


@dataclass(frozen=True)
class Collection:
    vectors: Floats
    words: Integers
    weights: NDArray[np.float64]
    random: np.random.Generator


@dataclass(frozen=True)
class Question:
    vector: Floats
    terms: list[str]


@dataclass
class Result:
    passages: int
    kind: str
    build_s: float
    recall_at_10: float = 0.0
    exact_ms: float = 0.0
    exact_p95_ms: float = 0.0
    index_ms: float = 0.0
    index_p95_ms: float = 0.0
    times: dict[str, list[float]] = field(default_factory=dict[str, list[float]], repr=False)

    def close(self) -> None:
        self.exact_ms, self.exact_p95_ms = _middle_and_slow(self.times.pop("exact"))
        self.index_ms, self.index_p95_ms = _middle_and_slow(self.times.pop("index"))


def _middle_and_slow(times: Sequence[float]) -> tuple[float, float]:
    return statistics.median(times), sorted(times)[int(len(times) * 0.95)]


def make(size: int) -> Collection:
    random = np.random.default_rng(20_260_216)
    centres = _unit(random.standard_normal((max(size // 40, 8), DIMENSIONS)))
    chosen = centres[random.integers(0, len(centres), size)]
    spread = random.standard_normal((size, DIMENSIONS)) / np.sqrt(DIMENSIONS)
    weights = 1 / (np.arange(VOCABULARY, dtype=np.float64) + 3)
    weights /= weights.sum()
    words = random.choice(VOCABULARY, size=(size, WORDS), p=weights)
    return Collection(_unit(chosen + spread), words, weights, random)


def ask(collection: Collection) -> Question:
    random = collection.random
    place = int(random.integers(0, len(collection.vectors)))
    noise = random.standard_normal(DIMENSIONS) * NOISE / np.sqrt(DIMENSIONS)
    vector = _unit((collection.vectors[place] + noise)[np.newaxis])[0]
    own = random.choice(collection.words[place], size=4, replace=False)
    common = random.choice(VOCABULARY, size=8, p=collection.weights)
    return Question(vector, list(dict.fromkeys(f"w{word}" for word in (*own.tolist(), *common.tolist()))))


def _unit(rows: NDArray[np.float64]) -> Floats:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


async def fill(tx: Tx, collection: Collection) -> None:
    """Straight into the tables, with foreign keys unchecked: loading is not what is measured."""
    await tx.execute("set local session_replication_role = replica")
    await tx.execute("truncate articles, knowledge_base, passage_vectors, passage_terms")
    passages = [uuid7() for _ in collection.vectors]
    articles = [uuid7() for _ in range(0, len(passages), PER_ARTICLE)]
    async with tx.cursor() as cursor:
        copy = "copy articles (id, slug, family, title, language, product, source, path, content_hash, body) from stdin"
        async with cursor.copy(copy) as rows:
            for number, article in enumerate(articles):
                language = "de" if number % 10 == 0 else "en"
                product = "other" if number % 10 == 1 else "main"
                name = f"a{number}"
                await rows.write_row((article, name, name, name, language, product, "bench", name, b"x", "x"))
        copy = "copy knowledge_base (id, article_id, version, position, heading, body, term_count) from stdin"
        async with cursor.copy(copy) as rows:
            for place, passage in enumerate(passages):
                body = " ".join(f"w{word}" for word in collection.words[place].tolist())
                owner = articles[place // PER_ARTICLE]
                await rows.write_row((passage, owner, 1, place % PER_ARTICLE, f"h{place}", body, WORDS))
        async with cursor.copy("copy passage_vectors (model, passage_id, embedding, heading) from stdin") as rows:
            for passage, vector in zip(passages, collection.vectors, strict=True):
                literal = vector_literal(vector)
                await rows.write_row((MODEL, passage, literal, literal))
        async with cursor.copy("copy passage_terms (term, passage_id, frequency) from stdin") as rows:
            for passage, words in zip(passages, collection.words, strict=True):
                found, counts = np.unique(words, return_counts=True)
                for word, count in zip(found.tolist(), counts.tolist(), strict=True):
                    await rows.write_row((f"w{word}", passage, count))


async def build(db: Database) -> float:
    async with db.transaction() as tx:
        await tx.execute("analyze articles, knowledge_base, passage_vectors, passage_terms")
    began = time.perf_counter()
    async with db.transaction() as tx:
        plan = await knowledge.plan_index(tx, MODEL, dimensions=DIMENSIONS, exact_up_to=0)
        await knowledge.count_collection(tx)
    async with db.listening() as connection:
        await knowledge.carry_out(connection, plan, MODEL, dimensions=DIMENSIONS)
    async with db.transaction() as tx:
        assert await is_index_ready(tx, MODEL)
    return time.perf_counter() - began


async def compare(db: Database, collection: Collection, kind: str, build_s: float) -> Result:
    language, product = KINDS[kind]
    result = Result(len(collection.vectors), kind, build_s, times={"exact": [], "index": []})
    for number in range(QUERIES + 3):
        question = ask(collection)
        found: dict[str, set[UUID]] = {}
        for name in ("exact", "index"):
            async with db.transaction() as tx:
                began = time.perf_counter()
                candidates = await search(tx, name, question, language, product)
                if number >= 3:  # the first ones warm the cache
                    result.times[name].append((time.perf_counter() - began) * 1000)
            found[name] = {candidate.passage_id for candidate in candidates}
        if number >= 3:
            result.recall_at_10 += len(found["exact"] & found["index"]) / max(len(found["exact"]), 1) / QUERIES
    result.close()
    return result


async def search(tx: Tx, name: str, question: Question, language: str, product: str) -> list[Candidate]:
    if name == "index":
        await configure_scan(tx)
    run = list_near_candidates if name == "index" else list_candidates
    return await run(tx, question.terms, [question.vector], model=MODEL, language=language, product=product, limit=TOP)


async def run(sizes: Sequence[int]) -> list[Result]:
    results: list[Result] = []
    with throwaway_server() as server:
        await migrate(server.conninfo)
        db = Database(server.conninfo, pool_size=2)
        await db.open()
        for size in sizes:
            collection = make(size)
            async with db.transaction() as tx:
                await fill(tx, collection)
            build_s = await build(db)
            results += [await compare(db, collection, kind, build_s) for kind in KINDS]
            async with db.transaction() as tx:
                await tx.execute(b"drop index " + knowledge.index_name(MODEL).encode())
        await db.close()
    return results


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--short", action="store_true", help="small collections only")
    parser.add_argument("--sizes", help="numbers of passages, comma-separated")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    sizes = [int(part) for part in given.sizes.split(",")] if given.sizes else SHORT if given.short else SIZES
    results = asyncio.run(run(sizes))
    if given.json:
        rows = [{name: value for name, value in asdict(one).items() if name != "times"} for one in results]
        print(json.dumps({"results": rows}))
        return
    print("| passages | asked for | build s | recall@10 | exact ms | p95 | index ms | p95 |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for one in results:
        times = " | ".join(f"{ms:.1f}" for ms in (one.exact_ms, one.exact_p95_ms, one.index_ms, one.index_p95_ms))
        print(f"| {one.passages:,} | {one.kind} | {one.build_s:.1f} | {one.recall_at_10:.3f} | {times} |")


if __name__ == "__main__":
    main()
