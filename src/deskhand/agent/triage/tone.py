"""Sentiment, intent, category and urgency, from the trained labels."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, Literal, cast

from deskhand.agent.decision import Intent, RuleScore
from deskhand.agent.triage.scoring import Scores
from deskhand.company_folder import Rule, Urgency

ANGRY: Final = -0.5
_FRUSTRATED: Final = 0.4
_PLEASED: Final = 0.75
_WORD: Final = re.compile(r"\w+")
_URGENT: Final = re.compile(
    r"\b(?:urgent(?:ly|e|emente)?|asap|emergency|right now|immediately|dringend|sofort|urgencia|notfall|urgence)\b",
    re.I,
)
_ORDER: Final[tuple[Urgency, ...]] = ("low", "normal", "high", "urgent")
# Small talk must be certain: a question that is taken for thanks gets no answer.
_SMALL_TALK: Final = {"thanks": 40, "greeting": 12, "vague": 30, "feature_request": 150, "feedback": 150}
_CERTAIN: Final = 0.5
_BY_RULE: Final = {
    **{name: name for name in ("security", "legal", "billing", "account")},
    "data_loss": "bug",
    "outage": "bug",
}


def sentiment_of(scores: Scores, angry_from: float) -> float:
    """-1 furious .. 0 neutral .. +1 delighted; below -0.5 exactly when the chance of anger reaches `angry_from`."""
    angry = scores.chance("angry") or 0.0
    frustrated = scores.chance("frustrated") or 0.0
    positive = scores.chance("positive") or 0.0
    if angry >= angry_from:
        return round(ANGRY - 0.01 - 0.49 * (angry - angry_from) / (1 - angry_from), 3)
    bad = max(0.45 * angry / angry_from, _FRUSTRATED * frustrated)
    return round(max(ANGRY, _PLEASED * positive * (1 - bad) - bad), 3)


def intent_of(scores: Scores, text: str) -> Intent:
    words = len(_WORD.findall(text))
    intent, chance = scores.best("intent:")
    if intent in _SMALL_TALK:
        asks = intent in ("thanks", "greeting") and "?" in text and words > 4
        if chance >= _CERTAIN and words <= _SMALL_TALK[intent] and not asks:
            return cast(Intent, intent)
        question, problem = scores.chance("intent:question") or 0.0, scores.chance("intent:problem") or 0.0
        return "problem" if problem > question and "?" not in text else "question"
    return cast(Intent, intent)


def category_of(scores: Scores, intent: Intent, fired: Sequence[RuleScore]) -> str:
    for rule in fired:
        if rule.name in _BY_RULE:
            return _BY_RULE[rule.name]
    if intent in ("feature_request", "feedback"):
        return intent
    if intent == "thanks":
        return "feedback"
    if intent in ("greeting", "vague"):
        return "other"
    category, _ = scores.best("category:")
    if category in ("feature_request", "feedback"):
        return "how_to" if intent == "question" else "bug"
    return category


def urgency_of(
    text: str, intent: Intent, blocked: float, fired: Sequence[RuleScore], rules: Sequence[Rule]
) -> Literal["low", "normal", "high", "urgent"]:
    """The most pressing of the rules that fired; without one, whether something is broken and somebody is stuck."""
    if fired:
        names = {rule.name for rule in fired}
        found: list[Urgency] = [rule.urgency for rule in rules if rule.name in names]
        return max(found, key=_ORDER.index)
    if intent in ("thanks", "greeting", "feature_request", "feedback"):
        return "low"
    if intent in ("problem", "vague") and (blocked >= 0.5 or _URGENT.search(text)):
        return "high"
    return "normal"
