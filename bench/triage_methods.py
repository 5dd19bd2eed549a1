"""Ways to find what a message needs, from the simplest to the one that ships: tickets in, results out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from sklearn import feature_extraction as sklearn_feature_extraction

from deskhand.agent import policy
from deskhand.agent.decision import RuleScore, Triage, Verdict
from deskhand.agent.triage import Engine, TriageInput, build_triage
from deskhand.agent.triage.network import Network
from deskhand.agent.triage.patterns import Patterns
from deskhand.agent.triage.scoring import Scorer
from deskhand.agent.triage.text import clauses, joined
from deskhand.agent.triage.weights import load_weights
from deskhand.company_folder import Company
from deskhand.evals.results import Result
from deskhand.evals.tickets import Ticket
from deskhand.inference import LocalEmbedder, detect_language
from training.data import RULES, Line, label_matrix, read_lines
from training.judge import decided
from training.ngram_head import regression

Array = NDArray[np.float32]
Learned = Callable[[Array], Array]

NAMES = (
    "patterns of the policy alone",
    "nearest example of the policy",
    "TF-IDF and logistic regression",
    "head on the embedding model's vectors",
    "adapted network alone",
    "network and n-grams",
    "all together (ships)",
)
WIDE = len(RULES) + 4  # the rules, then ignore, blocked, frustrated, positive
HALF = np.full(len(RULES), 0.5, np.float32)


@dataclass(frozen=True, slots=True)
class Methods:
    """What the methods have learned, once for all sets."""

    company: Company
    embedder: LocalEmbedder
    engine: Engine
    scorer: Scorer
    network: Network
    labels: tuple[str, ...]
    tfidf: Callable[[Sequence[str]], Array]
    vectors: Callable[[Array], Array]
    near: Callable[[Array], Array]

    async def decide(self, tickets: Sequence[Ticket]) -> Mapping[str, list[Result]]:
        """The results of every method, by its name in `NAMES`."""
        texts = [joined(ticket.subject, ticket.message) for ticket in tickets]
        embedded = await self.embedder.embed(texts)
        raw = np.stack([self.network.read_now(text).logits for text in texts])
        calibrated = [await self._calibrated(text) for text in texts]
        columns = [self.labels.index(label) for label in _columns()]
        found = (
            by_patterns(self.company, texts),
            self.near(nearness(self.company, embedded, await self._examples())),
            self.tfidf(texts),
            self.vectors(embedded * np.float32(5)),
            (1 / (1 + np.exp(-raw[:, columns]))).astype(np.float32),
            np.stack(calibrated)[:, columns],
        )
        results = {name: _results(tickets, scores) for name, scores in zip(NAMES[:-1], found, strict=True)}
        read = [await self.engine.read(_input(ticket)) for ticket in tickets]
        results[NAMES[-1]] = [
            as_result(ticket, policy.decide(each)) for ticket, each in zip(tickets, read, strict=True)
        ]
        return results

    async def read(self, tickets: Sequence[Ticket]) -> list[Triage]:
        return [await self.engine.read(_input(ticket)) for ticket in tickets]

    async def _calibrated(self, text: str) -> Array:
        return (await self.scorer.read(text, english=detect_language(text).code == "en")).chances

    async def _examples(self) -> dict[str, Array]:
        return await example_vectors(self.company, self.embedder)


def _columns() -> list[str]:
    return [*RULES, "ignore"]


def _input(ticket: Ticket) -> TriageInput:
    return TriageInput(ticket.subject, ticket.message, ticket.channel, ticket.plan)


async def learn(company: Company) -> Methods:
    """Fit the methods that learn on the training messages; about two minutes."""
    lines = read_lines()
    labels = label_matrix(lines)[0][:, [*range(len(RULES)), len(RULES)]]
    texts = [line.text for line in lines]
    embedder = LocalEmbedder()
    embedded = await embedder.embed(texts)
    weights = load_weights()
    network = Network(weights)
    examples = await example_vectors(company, embedder)
    near = fit_columns(nearness(company, embedded, examples), labels, 100.0, single=True)
    return Methods(
        company=company,
        embedder=embedder,
        engine=build_triage(company, embedder),
        scorer=Scorer(weights, network),
        network=network,
        labels=weights.labels,
        tfidf=fit_tfidf(lines, labels),
        vectors=fit_columns(embedded * np.float32(5), labels, 1.0),
        near=near,
    )


def fit_tfidf(lines: Sequence[Line], labels: Array) -> Callable[[Sequence[str]], Array]:
    """Words and pairs of words, as a textbook would."""
    vectorizer: Any = cast(Any, sklearn_feature_extraction).text.TfidfVectorizer(
        ngram_range=(1, 2), min_df=2, sublinear_tf=True
    )
    rows: Any = vectorizer.fit_transform([line.text for line in lines])
    learned = fit_columns(rows, labels, 6.0)
    return lambda texts: learned(vectorizer.transform(texts))


def fit_columns(features: Any, labels: Array, strength: float, *, single: bool = False) -> Learned:
    """A logistic regression for each label, from all features or from the label's own column alone."""
    models = [
        regression(strength).fit(features[:, [column]] if single else features, labels[:, column])
        for column in range(labels.shape[1])
    ]
    weights = np.stack([model.coef_[0] for model in models])
    biases = np.asarray([model.intercept_[0] for model in models])

    def scores(other: Any) -> Array:
        raw = other * weights[:, 0] if single else other @ weights.T
        return np.asarray(1 / (1 + np.exp(-(np.asarray(raw) + biases))), dtype=np.float32)

    return scores


