"""Fits the constants of deskhand/knowledge/ranking.py: how likely it is that the best passage answers.

    python -m training.fit_answerability [--check]

Data: evals/knowledge/questions.jsonl, written for this project. Each is used as it stands and in a longer message.
A query counts as answered when the best passage is of a right article; for a question without an article never. The
figures printed are from cross-validation by question; the constants from all of it. Nothing is random. With --check
only the constants in the code are judged. "Any model" is what serves other embedding models, and passages whose tokens
were not kept: no feature in it depends on a model's own range of cosines. It is fitted on the local model's.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NotRequired, TypedDict, cast

import numpy as np
from numpy.typing import NDArray

from deskhand.company_folder import Company, load_company
from deskhand.db import Database, migrate
from deskhand.embedded import throwaway_server
from deskhand.flows.ingest import load_company_knowledge
from deskhand.inference import LocalEmbedder
from deskhand.knowledge import read_query
from deskhand.knowledge.queries import list_candidates
from deskhand.knowledge.ranking import ANY_MODEL, ANY_MODEL_FOREIGN, ENGLISH, FOREIGN, Scale, features, order

ROOT = Path(__file__).parents[1]
Matrix = NDArray[np.float64]
SETS = (ROOT / "evals" / "knowledge" / "questions.jsonl",)
SEND, FLAG, HOLD = 0.60, 0.45, 0.35
RIDGE = 1.0
SCALES = (ENGLISH, FOREIGN, ANY_MODEL, ANY_MODEL_FOREIGN)
FOLDS = 10
BEFORE = (
    "We've been with you since March and the team is quite happy so far.",
    "I'm setting things up for our marketing department this week.",
    "I looked around in the menus for half an hour without luck.",
    "My manager asked me to sort this out before our meeting tomorrow.",
)
AFTER = (
    "Thanks a lot in advance for your help.",
    "We are on Pro and use Chrome on Windows.",
    "It would be great to know today if possible.",
    "Many greetings from Anna at Bluewater Ltd.",
)


class Question(TypedDict):
    question: str
    article: str | None
    also: NotRequired[list[str]]
    language: NotRequired[str]


@dataclass(frozen=True)
class Parts:
    db: Database
    embedder: LocalEmbedder
    company: Company


@dataclass(frozen=True)
class Case:
    """One query: features on each scale, whether its best passage is right, and the question that it was made of."""

    group: int
    plain: bool
    foreign: bool
    answerable: bool
    right: bool
    values: dict[str, tuple[float, ...]]


def frame(question: str, index: int) -> str:
    """The question in the middle of a longer message."""
    mark = "" if question[-1] in ".?!" else "?"
    return f"{BEFORE[index % 4]} {question[0].upper()}{question[1:]}{mark} {AFTER[index // 4 % 4]}"


async def read_cases() -> list[Case]:
    rows: list[Question] = [json.loads(line) for path in SETS for line in path.read_text("utf-8").splitlines()]
    cases: list[Case] = []
    with throwaway_server() as server:
        await migrate(server.conninfo)
        db = Database(server.conninfo, pool_size=2)
        await db.open()
        desk = Parts(db, LocalEmbedder(), load_company(ROOT / "src" / "deskhand" / "company"))
        await load_company_knowledge(desk)
        for index, row in enumerate(rows):
            language = row.get("language", "en")
            texts = [row["question"]] if language != "en" else [row["question"], frame(row["question"], index)]
            for plain, text in zip((True, False), texts, strict=False):
                cases.append(await _case(desk, index, row, text, plain, language))
        await db.close()
    return cases


async def _case(desk: Parts, group: int, row: Question, text: str, plain: bool, language: str) -> Case:
    query = await read_query(desk.embedder, text)
    async with desk.db.transaction() as tx:
        found = await list_candidates(
            tx, query.terms, list(query.vectors), model=query.model, language=language, limit=8
        )
    found = order(found)
    right = row["article"] is not None and found[0].article in [row["article"], *row.get("also", [])]
    values = {scale.name: features(scale, found[0], found, query) for scale in SCALES}
    return Case(group, plain, language != "en", row["article"] is not None, right, values)


def fit(values: Matrix, right: NDArray[np.bool_]) -> tuple[float, Matrix]:
    """Intercept and weights of a logistic regression with a ridge on the scaled weights, by Newton's method."""
    mean, scale = np.asarray(values.mean(0), np.float64), np.asarray(values.std(0), np.float64)
    design = np.column_stack((np.ones(len(values)), (values - mean) / scale)).astype(np.float64)
    ridge = np.eye(design.shape[1], dtype=np.float64) * RIDGE
    ridge[0, 0] = 0
    weights = np.zeros(design.shape[1], dtype=np.float64)
    for _ in range(30):
        chance = sigmoid(np.matmul(design, weights))
        gradient = np.matmul(design.T, chance - right.astype(np.float64)) + np.matmul(ridge, weights)
        bend = np.matmul(design.T * (chance * (1 - chance)), design) + ridge
        step = cast("Matrix", np.linalg.solve(bend, gradient))
        weights = np.subtract(weights, step)
    unscaled = np.divide(weights[1:], scale)
    return float(weights[0] - np.vdot(unscaled, mean)), unscaled


