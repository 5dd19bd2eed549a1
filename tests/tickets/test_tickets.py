"""Tickets: one active one a conversation, and a clock that never goes back."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from deskhand import tickets
from deskhand.conversations import Conversation
from deskhand.db import Database, Tx
from deskhand.errors import NotFound
from deskhand.ids import MessageId, TicketId, uuid7
from deskhand.tickets import Ticket
from tests.factories import NOON, make_conversation, make_message, make_ticket
from tests.races import at_once


async def _escalate(tx: Tx, ticket: Ticket, message_id: MessageId, *, hours: float, **more: Any) -> UUID | None:
    given: dict[str, Any] = {
        "rule": "billing",
        "reason": "Asks for money back.",
        "owner": "Lisa Tanaka",
        "owner_email": "lisa.tanaka@techcorp.io",
        "urgency": "high",
        "category": "billing",
        "handoff": {"ticket": ticket.reference},
        "respond_by": NOON + timedelta(hours=hours),
        "at": NOON,
    }
    return await tickets.escalate(tx, ticket=ticket, message_id=message_id, **given | more)


async def _record(tx: Tx, ticket: Ticket, *, at: datetime = NOON) -> None:
    await tickets.record_outcome(
        tx, ticket.id, status="pending", outcome="answered", category="boards", priority="low", at=at
    )


async def test_references_are_unique_under_fifty_writers(database: Database) -> None:
    async def reserve(tx: Tx) -> list[str]:
        return [await tickets.reserve_reference(tx, prefix="TF", day=NOON) for _ in range(20)]

    reserved = [reference for batch in await at_once(database, 50, reserve) for reference in batch]

    assert len(set(reserved)) == len(reserved) == 1000
    assert all(tickets.is_reference(reference) for reference in reserved)


async def test_a_reference_that_was_rolled_back_is_not_given_again(database: Database) -> None:
    """It may have been told to a customer."""
    given: list[str] = []

    async def fail() -> None:
        async with database.transaction() as tx:
            given.append(await tickets.reserve_reference(tx, prefix="TF", day=NOON))
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011  # raised above
        await fail()
    async with database.transaction() as tx:
        given.append(await tickets.reserve_reference(tx, prefix="TF", day=NOON))

    assert given[0] != given[1]


async def test_the_reference_that_was_promised_is_the_one_that_is_stored(database: Database) -> None:
    async with database.transaction() as tx:
        ticket = await make_ticket(tx)

        found = await tickets.find_by_reference(tx, ticket.reference)

    assert found == ticket
    assert (ticket.status, ticket.handler, ticket.outcome) == ("open", "agent", "")


async def test_a_conversation_has_one_active_ticket(database: Database) -> None:
    async with database.transaction() as tx:
        thread = await make_conversation(tx)
        first = await make_ticket(tx, thread)

        second = await make_ticket(tx, thread)

    assert second == first


async def test_ten_writers_at_once_open_one_ticket(database: Database) -> None:
    async with database.transaction() as tx:
        thread = await make_conversation(tx)

    opened = await at_once(database, 10, lambda tx: make_ticket(tx, thread))

    assert len({ticket.id for ticket in opened}) == 1


async def test_after_a_closed_ticket_a_new_one_opens(database: Database) -> None:
    async with database.transaction() as tx:
        thread = await make_conversation(tx)
        first = await make_ticket(tx, thread)
        await tickets.record_outcome(
            tx, first.id, status="closed", outcome="ignored", category="spam", priority="low", at=NOON
        )
        active = await tickets.find_active(tx, thread.id)

        second = await make_ticket(tx, thread)

    assert active is None
    assert second.id != first.id


async def test_an_outcome_is_written_on_the_ticket(database: Database) -> None:
    async with database.transaction() as tx:
        ticket = await make_ticket(tx)
        await _record(tx, ticket)

        after = await tickets.get(tx, ticket.id)

    assert (after.status, after.outcome, after.category, after.priority) == ("pending", "answered", "boards", "low")


async def _escalated(tx: Tx) -> tuple[Conversation, Ticket]:
    thread = await make_conversation(tx)
    ticket = await make_ticket(tx, thread)
    await _escalate(tx, ticket, await make_message(tx, thread), hours=4)
    return thread, await tickets.get(tx, ticket.id)


async def test_an_escalation_puts_the_ticket_on_a_person_s_desk(database: Database) -> None:
    async with database.transaction() as tx:
        _, ticket = await _escalated(tx)
        (escalation,) = await tickets.list_escalations(tx, ticket.id)

    assert (ticket.status, ticket.handler, ticket.outcome) == ("open", "operator", "escalated")
    assert (ticket.owner, ticket.priority, ticket.category) == ("Lisa Tanaka", "high", "billing")
    assert ticket.respond_by == NOON + timedelta(hours=4)
    assert (escalation.rule, escalation.owner, escalation.notice) == ("billing", "Lisa Tanaka", "queued")


async def test_a_second_escalation_never_moves_the_deadline_back(database: Database) -> None:
    async with database.transaction() as tx:
        thread, ticket = await _escalated(tx)
        await _escalate(tx, ticket, await make_message(tx, thread), hours=24)
        later = await tickets.get(tx, ticket.id)
        await _escalate(tx, ticket, await make_message(tx, thread), hours=1)
        sooner = await tickets.get(tx, ticket.id)

    assert later.respond_by == NOON + timedelta(hours=4)
    assert sooner.respond_by == NOON + timedelta(hours=1)


async def test_one_message_is_escalated_once(database: Database) -> None:
    async with database.transaction() as tx:
        thread = await make_conversation(tx)
        ticket = await make_ticket(tx, thread)
        message_id = await make_message(tx, thread)
        first = await _escalate(tx, ticket, message_id, hours=4)

        second = await _escalate(tx, ticket, message_id, hours=1, owner="Somebody Else")
        after = await tickets.get(tx, ticket.id)

    assert first is not None
    assert second is None
    assert (after.owner, after.respond_by) == ("Lisa Tanaka", NOON + timedelta(hours=4))


async def test_what_the_agent_does_later_takes_no_ticket_from_a_person_s_desk(database: Database) -> None:
    async with database.transaction() as tx:
        _, ticket = await _escalated(tx)

        await _record(tx, ticket, at=NOON + timedelta(hours=1))

        assert await tickets.get(tx, ticket.id) == ticket


async def test_a_notice_has_a_state_and_a_time(database: Database) -> None:
    async with database.transaction() as tx:
        _, ticket = await _escalated(tx)
        (escalation,) = await tickets.list_escalations(tx, ticket.id)
        states: list[str] = []
        for notice in ("failed", "sent"):
            await tickets.record_notice(tx, escalation.id, notice=notice, detail="", at=NOON)
            states.append((await tickets.get_escalation(tx, escalation.id)).notice)

    assert states == ["failed", "sent"]


async def test_a_reference_that_is_taken_is_refused_by_the_database(database: Database) -> None:
    async with database.transaction() as tx:
        ticket = await make_ticket(tx)
        other = await make_conversation(tx)
        with pytest.raises(psycopg.errors.UniqueViolation):
            async with tx.transaction():
                await tickets.open_ticket(
                    tx,
                    conversation_id=other.id,
                    customer_id=other.customer_id,
                    reference=ticket.reference,
                    subject="",
                    at=NOON,
                )


async def test_what_is_not_there_is_not_found(database: Database) -> None:
    async with database.transaction() as tx:
        with pytest.raises(NotFound):
            await tickets.get(tx, TicketId(uuid7()))
        with pytest.raises(NotFound):
            await tickets.get_escalation(tx, uuid7())

        assert await tickets.find_by_reference(tx, "TF-20261122-0000") is None
