"""What became of a message: its decision, reply, delivery and handoff, read together."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from uuid import UUID

from deskhand import conversations, decisions, deliveries, inbound, tickets
from deskhand.conversations import Message
from deskhand.db import Tx
from deskhand.decisions import DecisionRecord
from deskhand.deliveries import MessageDelivery
from deskhand.desk import Desk
from deskhand.errors import DeskhandError
from deskhand.tickets import Escalation, Ticket

LOOK_AGAIN_SECONDS = 0.02


class NoOutcome(DeskhandError):
    """No worker has handled the message in time: is one running? `deskhand queue` shows what waits."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One message's whole story; `reply` is None for ignored messages and those left to an operator."""

    decision: DecisionRecord
    ticket: Ticket
    reply: Message | None
    delivery: MessageDelivery | None
    escalation: Escalation | None

    @property
    def is_settled(self) -> bool:
        """Nothing is under way any more."""
        waiting = self.delivery is not None and self.delivery.is_under_way
        return not waiting and (self.escalation is None or self.escalation.notice != "queued")


async def find_outcome(tx: Tx, inbound_id: UUID) -> Outcome | None:
    """None while the message has no decision yet. Raises NoOutcome when it was given up, or no person wrote it."""
    row = await inbound.get(tx, inbound_id)
    if row.outcome == "failed":
        raise NoOutcome(f"The message could not be processed: {row.detail}")
    if row.outcome == "suspended":
        raise NoOutcome(f"The message was suspended, no person wrote it: {row.detail}")
    if row.message_id is None:
        return None
    decision = await decisions.find_by_message(tx, row.message_id)
    if decision is None or decision.ticket_id is None:
        return None
    ticket = await tickets.get(tx, decision.ticket_id)
    reply = await conversations.find_reply(tx, row.message_id)
    delivery = await deliveries.find_by_message(tx, reply.id) if reply is not None else None
    escalations = await tickets.list_escalations(tx, ticket.id)
    escalation = next((item for item in escalations if item.message_id == row.message_id), None)
    return Outcome(decision, ticket, reply, delivery, escalation)


async def wait_for_outcome(desk: Desk, inbound_id: UUID, *, timeout: float) -> Outcome:
    """The settled outcome, as soon as it is there.

    Raises:
        NoOutcome: `timeout` seconds passed without one.
    """
    try:
        async with asyncio.timeout(timeout):
            while True:
                async with desk.db.transaction() as tx:
                    found = await find_outcome(tx, inbound_id)
                if found is not None and found.is_settled:
                    return found
                await asyncio.sleep(LOOK_AGAIN_SECONDS)
    except TimeoutError as error:
        raise NoOutcome from error
