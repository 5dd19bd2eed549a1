"""All SQL on tickets, their events and escalations: one statement a function."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from deskhand.db import Tx
from deskhand.ids import ConversationId, CustomerId, MessageId, TicketId, uuid7
from deskhand.tickets.models import Escalation, Outcome, Priority, Status, Ticket


async def next_number(tx: Tx) -> int:
    row = await (await tx.execute("select nextval('ticket_numbers')")).fetchone()
    assert row is not None
    return int(row[0])


async def insert(
    tx: Tx, *, reference: str, conversation_id: ConversationId, customer_id: CustomerId, subject: str, at: datetime
) -> TicketId | None:
    """None when the conversation already has an active ticket."""
    ticket_id = TicketId(uuid7())
    cursor = await tx.execute(
        """
        insert into tickets (id, reference, conversation_id, customer_id, subject, created_at, updated_at)
        values (%s, %s, %s, %s, %s, %s, %s)
        on conflict (conversation_id) where status in ('open', 'pending') do nothing
        returning id
        """,
        (ticket_id, reference, conversation_id, customer_id, subject, at, at),
    )
    return ticket_id if await cursor.fetchone() is not None else None


async def find_active(tx: Tx, conversation_id: ConversationId) -> Ticket | None:
    async with tx.cursor(row_factory=class_row(Ticket)) as cursor:
        await cursor.execute(
            """
            select id, reference, conversation_id, customer_id, status, handler, category, priority, subject, owner,
                   outcome, respond_by, created_at, updated_at
              from tickets where conversation_id = %s and status in ('open', 'pending')
            """,
            (conversation_id,),
        )
        return await cursor.fetchone()


async def find_by_reference(tx: Tx, reference: str) -> Ticket | None:
    async with tx.cursor(row_factory=class_row(Ticket)) as cursor:
        await cursor.execute(
            """
            select id, reference, conversation_id, customer_id, status, handler, category, priority, subject, owner,
                   outcome, respond_by, created_at, updated_at
              from tickets where reference = %s
            """,
            (reference,),
        )
        return await cursor.fetchone()


async def find(tx: Tx, ticket_id: TicketId) -> Ticket | None:
    async with tx.cursor(row_factory=class_row(Ticket)) as cursor:
        await cursor.execute(
            """
            select id, reference, conversation_id, customer_id, status, handler, category, priority, subject, owner,
                   outcome, respond_by, created_at, updated_at
              from tickets where id = %s
            """,
            (ticket_id,),
        )
        return await cursor.fetchone()


async def record_outcome(
    tx: Tx, ticket_id: TicketId, *, status: Status, outcome: Outcome, category: str, priority: Priority, at: datetime
) -> bool:
    """False when the ticket lies on a person's desk: the agent takes none away from there."""
    cursor = await tx.execute(
        """
        update tickets
           set status = %(status)s, outcome = %(outcome)s, category = %(category)s, priority = %(priority)s,
               updated_at = %(at)s,
               resolved_at = case when %(status)s in ('resolved', 'closed') then %(at)s::timestamptz end
         where id = %(id)s and handler = 'agent'
        """,
        {"id": ticket_id, "status": status, "outcome": outcome, "category": category, "priority": priority, "at": at},
    )
    return cursor.rowcount == 1


async def hand_to_operator(
    tx: Tx,
    ticket_id: TicketId,
    *,
    owner: str,
    priority: Priority,
    category: str,
    outcome: Outcome,
    respond_by: datetime,
    at: datetime,
) -> None:
    """The wait clock keeps its first deadline, and the urgency its height: a second escalation lowers neither."""
    await tx.execute(
        """
        update tickets
           set status = 'open', handler = 'operator', outcome = %(outcome)s, owner = %(owner)s,
               priority = case when handler = 'operator'
                                and array_position(array['low', 'normal', 'high', 'urgent'], priority)
                                  > array_position(array['low', 'normal', 'high', 'urgent'], %(priority)s)
                               then priority else %(priority)s end,
               category = %(category)s,
               respond_by = least(coalesce(respond_by, %(respond_by)s), %(respond_by)s), updated_at = %(at)s
         where id = %(id)s
        """,
        {
            "id": ticket_id,
            "owner": owner,
            "priority": priority,
            "category": category,
            "outcome": outcome,
            "respond_by": respond_by,
            "at": at,
        },
    )


