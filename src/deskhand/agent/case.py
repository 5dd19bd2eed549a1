"""The case as the person who takes over is told it: who, what, why, until when, and what to do first."""

from __future__ import annotations

from typing import Any, Protocol

from deskhand.agent.decision import Triage
from deskhand.agent.policy import Assignment
from deskhand.conversations import Conversation, Message
from deskhand.customers import Customer
from deskhand.tickets import Ticket

LONGEST_MESSAGE = 4_000
SUMMARY = 240


class Case(Protocol):
    """One customer's message with what it belongs to."""

    @property
    def customer(self) -> Customer: ...

    @property
    def verified(self) -> bool: ...

    @property
    def conversation(self) -> Conversation: ...

    @property
    def message(self) -> Message: ...

    @property
    def ticket(self) -> Ticket: ...


def describe_case(
    case: Case, triage: Triage, assignment: Assignment, *, rule: str, reason: str, summary: str = ""
) -> dict[str, Any]:
    """Everything the owner needs to take over without asking again."""
    return {
        "ticket": case.ticket.reference,
        "conversation": str(case.conversation.id),
        "channel": case.conversation.channel,
        "customer": {
            "id": str(case.customer.id),
            "name": case.customer.name,
            "plan": case.customer.plan,
            "verified": case.verified,
        },
        "rule": rule,
        "rules": [
            {
                "name": score.name,
                "score": round(score.score, 3),
                "evidence": [{"source": item.source, "text": item.text} for item in score.evidence],
            }
            for score in triage.fired
        ],
        "reason": reason,
        "summary": summary or _first_words(case.message.body),
        "message": case.message.body[:LONGEST_MESSAGE],
        "subject": case.message.subject,
        "language": triage.language,
        "sentiment": round(triage.sentiment, 3),
        "respond_by": assignment.respond_by.isoformat(),
        "next_step": assignment.next_step,
    }


def _first_words(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= SUMMARY else flat[:SUMMARY].rsplit(" ", 1)[0] + " …"
