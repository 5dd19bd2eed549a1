"""What a turn knows before it thinks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from deskhand import conversations, customers, decisions, tickets
from deskhand.agent import policy
from deskhand.agent.context import Standing
from deskhand.agent.triage.base import TriageInput
from deskhand.conversations import Conversation, Message, PastMessage
from deskhand.customers import Customer
from deskhand.db import Tx
from deskhand.desk import Desk
from deskhand.ids import MessageId
from deskhand.tickets import Ticket

RECENT = 6


@dataclass(frozen=True, slots=True)
class Situation:
    """One customer message with everything around it. `decided`: it has its decision record already."""

    message: Message
    conversation: Conversation
    customer: Customer
    ticket: Ticket
    verified: bool
    recent: tuple[PastMessage, ...]
    decided: bool
    recent_ids: tuple[MessageId, ...] = ()
    standing: Standing | None = None
    asked_back: bool = False


async def read_situation(desk: Desk, tx: Tx, message_id: MessageId, *, verified: bool) -> Situation:
    """Raises NotFound when the message is gone."""
    message = await conversations.get_message(tx, message_id)
    conversation = await conversations.get(tx, message.conversation_id)
    customer = await customers.get(tx, conversation.customer_id)
    ticket = await tickets.find_active(tx, conversation.id)
    if ticket is None:
        now = desk.clock.now()
        ticket = await tickets.open_ticket(
            tx,
            conversation_id=conversation.id,
            customer_id=customer.id,
            reference=await tickets.reserve_reference(tx, prefix=desk.settings.reference_prefix, day=now),
            subject=message.subject or message.body[:80],
            at=now,
        )
    page = await conversations.page_of_messages(tx, conversation.id, limit=RECENT + 1)
    earlier = [
        item
        for item in page.messages
        if item.id != message_id and item.kind in ("inbound", "outbound") and item.created_at <= message.created_at
    ]
    return Situation(
        message,
        conversation,
        customer,
        ticket,
        verified,
        recent=tuple(as_past(conversation, item) for item in earlier),
        decided=await decisions.find_by_message(tx, message_id) is not None,
        recent_ids=tuple(item.id for item in earlier),
        standing=await _standing(desk, tx, ticket, earlier),
        asked_back=ticket.outcome == "asked_back",
    )


async def _standing(desk: Desk, tx: Tx, ticket: Ticket, earlier: Sequence[Message]) -> Standing | None:
    """The strictest escalation of a ticket that lies on a person's desk."""
    if ticket.handler != "operator":
        return None
    rules = [escalation.rule for escalation in await tickets.list_escalations(tx, ticket.id)]
    if not rules:
        return None
    strictest = rules[0]
    for rule in rules[1:]:
        strictest = rule if policy.is_stricter(desk.company, rule, than=strictest) else strictest
    last = next((item.body for item in earlier if item.author == "agent"), "")
    return Standing(strictest, is_known=any(phrases.added in last for phrases in desk.company.voice.phrases.values()))


def as_past(conversation: Conversation, message: Message) -> PastMessage:
    return PastMessage(conversation.channel, message.author, message.body, message.created_at)


def triage_input(situation: Situation) -> TriageInput:
    return TriageInput(
        subject=situation.message.subject,
        body=situation.message.body,
        channel=situation.conversation.channel,
        plan=situation.customer.plan,
        language_hint=situation.conversation.language if situation.recent else None,
        earlier=tuple(item.body for item in situation.recent if item.author == "customer"),
        agent_replied=any(item.author == "agent" for item in situation.recent),
        unhelpful_turns=situation.conversation.unhelpful_turns,
        asked_back=situation.asked_back,
    )