def by_patterns(company: Company, texts: Sequence[str]) -> Array:
    """1 where a pattern of the folder hits, for every rule and for `ignore`."""
    found = np.zeros((len(texts), len(RULES) + 1), np.float32)
    for rule in company.escalation.rules:
        patterns = Patterns(rule.patterns, rule.unless)
        for row, text in enumerate(texts):
            found[row, RULES.index(rule.name)] = bool(patterns.find([clause.text for clause in clauses(text)]))
    ignored = Patterns(company.escalation.ignore_patterns)
    for row, text in enumerate(texts):
        found[row, -1] = bool(ignored.find([text]))
    return found


async def example_vectors(company: Company, embedder: LocalEmbedder) -> dict[str, Array]:
    texts = [text for rule in company.escalation.rules for text in (*rule.examples, *rule.counterexamples)]
    return dict(zip(texts, await embedder.embed(texts), strict=True))


def nearness(company: Company, queries: Array, vectors: Mapping[str, Array]) -> Array:
    """How much nearer the nearest example of a rule is than the nearest counterexample of any rule."""
    rules = company.escalation.rules
    against = np.stack([vectors[text] for rule in rules for text in rule.counterexamples])
    unwanted = (queries @ against.T).max(axis=1)
    found = np.zeros((len(queries), len(RULES) + 1), np.float32)
    for rule in rules:
        wanted = (queries @ np.stack([vectors[text] for text in rule.examples]).T).max(axis=1)
        found[:, RULES.index(rule.name)] = wanted - 0.5 * unwanted
    return found


def _results(tickets: Sequence[Ticket], scores: Array) -> list[Result]:
    return [_result(ticket, *_decide(row)) for ticket, row in zip(tickets, scores, strict=True)]


def _decide(row: Array) -> tuple[str, str | None]:
    full = np.zeros(WIDE, np.float32)
    full[: len(RULES) + 1] = row
    return decided(full, HALF)


def _result(ticket: Ticket, decision: str, rule: str | None) -> Result:
    return Result(ticket.id, cast(Any, decision), "", rule, (rule,) if rule else (), 0.0, (), 0.0, 0.0)


def as_result(ticket: Ticket, verdict: Verdict) -> Result:
    return Result(ticket.id, verdict.decision, "", verdict.rule, verdict.rules, verdict.confidence, (), 0.0, 0.0)


def with_thresholds(triage: Triage, always: float, likely: float) -> Verdict:
    """The policy's word, if the rules of the two tiers fired from these chances on."""
    rules = tuple(
        replace(rule, fired=_fires(rule, always if rule.tier == "always" else likely)) for rule in triage.rules
    )
    return policy.decide(replace(triage, rules=rules))


def _fires(rule: RuleScore, threshold: float) -> bool:
    if _stands_alone(rule.evidence):
        return True
    return rule.score >= threshold and all(item.source != "counterexample" for item in rule.evidence)


def _stands_alone(evidence: Sequence[Any]) -> bool:
    """Whether anything but the model's chance speaks for the rule."""
    return any(item.source not in ("model", "counterexample") for item in evidence)
