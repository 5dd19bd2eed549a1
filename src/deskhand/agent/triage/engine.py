"""Reads a customer's message by the company's rules, without any language model."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from deskhand.agent.decision import Evidence, Intent, RuleScore, Triage
from deskhand.agent.triage import conversation, noise, tone
from deskhand.agent.triage.base import TriageInput
from deskhand.agent.triage.nearness import Counterexamples, ExampleRule
from deskhand.agent.triage.patterns import Patterns
from deskhand.agent.triage.scoring import Scorer, Scores
from deskhand.agent.triage.text import clauses, joined
from deskhand.company_folder import Company, Escalation, Rule
from deskhand.inference import Embedder, LanguageGuess, detect_language

PATTERN_SCORE: Final = 0.97
_PERSON_RULE: Final = "human"
_LEAST_WORDS_OF_NOISE: Final = 4
_LONGEST_EVIDENCE: Final = 240


@dataclass(frozen=True, slots=True)
class _Heard:
    """A message as read, before the rules are applied."""

    message: TriageInput
    text: str
    pieces: tuple[str, ...]
    scores: Scores
    intent: Intent
    sentiment: float


class Engine:
    """Satisfies `TriageEngine`: patterns, the trained model and the folder's examples, rule by rule."""

    def __init__(self, company: Company, embedder: Embedder, scorer: Scorer, known: Sequence[str], digest: str) -> None:
        self.digest = digest
        self._escalation: Escalation = company.escalation
        self._embedder = embedder
        self._scorer = scorer
        self._patterns = {rule.name: Patterns(rule.patterns, rule.unless) for rule in self._escalation.rules}
        self._ignore = Patterns(self._escalation.ignore_patterns)
        self._new = {rule.name: ExampleRule(rule) for rule in self._escalation.rules if rule.name not in known}
        self._against = {rule.name: Counterexamples(rule) for rule in self._escalation.rules}
        self._angry_from = next(
            (rule.threshold for rule in self._escalation.rules if rule.sentiment_below is not None), 0.5
        )

    async def load(self) -> None:
        """Makes the model ready, so that the first customer does not wait for it."""
        await self.read(TriageInput("", "ready", "web_form", "pro"))

    async def read(self, message: TriageInput) -> Triage:
        started = time.perf_counter()
        text = joined(message.subject, message.body)
        language = detect_language(text, message.language_hint)
        scores = await self._scorer.read(text, english=language.code == "en")
        intent = tone.intent_of(scores, text)
        heard = _Heard(
            message=message,
            text=text,
            pieces=tuple(clause.text for clause in clauses(text)),
            scores=scores,
            intent=intent,
            sentiment=tone.sentiment_of(scores, self._angry_from),
        )
        rules = await self._excepted(heard, await self._rules(heard))
        ignore = self._noise(heard, rules)
        if ignore is not None:
            rules = tuple(replace(rule, fired=False) for rule in rules)
        return self._triage(heard, language, rules, ignore, started)

    def _triage(
        self,
        heard: _Heard,
        language: LanguageGuess,
        rules: tuple[RuleScore, ...],
        ignore: RuleScore | None,
        started: float,
    ) -> Triage:
        fired = [rule for rule in rules if rule.fired]
        blocked = heard.scores.chance("blocked") or 0.0
        return Triage(
            language=language.code,
            language_confidence=round(language.confidence, 4),
            category=tone.category_of(heard.scores, heard.intent, fired),
            intent=heard.intent,
            sentiment=heard.sentiment,
            urgency=tone.urgency_of(heard.text, heard.intent, blocked, fired, self._escalation.rules),
            rules=rules,
            ignore=ignore,
            milliseconds=round((time.perf_counter() - started) * 1000, 3),
        )

    async def _rules(self, heard: _Heard) -> tuple[RuleScore, ...]:
        nearness = await self._nearness(heard)
        return tuple(self._apply(rule, heard, nearness.get(rule.name)) for rule in self._escalation.rules)

    async def _nearness(self, heard: _Heard) -> dict[str, Evidence]:
        """Evidence from examples, for the rules that the model does not know."""
        if not self._new:
            return {}
        texts = list(dict.fromkeys([" ".join(heard.text.split())[:1000], *heard.pieces]))[:24]
        vectors = await self._embedder.embed(texts)
        found: dict[str, Evidence] = {}
        for name, rule in self._new.items():
            near = await rule.read(self._embedder, texts, vectors)
            found[name] = Evidence("examples", f"{_short(near.clause)} ~ {_short(near.example)}", round(near.score, 4))
        return found

    async def _excepted(self, heard: _Heard, rules: tuple[RuleScore, ...]) -> tuple[RuleScore, ...]:
        """Without the rules that only the model speaks for, in a message like one of the folder's counterexamples."""
        doubtful = [rule.name for rule in rules if rule.fired and all(item.source == "model" for item in rule.evidence)]
        if not doubtful:
            return rules
        (vector,) = await self._embedder.embed([" ".join(heard.text.split())[:1000]])
        kept: list[RuleScore] = []
        for rule in rules:
            like = await self._against[rule.name].nearest(self._embedder, vector) if rule.name in doubtful else None
            if like is not None:
                words = Evidence("counterexample", f"like “{_short(like[0])}”", round(like[1], 4))
                rule = replace(rule, fired=False, evidence=(*rule.evidence, words))
            kept.append(rule)
        return tuple(kept)

    def _apply(self, rule: Rule, heard: _Heard, nearness: Evidence | None) -> RuleScore:
        """One rule: each source may add evidence, the strongest gives the score."""
        evidence = [Evidence("pattern", words, PATTERN_SCORE) for words in self._patterns[rule.name].find(heard.pieces)]
        chance = heard.scores.chance(rule.name)
        if nearness is not None and nearness.score >= rule.threshold:
            evidence.append(nearness)
        if chance is not None and chance >= rule.threshold:
            evidence.append(Evidence("model", _short(heard.scores.clause(rule.name)), round(chance, 4)))
        if rule.sentiment_below is not None and heard.sentiment < rule.sentiment_below:
            evidence.append(Evidence("sentiment", f"sentiment {heard.sentiment:+.2f}", round(abs(heard.sentiment), 4)))
        evidence += self._by_plan(rule, heard) + self._by_conversation(rule, heard)
        scores = [item.score for item in evidence]
        scores += [chance or 0.0, nearness.score if nearness else 0.0]
        return RuleScore(rule.name, rule.tier, round(max(scores), 4), bool(evidence), tuple(evidence))

    def _by_plan(self, rule: Rule, heard: _Heard) -> list[Evidence]:
        blocked = heard.scores.chance("blocked") or 0.0
        if heard.message.plan not in rule.blocked_plans or blocked < rule.blocked_threshold:
            return []
        words = f"{heard.message.plan} customer blocked: {_short(heard.scores.clause('blocked'))}"
        return [Evidence("plan", words, round(blocked, 4))]

    def _by_conversation(self, rule: Rule, heard: _Heard) -> list[Evidence]:
        if rule.name == _PERSON_RULE and (word := conversation.asks_for_a_person(heard.message)):
            return [Evidence("pattern", word, 0.99)]
        if rule.name == conversation.AGAIN_RULE:
            unresolved = heard.scores.chance(conversation.AGAIN_RULE) or 0.0
            limit = self._escalation.unhelpful_turns
            reason = conversation.still_fails(heard.message, limit, heard.intent, unresolved)
            return [Evidence("conversation", reason, 0.9)] if reason else []
        return []

    def _noise(self, heard: _Heard, rules: Sequence[RuleScore]) -> RuleScore | None:
        """Noise only where no rule is surer: an angry or foreign-looking customer is never dropped."""
        found = noise.empty_or_test(heard.message.subject, heard.message.body)
        if found is not None:
            return found
        if words := self._ignore.find((f"{heard.message.subject}\n{heard.message.body}".strip(),)):
            return noise.machine_sent(words)
        if len(heard.text.split()) < _LEAST_WORDS_OF_NOISE:
            return None  # a short message from a customer is never dropped on a model's word
        score = heard.scores.chance("ignore") or 0.0
        if any(rule.fired and rule.score >= score for rule in rules):
            return None
        return noise.likely_noise(score, _short(heard.scores.clause("ignore")), self._escalation.ignore_threshold)


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_EVIDENCE else f"{text[: _LONGEST_EVIDENCE - 1]}…"
