"""Tool: make sure that the customer's matter has a ticket."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from deskhand import tickets
from deskhand.agent.context import ToolContext


class TicketInput(BaseModel):
    model_config = ConfigDict(extra="forbid")

    subject: str = Field("", max_length=200, description="a few words on the matter; empty keeps the customer's")


class TicketOutput(BaseModel):
    reference: str
    status: str
    opened_now: bool


async def create_ticket(context: ToolContext, given: TicketInput) -> TicketOutput:
    """Give the conversation its ticket and return the reference. Call it first, before any words to the customer.

    Calling it again returns the same ticket. Example: {"subject": "Slack notifications stopped"}.
    """
    if context.is_rehearsal:
        context.state.ticketed = True
        return TicketOutput(reference=context.ticket.reference, status=context.ticket.status, opened_now=False)
    now = context.clock.now()
    async with context.db.transaction() as tx:
        active = await tickets.find_active(tx, context.conversation.id)
        opened = active is None
        if active is None:
            reference = await tickets.reserve_reference(tx, prefix=context.reference_prefix, day=now)
            active = await tickets.open_ticket(
                tx,
                conversation_id=context.conversation.id,
                customer_id=context.customer.id,
                reference=reference,
                subject=given.subject or context.message.subject,
                at=now,
            )
    context.state.ticketed = True
    return TicketOutput(reference=active.reference, status=active.status, opened_now=opened)
