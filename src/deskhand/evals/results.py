"""What was decided on one ticket, in the words of the grading, whether the whole flow ran or triage alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from deskhand.agent.decision import Triage, Verdict
from deskhand.flows.outcome import Outcome

FAILED_FLAG = "the agent failed"  # set by flows.turn.record_failure

Decided = Literal["respond", "escalate", "ignore", "failed"]


@dataclass(frozen=True, slots=True)
class Found:
    """One rule's score on the ticket, with what spoke for it."""

    rule: str
    score: float
    fired: bool
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """`rule` names the owner of an escalation; `ms` is the whole ticket's time and `turn_ms` the agent's part of it.

    The decision "failed" stands for a ticket without an outcome, or one whose turn broke: `error` says how.
    """

    ticket_id: str
    decision: Decided
    action: str
    rule: str | None
    rules: tuple[str, ...]
    confidence: float
    found: tuple[Found, ...]
    ms: float
    turn_ms: float
    error: str = ""


def from_outcome(ticket_id: str, outcome: Outcome, *, ms: float) -> Result:
    decision, record = outcome.decision, outcome.decision.record
    escalation = outcome.escalation if decision.decision == "escalate" else None
    broke = FAILED_FLAG in record["flags"]
    return Result(
        ticket_id=ticket_id,
        decision="failed" if broke else decision.decision,
        action="failed" if broke else decision.action,
        rule=escalation.rule if escalation is not None else None,
        rules=tuple(decision.rules),
        confidence=decision.confidence,
        found=_found(record["triage"]),
        ms=ms,
        turn_ms=float(record["ms"]["turn"]),
        error=escalation.reason if broke and escalation is not None else "",
    )


def from_triage(ticket_id: str, triage: Triage, verdict: Verdict, *, ms: float) -> Result:
    return Result(
        ticket_id=ticket_id,
        decision=verdict.decision,
        action="",
        rule=verdict.rule,
        rules=verdict.rules,
        confidence=verdict.confidence,
        found=_found(asdict(triage)),
        ms=ms,
        turn_ms=ms,
    )


def without_outcome(ticket_id: str, error: Exception, *, ms: float) -> Result:
    return Result(
        ticket_id, "failed", "failed", None, (), 0.0, (), ms, ms, error=f"{type(error).__name__}: {error}".strip()
    )


def _found(triage: Mapping[str, Any]) -> tuple[Found, ...]:
    """Every rule's score, those that fired first, then by score."""
    scores: list[dict[str, Any]] = [*triage["rules"], *([triage["ignore"]] if triage["ignore"] else [])]
    found = [
        Found(
            rule=score["name"],
            score=score["score"],
            fired=score["fired"],
            evidence=tuple(f"{item['source']} “{item['text']}” {item['score']:.2f}" for item in score["evidence"]),
        )
        for score in scores
    ]
    return tuple(sorted(found, key=lambda item: (not item.fired, -item.score)))
