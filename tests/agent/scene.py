"""A turn's context for tests of what works inside a turn: one customer, one message, one ticket."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache

from deskhand.agent import policy
from deskhand.agent.decision import Cited, Draft, Triage
from deskhand.agent.tools import Commit, Committed, Ending, ToolContext, TurnState
from deskhand.clock import FixedClock
from deskhand.conversations import Conversation, Message
from deskhand.customers import Customer
from deskhand.db import Database
from deskhand.ids import ConversationId, CustomerId, MessageId, TicketId, uuid7
from deskhand.inference import LocalEmbedder
from deskhand.tickets import Ticket
from tests.fakes import ScriptedTriage, read_as, shipped_company

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
REFERENCE = "TF-20261122-7K3Q"


class Recorder:
    """A commit that remembers how the turn ended."""

    def __init__(self, *, silenced: bool = False) -> None:
        self.endings: list[Ending] = []
        self._silenced = silenced

    async def __call__(self, ending: Ending) -> Committed:
        self.endings.append(ending)
        if self._silenced:
            return Committed(None, None, silenced=True)
        return Committed("reply", "escalation" if ending.handoff else None)


def cited(passage_id: str = "p1") -> Cited:
    return Cited(passage_id, "invite-members", "Invite members", "Invite", "https://help.taskflow.io/invite", 1, 0.9)


@cache
def local_embedder() -> LocalEmbedder:
    """One for all tests of a process: the gate reads every reply with it."""
    return LocalEmbedder()


def make_context(
    *,
    passages: Mapping[str, str] | None = None,
    triage: Triage | None = None,
    commit: Commit | None = None,
    database: Database | None = None,
    body: str = "How do I invite a colleague?",
    subject: str = "Invitation",
    verified: bool = True,
) -> ToolContext:
    """`passages` were found in this turn: their texts by id. Without a database, tools that need one fail."""
    customer = Customer(CustomerId(uuid7()), "Dana Fox", "", "pro", None, NOW)
    conversation = Conversation(
        ConversationId(uuid7()), customer.id, "email", subject, "en", "agent", None, 0, NOW, NOW
    )
    message = Message(MessageId(uuid7()), conversation.id, "inbound", "customer", "Dana Fox", subject, body, None, NOW)
    ticket = Ticket(
        TicketId(uuid7()), REFERENCE, conversation.id, customer.id, "open", "agent", "general", "normal", subject,
        "", "", None, NOW, NOW,
    )  # fmt: skip
    read = triage or read_as()
    texts = dict(passages or {})
    return ToolContext(
        db=database or Database("host=/nowhere"),
        embedder=local_embedder(),
        triage_engine=ScriptedTriage(),
        company=shipped_company(),
        clock=FixedClock(NOW),
        reference_prefix="TF",
        customer=customer,
        verified=verified,
        conversation=conversation,
        message=message,
        ticket=ticket,
        triage=read,
        verdict=policy.decide(read),
        commit=commit or Recorder(),
        state=TurnState(passages={key: cited(key) for key in texts}, passage_texts=texts, ticketed=True),
    )


def answer(text: str, *passage_ids: str) -> Draft:
    return Draft("answer", text, 0.9, "en", tuple(cited(key) for key in passage_ids))


def words(text: str) -> Draft:
    """Words that cite nothing."""
    return Draft("ask_back", text, 1.0, "en")
