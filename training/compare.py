"""Compares ways to find a rule, on the same messages: `python -m training.compare --held held.npz eval.jsonl ...`.

Cross-validated on the training messages, then trained on all of them and measured on the sets given; prints Markdown.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

import deskhand
from deskhand.agent import policy
from deskhand.agent.triage import TriageInput, build_triage
from deskhand.agent.triage.patterns import Patterns
from deskhand.agent.triage.text import clauses, joined
from deskhand.company_folder import Company, load_company
from deskhand.inference import LocalEmbedder
from training.data import LABELS, RULES, read_lines
from training.fit import Recipe
from training.judge import HEADINGS, Counts, Truth, count, decided, truth_of
from training.ngram_head import calibrate, chances, regression
from training.train_triage import FOLDS, Corpus, prepare

Array = NDArray[np.float32]

COMPANY: Final = Path(deskhand.__file__).parent / "company"
HALF: Final = np.full(len(RULES), 0.5, np.float32)


@dataclass(frozen=True, slots=True)
class Ticket:
    """One line of an evaluation set."""

    message: TriageInput
    truth: Truth

    @property
    def text(self) -> str:
        return joined(self.message.subject, self.message.body)


def read_tickets(path: Path) -> list[Ticket]:
    tickets: list[Ticket] = []
    for raw in path.read_text(encoding="utf-8").splitlines():
        entry = cast(dict[str, Any], json.loads(raw))
        message = TriageInput(entry.get("subject") or "", entry["message"], entry["channel"], entry["plan"])
        expect = cast(dict[str, Any], entry["expect"])
        tickets.append(Ticket(message, Truth(expect["decision"], tuple(expect["rules"]))))
    return tickets


def by_patterns(company: Company, texts: Sequence[str]) -> Array:
    """1 where a pattern of the folder hits."""
    found = np.zeros((len(texts), len(LABELS)), np.float32)
    for rule in company.escalation.rules:
        patterns = Patterns(rule.patterns, rule.unless)
        column = LABELS.index(rule.name)
        for row, text in enumerate(texts):
            found[row, column] = bool(patterns.find([clause.text for clause in clauses(text)]))
    return found


def by_examples(company: Company, vectors: dict[str, Array], texts: Sequence[str]) -> Array:
    """How much nearer the nearest example of a rule is than the nearest counterexample of any, as a raw score."""
    found = np.zeros((len(texts), len(LABELS)), np.float32)
    against = [text for rule in company.escalation.rules for text in rule.counterexamples]
    queries = np.stack([vectors[text] for text in texts])
    unwanted = (queries @ np.stack([vectors[text] for text in against]).T).max(axis=1)
    for rule in company.escalation.rules:
        wanted = (queries @ np.stack([vectors[text] for text in rule.examples]).T).max(axis=1)
        found[:, LABELS.index(rule.name)] = wanted - 0.5 * unwanted
    return found


def fit_columns(features: Array, labels: Array, strength: float) -> Callable[[Array], Array]:
    """A logistic regression for each label."""
    models = [regression(strength).fit(features, labels[:, column]) for column in range(labels.shape[1])]
    weights = np.stack([model.coef_[0] for model in models])
    biases = np.asarray([model.intercept_[0] for model in models])
    return lambda other: np.asarray(1 / (1 + np.exp(-(other @ weights.T + biases))), dtype=np.float32)


def fit_single(features: Array, labels: Array) -> Callable[[Array], Array]:
    """Each label from its own score alone: a calibrated threshold."""
    models = [regression(100.0).fit(features[:, [column]], labels[:, column]) for column in range(labels.shape[1])]
    weights = np.asarray([model.coef_[0][0] for model in models])
    biases = np.asarray([model.intercept_[0] for model in models])
    return lambda other: np.asarray(1 / (1 + np.exp(-(other * weights + biases))), dtype=np.float32)


def held_out(
    corpus: Corpus, features: Array, labels: Array, learn: Callable[[Array, Array], Callable[[Array], Array]]
) -> Array:
    found = np.zeros_like(labels)
    for fold in range(FOLDS):
        seen, unseen = corpus.fold != fold, corpus.fold == fold
        found[unseen] = learn(features[seen], labels[seen])(features[unseen])
    return found


def judged(found: Array, truths: Sequence[Truth]) -> Counts:
    return count([decided(row, HALF) for row in found], truths)


async def embed(texts: Sequence[str]) -> dict[str, Array]:
    embedder = LocalEmbedder()
    wanted = list(dict.fromkeys(texts))
    vectors = await embedder.embed(wanted)
    embedder.close()
    return dict(zip(wanted, vectors, strict=True))


async def through_the_engine(company: Company, tickets: Sequence[Ticket]) -> Counts:
    embedder = LocalEmbedder()
    engine = build_triage(company, embedder)
    decisions: list[tuple[str, str | None]] = []
    for ticket in tickets:
        verdict = policy.decide(await engine.read(ticket.message))
        decisions.append((verdict.decision, verdict.rule))
    embedder.close()
    return count(decisions, [ticket.truth for ticket in tickets])


async def run(held: Path, sets: Sequence[Path]) -> None:
    company = load_company(COMPANY)
    corpus = prepare(read_lines(), Recipe())
    wide = len(RULES) + 1
    labels = corpus.labels[:, :wide]
    texts = [line.text for line in corpus.lines]
    tickets = {path.stem: read_tickets(path) for path in sets}
    others = [ticket.text for chosen in tickets.values() for ticket in chosen]
    folder = [text for rule in company.escalation.rules for text in (*rule.examples, *rule.counterexamples)]
    vectors = await embed([*texts, *others, *folder])
    truths = [truth_of(line.rules) for line in corpus.lines]

    def pooled(chosen: Sequence[str]) -> Array:
        return np.stack([vectors[text] for text in chosen]) * np.float32(5)

    def near(chosen: Sequence[str]) -> Array:
        return by_examples(company, vectors, chosen)[:, :wide]

    def head(features: Array, target: Array) -> Callable[[Array], Array]:
        return fit_columns(features, target, 1.0)

    rows: list[tuple[str, str, Counts]] = []
    rows.append(("patterns alone", "cross-validated", judged(by_patterns(company, texts), truths)))
    rows.append(
        ("nearest example", "cross-validated", judged(held_out(corpus, near(texts), labels, fit_single), truths))
    )
    rows.append(
        ("head on pooled vectors", "cross-validated", judged(held_out(corpus, pooled(texts), labels, head), truths))
    )
    with np.load(held) as kept:
        network, ngrams = cast(Array, kept["network"]), cast(Array, kept["ngrams"])
    for name, first, second in (
        ("n-grams", network * 0, ngrams),
        ("network", network, ngrams * 0),
        ("network and n-grams", network, ngrams),
    ):
        learned = calibrate(first, second, corpus.labels, corpus.known, corpus.foreign)
        rows.append((name, "cross-validated", judged(chances(first, second, learned, corpus.foreign), truths)))
    nearest, plain = fit_single(near(texts), labels), head(pooled(texts), labels)
    for name, chosen in tickets.items():
        wanted = [ticket.truth for ticket in chosen]
        asked = [ticket.text for ticket in chosen]
        rows.append(("patterns alone", name, judged(by_patterns(company, asked), wanted)))
        rows.append(("nearest example", name, judged(nearest(near(asked)), wanted)))
        rows.append(("head on pooled vectors", name, judged(plain(pooled(asked)), wanted)))
        rows.append(("the engine (all together)", name, await through_the_engine(company, chosen)))
    sys.stdout.write(f"| method | messages | {' | '.join(HEADINGS)} |\n{'| --- ' * (len(HEADINGS) + 2)}|\n")
    for name, where, counts in rows:
        sys.stdout.write(f"| {name} | {where} | {' | '.join(counts.row())} |\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--held", type=Path, required=True, help="what train_triage --held wrote")
    parser.add_argument("sets", type=Path, nargs="*")
    given = parser.parse_args()
    asyncio.run(run(given.held, given.sets))


if __name__ == "__main__":
    main()
