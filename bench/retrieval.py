"""Retrieval measured: vectors, BM25 and their mix against what one would do first with PostgreSQL.

    python bench/retrieval.py [--json] [--stackfaq FOLDER]

Sets: evals/knowledge/questions.jsonl on the help centre that ships (wordings unlike its articles), and, when its
folder is there, StackFAQ web apps (Karan & Šnajder 2018: 62 threads, people's rephrasings of the questions; each thread
is an article with up to three answers as passages). All methods run on the same database in the same run.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import re
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TypedDict, cast

import numpy as np
from numpy.typing import NDArray

from deskhand import knowledge
from deskhand.company_folder import Company, load_company
from deskhand.db import Database, Tx, migrate
from deskhand.embedded import throwaway_server
from deskhand.flows.ingest import load_company_knowledge
from deskhand.inference import LocalEmbedder
from deskhand.knowledge import Document, Embedded, Section
from deskhand.knowledge.queries import list_candidates
from deskhand.knowledge.ranking import order
from deskhand.knowledge.terms import query_terms
from deskhand.settings import COMPANY_THAT_SHIPS

ROOT = Path(__file__).parents[1]
STACKFAQ = ROOT.parent / "shared" / "data" / "stackfaq-webapps"
DEPTH = 40  # passages, so that ten different articles are among them
ANSWERS = 3
SHARES = (0.05, 0.1, 0.15, 0.2, 0.3, 0.5)

EXACT = """
    select a.slug
      from passage_vectors v
      join knowledge_base k on k.id = v.passage_id
      join articles a on a.id = k.article_id
     where v.model = %(model)s and a.language = %(language)s order by v.embedding <=> %(vector)s::vector limit %(depth)s
"""
TS_RANK = """
    select a.slug
      from knowledge_base k
      join articles a on a.id = k.article_id
     cross join (select to_tsquery('english', %(words)s) as query) q
     where k.search @@ q.query and a.language = %(language)s
     order by ts_rank_cd(k.search, q.query) desc limit %(depth)s
"""


WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Parts:
    db: Database
    embedder: LocalEmbedder
    company: Company


@dataclass(frozen=True)
class Question:
    text: str
    right: frozenset[str]
    language: str = "en"


@dataclass
class Result:
    """One method on one set; `ms` is the median of the database's part, without making the vector."""

    set: str
    method: str
    n: int
    recall_at_1: float = 0.0
    recall_at_5: float = 0.0
    ndcg_at_10: float = 0.0
    ms: float = 0.0
    times: list[float] = field(default_factory=list[float], repr=False)

    def note(self, ranked: Sequence[str], right: frozenset[str], seconds: float) -> None:
        articles = list(dict.fromkeys(ranked))
        place = next((index for index, slug in enumerate(articles) if slug in right), None)
        self.times.append(seconds * 1000)
        if place is not None:
            self.recall_at_1 += (place < 1) / self.n
            self.recall_at_5 += (place < 5) / self.n
            self.ndcg_at_10 += (1 / math.log2(place + 2) if place < 10 else 0) / self.n
        self.ms = statistics.median(self.times)


class Row(TypedDict):
    question: str
    article: str | None
    also: list[str]
    language: str


class Thread(TypedDict):
    question: str
    answer: list[str]
    rephr: list[str]


Vectors = NDArray[np.float32]
Method = Callable[[Tx, Question, Vectors], Awaitable[list[str]]]


def mixed(desk: Parts, share: float, *, parts: bool = True) -> Method:
    async def run(tx: Tx, question: Question, vectors: Vectors) -> list[str]:
        chosen = vectors if parts else vectors[:1]
        found = await list_candidates(
            tx,
            query_terms(question.text),
            list(chosen),
            model=desk.embedder.model_id,
            language=question.language,
            limit=DEPTH,
            share=share,
        )
        return [candidate.article for candidate in order(found)]

    return run


def exact(desk: Parts) -> Method:
    async def run(tx: Tx, question: Question, vectors: Vectors) -> list[str]:
        vector = "[" + ",".join(str(value) for value in vectors[0].tolist()) + "]"
        values = {"model": desk.embedder.model_id, "vector": vector, "language": question.language, "depth": DEPTH}
        return [row[0] for row in await (await tx.execute(EXACT.encode(), values)).fetchall()]

    return run


async def ts_rank(tx: Tx, question: Question, vectors: Vectors) -> list[str]:
    words = " | ".join(dict.fromkeys(WORD.findall(question.text.lower()))) or "nothing"
    values = {"words": words, "language": question.language, "depth": DEPTH}
    return [row[0] for row in await (await tx.execute(TS_RANK.encode(), values)).fetchall()]


def fused(first: Method, second: Method) -> Method:
    """Reciprocal ranks with equal weights, k = 60: the usual advice."""

    async def run(tx: Tx, question: Question, vectors: Vectors) -> list[str]:
        scores: dict[str, float] = {}
        for method in (first, second):
            for place, slug in enumerate(dict.fromkeys(await method(tx, question, vectors))):
                scores[slug] = scores.get(slug, 0) + 1 / (61 + place)
        return sorted(scores, key=scores.__getitem__, reverse=True)

    return run