async def raise_priority(tx: Tx, ticket_id: TicketId, priority: Priority, at: datetime) -> None:
    await tx.execute(
        """
        update tickets set priority = %(priority)s, updated_at = %(at)s
         where id = %(id)s
           and array_position(array['low', 'normal', 'high', 'urgent'], priority)
             < array_position(array['low', 'normal', 'high', 'urgent'], %(priority)s)
        """,
        {"id": ticket_id, "priority": priority, "at": at},
    )


async def insert_event(
    tx: Tx, ticket_id: TicketId, *, kind: str, actor: str, detail: dict[str, Any], at: datetime
) -> None:
    await tx.execute(
        "insert into ticket_events (id, ticket_id, kind, actor, detail, created_at) values (%s, %s, %s, %s, %s, %s)",
        (uuid7(), ticket_id, kind, actor, Jsonb(detail), at),
    )


async def insert_escalation(
    tx: Tx,
    *,
    ticket_id: TicketId,
    message_id: MessageId,
    rule: str,
    reason: str,
    owner: str,
    owner_email: str,
    urgency: Priority,
    handoff: dict[str, Any],
    respond_by: datetime,
    at: datetime,
) -> UUID | None:
    """None when this message was escalated before."""
    cursor = await tx.execute(
        """
        insert into escalations (id, ticket_id, message_id, rule, reason, owner, owner_email, urgency, handoff,
                                 respond_by, created_at)
        values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        on conflict (message_id) do nothing
        returning id
        """,
        (
            uuid7(),
            ticket_id,
            message_id,
            rule,
            reason,
            owner,
            owner_email,
            urgency,
            Jsonb(handoff),
            respond_by,
            at,
        ),
    )
    row = await cursor.fetchone()
    return None if row is None else row[0]


async def find_escalation(tx: Tx, escalation_id: UUID) -> Escalation | None:
    async with tx.cursor(row_factory=class_row(Escalation)) as cursor:
        await cursor.execute(
            """
            select id, ticket_id, message_id, rule, reason, owner, owner_email, urgency, handoff, respond_by, notice,
                   created_at
              from escalations where id = %s
            """,
            (escalation_id,),
        )
        return await cursor.fetchone()


async def list_escalations(tx: Tx, ticket_id: TicketId) -> list[Escalation]:
    async with tx.cursor(row_factory=class_row(Escalation)) as cursor:
        await cursor.execute(
            """
            select id, ticket_id, message_id, rule, reason, owner, owner_email, urgency, handoff, respond_by, notice,
                   created_at
              from escalations where ticket_id = %s order by created_at, id
            """,
            (ticket_id,),
        )
        return await cursor.fetchall()


async def record_notice(tx: Tx, escalation_id: UUID, *, notice: str, detail: str, at: datetime) -> None:
    await tx.execute(
        """
        update escalations
           set notice = %(notice)s, notice_detail = %(detail)s,
               notified_at = case when %(notice)s = 'sent' then %(at)s::timestamptz else notified_at end
         where id = %(id)s
        """,
        {"id": escalation_id, "notice": notice, "detail": detail, "at": at},
    )


async def move_all(tx: Tx, source: CustomerId, target: CustomerId) -> list[UUID]:
    """Give one customer's tickets to another; their ids."""
    cursor = await tx.execute(
        "update tickets set customer_id = %s where customer_id = %s returning id", (target, source)
    )
    return [row[0] for row in await cursor.fetchall()]


async def move(tx: Tx, ids: Sequence[UUID], source: CustomerId, target: CustomerId) -> None:
    """Give these tickets to another customer, those that are still the first one's."""
    await tx.execute(
        "update tickets set customer_id = %s where id = any(%s) and customer_id = %s", (target, list(ids), source)
    )
