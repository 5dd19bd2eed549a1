"""What a tool may know: bound by the runtime, never by a model. Customer and recipient are no tool parameters."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from deskhand.agent.decision import BrainUse, Choice, Cited, Draft, StepTimes, ToolCall, Triage, Verdict
from deskhand.agent.policy import Assignment
from deskhand.agent.triage.base import TriageEngine
from deskhand.clock import Clock
from deskhand.company_folder import Company
from deskhand.conversations import Conversation, Message
from deskhand.customers import Customer
from deskhand.db import Database
from deskhand.decisions import Action
from deskhand.inference.base import Embedder
from deskhand.tickets import Ticket


class ToolError(Exception):
    """A refusal, in a sentence for the model: nothing was done."""


@dataclass(frozen=True, slots=True)
class Handoff:
    """An escalation about to be committed."""

    rule: str
    reason: str
    assignment: Assignment
    context: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ending:
    """How a turn ends: what is said, if anything, and to whom it is handed, if to anybody."""

    decision: Choice
    action: Action
    rules: tuple[str, ...]
    confidence: float
    reply: Draft | None = None
    held: Draft | None = None
    handoff: Handoff | None = None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """The escalation that put a ticket on a person's desk. `is_known`: the customer has read that more is added."""

    rule: str
    is_known: bool = False


@dataclass(frozen=True, slots=True)
class Committed:
    """What is true in the database after the turn's one commit."""

    reply_id: str | None
    escalation_id: str | None
    silenced: bool = False


Commit = Callable[[Ending], Awaitable[Committed]]


@dataclass(slots=True)
class TurnState:
    """What happened so far in this turn.

    `closing` is the call that is about to end it; `prompt` is what a language model was told: no reply may repeat it;
    `unhelpful_turns` are our answers before this message that did not help.
    """

    calls: list[ToolCall] = field(default_factory=list[ToolCall])
    closing: ToolCall | None = None
    passages: dict[str, Cited] = field(default_factory=dict[str, Cited])
    passage_texts: dict[str, str] = field(default_factory=dict[str, str])
    gate: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    times: StepTimes = field(default_factory=StepTimes)
    brain: BrainUse = field(default_factory=BrainUse)
    prompt: str = ""
    unhelpful_turns: int = 0
    searched: bool = False
    ticketed: bool = False
    ended: bool = False


@dataclass(frozen=True, slots=True)
class ToolContext:
    """Everything a tool works on, for one turn on one message. In a rehearsal no tool writes."""

    db: Database
    embedder: Embedder
    triage_engine: TriageEngine
    company: Company
    clock: Clock
    reference_prefix: str
    customer: Customer
    verified: bool
    conversation: Conversation
    message: Message
    ticket: Ticket
    triage: Triage
    verdict: Verdict
    commit: Commit
    state: TurnState = field(default_factory=TurnState)
    standing: Standing | None = None
    is_rehearsal: bool = False
