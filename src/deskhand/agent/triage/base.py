"""What triage takes and who gives it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from deskhand.agent.decision import Triage


@dataclass(frozen=True, slots=True)
class TriageInput:
    """A customer's message with what is known around it.

    `earlier` are the customer's own earlier messages of the conversation, newest first; `agent_replied` says that we
    have answered in it; `unhelpful_turns` counts our answers in it that did not help; `asked_back`: this may
    answer a question of ours.
    """

    subject: str
    body: str
    channel: str
    plan: str
    language_hint: str | None = None
    earlier: tuple[str, ...] = ()
    agent_replied: bool = False
    unhelpful_turns: int = 0
    asked_back: bool = False


class TriageEngine(Protocol):
    @property
    def digest(self) -> str:
        """Names the trained weights, for the decision record; the rules have the company's digest."""
        ...

    async def load(self) -> None:
        """Makes the model ready, so that the first customer does not wait for it."""
        ...

    async def read(self, message: TriageInput) -> Triage: ...