def methods(desk: Parts) -> dict[str, Method]:
    bm25 = mixed(desk, 1.0)
    return {
        "tsvector, any word, ts_rank_cd": ts_rank,
        "vectors, plain": exact(desk),
        "vectors + ts_rank_cd by RRF": fused(exact(desk), ts_rank),
        "vectors + BM25 by RRF": fused(exact(desk), bm25),
        "ours: BM25 alone": bm25,
        "ours: vectors alone": mixed(desk, 0.0),
        **{f"ours: mix, {share:.2f} BM25": mixed(desk, share) for share in SHARES},
    }


async def measure(desk: Parts, name: str, questions: Sequence[Question]) -> list[Result]:
    vectors = [await desk.embedder.embed(knowledge.query_parts(question.text)) for question in questions]
    results: list[Result] = []
    for method, run in methods(desk).items():
        result = Result(name, method, len(questions))
        for question, rows in zip(questions, vectors, strict=True):
            async with desk.db.transaction() as tx:
                began = time.perf_counter()
                ranked = await run(tx, question, rows)
                result.note(ranked, question.right, time.perf_counter() - began)
        results.append(result)
    return results


def own_questions() -> tuple[list[Question], list[Question]]:
    """In English, and in other languages."""
    rows = [
        cast("Row", json.loads(line))
        for line in (ROOT / "evals" / "knowledge" / "questions.jsonl").read_text("utf-8").splitlines()
    ]
    questions = [
        Question(row["question"], frozenset([row["article"], *row.get("also", [])]), row.get("language", "en"))
        for row in rows
        if row["article"] is not None
    ]
    return [one for one in questions if one.language == "en"], [one for one in questions if one.language != "en"]


async def load_stackfaq(desk: Parts, folder: Path) -> list[Question]:
    threads = cast("list[Thread]", json.loads((folder / "faq_half.json").read_text("utf-8")))
    questions: list[Question] = []
    for number, thread in enumerate(threads):
        slug = f"thread-{number}"
        answers = [answer for answer in thread["answer"] if answer.strip()][:ANSWERS]
        texts = [knowledge.texts_to_embed(thread["question"], "", answer) for answer in answers]
        vectors = await desk.embedder.embed([text for pair in texts for text in pair])
        embedded = [Embedded(vectors[index], vectors[index + 1]) for index in range(0, len(vectors), 2)]
        document = Document(
            path=slug, slug=slug, family=slug, title=thread["question"], section="", language="en", product="", url="",
            keywords=(), body="\n".join(answers), sections=tuple(Section("", answer) for answer in answers),
        )  # fmt: skip
        async with desk.db.transaction() as tx:
            await knowledge.save(tx, document, source="stackfaq", model=desk.embedder.model_id, vectors=embedded)
        questions += [Question(text, frozenset([slug])) for text in thread["rephr"] if len(text) > 3]
    return questions


async def prepare_tsvector(db: Database) -> None:
    """What the naive peer needs, with its index."""
    async with db.transaction() as tx:
        await tx.execute("alter table knowledge_base add column if not exists search tsvector")
        await tx.execute(
            "update knowledge_base k set search = to_tsvector('english', a.title || ' ' || k.heading || ' ' || k.body)"
            " from articles a where a.id = k.article_id"
        )
        await tx.execute("create index if not exists knowledge_base_search on knowledge_base using gin (search)")


async def run(stackfaq: Path) -> list[Result]:
    results: list[Result] = []
    with throwaway_server() as server:
        await migrate(server.conninfo)
        db = Database(server.conninfo, pool_size=2)
        await db.open()
        desk = Parts(db, LocalEmbedder(), load_company(COMPANY_THAT_SHIPS))
        if stackfaq.is_dir():
            questions = await load_stackfaq(desk, stackfaq)
            await prepare_tsvector(db)
            results += await measure(desk, "StackFAQ web apps", questions)
            async with db.transaction() as tx:
                await tx.execute("delete from articles")
        await load_company_knowledge(desk)
        await prepare_tsvector(db)
        english, others = own_questions()
        results += await measure(desk, "own, English", english)
        results += await measure(desk, "own, other languages", others)
        await db.close()
    return results


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--stackfaq", type=Path, default=STACKFAQ)
    given = parser.parse_args()
    results = asyncio.run(run(given.stackfaq))
    if given.json:
        rows = [{name: value for name, value in asdict(result).items() if name != "times"} for result in results]
        print(json.dumps({"results": rows}))
        return
    print("| set | method | n | recall@1 | recall@5 | nDCG@10 | ms |\n| --- | --- | --- | --- | --- | --- | --- |")
    for one in results:
        figures = " | ".join(f"{value:.3f}" for value in (one.recall_at_1, one.recall_at_5, one.ndcg_at_10))
        print(f"| {one.set} | {one.method} | {one.n} | {figures} | {one.ms:.1f} |")


if __name__ == "__main__":
    main()
