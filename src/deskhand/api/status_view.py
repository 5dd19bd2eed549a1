"""A ticket as its customer sees it, opened by the secret that the submitter got."""

from __future__ import annotations

import hmac

from deskhand import conversations, inbound, tickets
from deskhand.agent.policy import response_time
from deskhand.agent.wording import response_time_in_words
from deskhand.api.schemas import Sla, TicketMessage, TicketStatus, TicketView
from deskhand.conversations import Message
from deskhand.db import Tx
from deskhand.desk import Desk
from deskhand.errors import NotFound
from deskhand.flows import intake
from deskhand.inbound import Inbound
from deskhand.tickets import Ticket

NO_HASH = bytes(32)
MOST_MESSAGES = 100
STRANGERS_PLAN = "free"


def sla_for_strangers(desk: Desk) -> Sla:
    """What anybody is told: the real plan would show whether an address is a customer's (decision 0007)."""
    wait = response_time(desk.company, STRANGERS_PLAN)
    words = response_time_in_words(wait, desk.company.voice.for_language("en"))
    return Sla(plan=STRANGERS_PLAN, first_response=f"within {words}", seconds=int(wait.total_seconds()))


def status_link(desk: Desk, reference: str, token: str) -> str:
    """The private link: absolute when the settings say under which address customers see us."""
    return f"{(desk.settings.public_url or '').rstrip('/')}/support/status/{reference}?token={token}"


async def open_ticket(desk: Desk, reference: str, token: str | None) -> TicketView:
    """Raises NotFound for an unknown reference and for a wrong token alike."""
    async with desk.db.transaction() as tx:
        row = await inbound.find_by_reference(tx, reference) if tickets.is_reference(reference) else None
        known = row.access_hash if row is not None and row.access_hash is not None else NO_HASH
        if not hmac.compare_digest(intake.access_hash(token or ""), known) or row is None:
            raise NotFound("There is no ticket with this reference and token.")
        return await _view(desk, tx, row)


async def _view(desk: Desk, tx: Tx, row: Inbound) -> TicketView:
    first = desk.channels[row.channel].parse(row.payload)
    said: list[TicketMessage] = [
        TicketMessage(author="customer", name=first.name, text=first.body, created_at=row.received_at)
    ]
    status: TicketStatus = "received"
    language = "en"
    updated_at = row.received_at
    if row.message_id is not None:
        filed = await conversations.get_message(tx, row.message_id)
        conversation = await conversations.get(tx, filed.conversation_id)
        page = await conversations.page_of_messages(tx, conversation.id, limit=MOST_MESSAGES)
        visible = [item for item in reversed(page.messages) if item.kind in ("inbound", "outbound")]
        said = [
            TicketMessage(author=item.author, name=item.author_name, text=item.body, created_at=item.created_at)
            for item in visible
        ]
        ticket = await tickets.find_by_reference(tx, row.reference or "")
        status = status_of(ticket, visible)
        language = conversation.language
        updated_at = max(conversation.last_message_at, ticket.updated_at if ticket else row.received_at)
    return TicketView(
        reference=row.reference or "",
        status=status,
        subject=first.subject,
        language=language,
        sla=sla_for_strangers(desk),
        messages=tuple(said),
        created_at=row.received_at,
        updated_at=updated_at,
    )


def status_of(ticket: Ticket | None, visible: list[Message]) -> TicketStatus:
    """Where a filed ticket stands, in words for its customer."""
    if ticket is None:
        return "received"
    if ticket.status in ("resolved", "closed"):
        return "closed"
    last = visible[-1].author if visible else "customer"
    if ticket.handler == "operator":
        return "answered" if last == "operator" else "with_a_person"
    if ticket.outcome in ("held", "escalated"):
        return "with_a_person"
    return "in_progress" if last == "customer" else "answered"