def sigmoid(values: Matrix) -> Matrix:
    return np.divide(1.0, 1.0 + np.exp(np.negative(values)))


def auroc(right: NDArray[np.bool_], scores: Matrix) -> float:
    """How often a right one scores above a wrong one."""
    above = scores[right][:, None] > scores[~right][None, :]
    level = scores[right][:, None] == scores[~right][None, :]
    return float((above + level / 2).mean())


def judge(cases: list[Case], scores: Matrix, name: str) -> None:
    right = np.array([case.right for case in cases])
    answerable = np.array([case.answerable for case in cases])
    sent, held = scores >= SEND, scores < HOLD
    sys.stdout.write(
        f"{name:34} n={len(cases):4} AUROC {auroc(right, scores):.3f}"
        f" | right: send {sent[right].mean():.2f}, below hold {held[right].mean():.2f}"
        f" | wrong article: send {sent[answerable & ~right].mean():.2f}"
        f" | no article: send {sent[~answerable].mean():.2f}, flag or more {(scores >= FLAG)[~answerable].mean():.2f},"
        f" below hold {held[~answerable].mean():.2f}"
        f" | right of those sent {right[sent].mean():.3f} ({sent.sum()})\n"
    )


def cross_validate(cases: list[Case], scale: Scale) -> Matrix:
    values, right = arrays(cases, scale)
    scores = np.zeros(len(cases))
    folds = np.array([case.group * 7_919 % FOLDS for case in cases])
    for fold in range(FOLDS):
        test = folds == fold
        intercept, weights = fit(values[~test], right[~test])
        scores[test] = sigmoid(intercept + np.matmul(values[test], weights))
    return scores


def arrays(cases: list[Case], scale: Scale) -> tuple[Matrix, NDArray[np.bool_]]:
    return np.array([case.values[scale.name] for case in cases]), np.array([case.right for case in cases])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    cases = asyncio.run(read_cases())
    english = [case for case in cases if not case.foreign]
    others = [case for case in cases if case.foreign]
    for name, scale, chosen in (
        ("English", ENGLISH, [case for case in english if case.plain]),
        ("English, in a mail", ENGLISH, [case for case in english if not case.plain]),
        ("other languages", FOREIGN, others),
        ("English, any model", ANY_MODEL, english),
        ("other languages, any model", ANY_MODEL_FOREIGN, others),
    ):
        judge(chosen, np.array([scale.score(case.values[scale.name]) for case in chosen]), f"in the code: {name}")
    if check:
        return
    for scale, chosen in zip(SCALES, (english, others, english, others), strict=True):
        judge(chosen, cross_validate(chosen, scale), f"cross-validated: {scale.name}")
        intercept, weights = fit(*arrays(chosen, scale))
        sys.stdout.write(
            f"{scale.name}: {intercept:.3f}, ({', '.join(f'{weight:.3f}' for weight in weights.tolist())})\n"
        )


if __name__ == "__main__":
    main()
