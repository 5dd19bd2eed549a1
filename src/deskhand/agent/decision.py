"""What triage finds, what the policy decides, and what a turn ends with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Tier = Literal["always", "likely"]
Choice = Literal["respond", "escalate", "ignore"]
Intent = Literal["question", "problem", "feature_request", "feedback", "thanks", "greeting", "vague"]
Band = Literal["send", "flag", "hold", "hand_off"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why a rule fired, or by which counterexample it did not: the words or the fact, and how strongly (0..1)."""

    source: Literal["pattern", "model", "examples", "counterexample", "sentiment", "plan", "conversation"]
    text: str
    score: float


@dataclass(frozen=True, slots=True)
class RuleScore:
    """One rule of the company folder against one message. `fired`: score or pattern passed the threshold."""

    name: str
    tier: Tier
    score: float
    fired: bool
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Triage:
    """What can be told from a message without any language model.

    `rules` holds every rule of the folder in its order, fired or not. `sentiment` is -1..+1. `ignore` is set when the
    message is spam, machine-sent or empty, with its evidence.
    """

    language: str
    language_confidence: float
    category: str
    intent: Intent
    sentiment: float
    urgency: Literal["low", "normal", "high", "urgent"]
    rules: tuple[RuleScore, ...]
    ignore: RuleScore | None
    milliseconds: float = 0.0

    @property
    def fired(self) -> tuple[RuleScore, ...]:
        return tuple(rule for rule in self.rules if rule.fired)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The policy's word on a message: the decision, the rule that names the owner, and every rule that fired."""

    decision: Choice
    rule: str | None
    rules: tuple[str, ...]
    confidence: float


@dataclass(frozen=True, slots=True)
class Cited:
    """A passage that stands behind a reply."""

    passage_id: str
    article: str
    title: str
    heading: str
    url: str
    version: int
    score: float


@dataclass(frozen=True, slots=True)
class Draft:
    """An answer not yet sent, in plain Markdown without greeting and sign-off.

    `kind` tells what it does; `confidence` (0..1) decides the band; `statements` are the sentences of fact, each of
    which must stand in a cited passage.
    """

    kind: Literal["answer", "ask_back", "acknowledgement", "no_answer"]
    text: str
    confidence: float
    language: str
    citations: tuple[Cited, ...] = ()
    statements: tuple[str, ...] = ()


@dataclass(slots=True)
class StepTimes:
    """Milliseconds by step of one turn."""

    steps: dict[str, float] = field(default_factory=dict[str, float])

    def add(self, step: str, milliseconds: float) -> None:
        self.steps[step] = round(self.steps.get(step, 0.0) + milliseconds, 3)


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call of a tool with its arguments and what it returned, for the decision record."""

    tool: str
    arguments: dict[str, Any]
    result: dict[str, Any]
    milliseconds: float


@dataclass(slots=True)
class BrainUse:
    """Which brain ended a turn, and what a language model had to do with it.

    `fallback` says why the model's turn was given up; `abandoned` are the calls it had made until then. `prompt` is the
    SHA-256 of what the model was told.
    """

    name: str = "offline"
    model: str | None = None
    requests: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost_usd: float = 0.0
    prompt: str | None = None
    fallback: str | None = None
    abandoned: list[ToolCall] = field(default_factory=list[ToolCall])
