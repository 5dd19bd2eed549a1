"""What the API's tests do again and again: post the form, have it filed, put the database out of reach."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, LiteralString

import httpx
import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from deskhand import conversations, inbound, tickets
from deskhand.conversations import Author, MessageKind
from deskhand.db import Database
from deskhand.desk import Desk
from deskhand.flows import filing
from deskhand.ids import MessageId
from deskhand.tickets import Outcome, Status, Ticket
from deskhand.transport.base import Subscription

QUESTION = {
    "name": "Dana Fox",
    "email": "dana@example.com",
    "subject": "Second factor",
    "message": "How do I switch on two-factor authentication?",
}
KEY = "0f8fad5b-d9cb-469f-a165-70867728950e"


async def submit(client: httpx.AsyncClient, *, key: str | None = None, **fields: Any) -> dict[str, Any]:
    """Post the form and return what a 202 says."""
    headers = {"Idempotency-Key": key} if key else {}
    response = await client.post("/support/submit", json=QUESTION | fields, headers=headers)
    assert response.status_code == 202, response.text
    return response.json()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def file_all(desk: Desk) -> None:
    """Let the worker make messages and tickets of what was accepted; no agent runs."""
    stop = asyncio.Event()
    wanted = Subscription(desk.topics.webform_inbound, partial(filing.file_message, desk), 10)
    running = asyncio.create_task(desk.transport.run([wanted], stop))
    try:
        async with asyncio.timeout(15):
            while await count(desk.db, "select count(*) from inbound where outcome = 'received'"):
                await asyncio.sleep(0.02)
    finally:
        stop.set()
        await running


async def ticket_of(desk: Desk, reference: str) -> Ticket:
    async with desk.db.transaction() as tx:
        found = await tickets.find_by_reference(tx, reference)
    assert found is not None
    return found


async def speak(
    desk: Desk,
    reference: str,
    text: str,
    *,
    kind: MessageKind = "outbound",
    author: Author = "agent",
    outcome: Outcome = "answered",
    status: Status = "pending",
) -> None:
    """Put a message of ours into the ticket's conversation, with what it did to the ticket."""
    ticket = await ticket_of(desk, reference)
    now = desk.clock.now()
    async with desk.db.transaction() as tx:
        row = await inbound.find_by_reference(tx, reference)
        assert row is not None
        await conversations.add_message(
            tx,
            ticket.conversation_id,
            kind=kind,
            author=author,
            author_name="TaskFlow Support Team",
            body=text,
            in_reply_to=row.message_id if author == "agent" else None,
            at=now,
        )
        await tickets.record_outcome(
            tx, ticket.id, status=status, outcome=outcome, category="general", priority="normal", at=now
        )


async def hand_over(desk: Desk, reference: str, note: str) -> None:
    """Escalate the ticket as the agent does, with a note to the customer."""
    await speak(desk, reference, note, outcome="escalated", status="open")
    ticket = await ticket_of(desk, reference)
    now = desk.clock.now()
    async with desk.db.transaction() as tx:
        row = await inbound.find_by_reference(tx, reference)
        assert row is not None
        await tickets.escalate(
            tx,
            ticket=ticket,
            message_id=MessageId(row.message_id or ticket.id),
            rule="billing",
            reason="charged twice",
            owner="Lisa Tanaka",
            owner_email="lisa.tanaka@techcorp.io",
            urgency="high",
            category="billing",
            handoff={},
            respond_by=now,
            at=now,
        )


async def count(database: Database, query: LiteralString, *parameters: str) -> int:
    async with database.transaction() as tx:
        row = await (await tx.execute(query, parameters)).fetchone()
    assert row is not None
    return int(row[0])


async def rows_of(database: Database) -> dict[str, int]:
    """How many rows each table has that a front door may write."""
    tables = ("inbound", "message_queue", "queue_lanes", "customers", "customer_identifiers", "messages", "tickets")
    return {table: await count(database, f"select count(*) from {table}") for table in tables}


@asynccontextmanager
async def unreachable(database: Database) -> AsyncGenerator[None]:
    """Inside the block the server lets nobody into this database, and has thrown out who was in."""
    name = str(conninfo_to_dict(database.conninfo)["dbname"])
    elsewhere = make_conninfo(database.conninfo, dbname="postgres")
    patience, database._pool.timeout = database._pool.timeout, 1.0
    door = sql.SQL("alter database {} allow_connections {}")
    async with await psycopg.AsyncConnection.connect(elsewhere, autocommit=True) as admin:
        await admin.execute(door.format(sql.Identifier(name), sql.SQL("false")))
        await admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", (name,))
        try:
            yield
        finally:
            await admin.execute(door.format(sql.Identifier(name), sql.SQL("true")))
            database._pool.timeout = patience
