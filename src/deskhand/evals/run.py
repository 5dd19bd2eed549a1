"""Labelled tickets through the flow that live traffic takes, on a database that is thrown away."""

from __future__ import annotations

import asyncio
import tempfile
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from deskhand import customers
from deskhand.channels.base import Channel, ChannelHealth, InboundMessage, Outbound, Receipt, Reply
from deskhand.composition import open_desk
from deskhand.customers import IdentifierKind
from deskhand.db import migrate
from deskhand.desk import Desk
from deskhand.embedded import EmbeddedSettings, throwaway_server
from deskhand.errors import DatabaseUnavailable, DeskhandError
from deskhand.evals.results import Result, from_outcome, without_outcome
from deskhand.evals.tickets import Ticket
from deskhand.flows import intake
from deskhand.flows.ingest import load_company_knowledge
from deskhand.flows.outcome import wait_for_outcome
from deskhand.settings import Settings

T = TypeVar("T")
Work = Callable[[Desk, asyncio.Event], Awaitable[None]]

TICKET_TIMEOUT_SECONDS = 120


class WorkerEnded(DeskhandError):
    """The worker ended in the middle of the evaluation."""


class MutedChannel:
    """A channel that reads and formats as it always does and sends nothing: no ticket of an evaluation gets out."""

    def __init__(self, channel: Channel) -> None:
        self.name = channel.name
        self.label = channel.label
        self.is_chat = channel.is_chat
        self._channel = channel

    def parse(self, payload: dict[str, Any]) -> InboundMessage:
        return self._channel.parse(payload)

    def format(self, reply: Reply) -> tuple[str, ...]:
        return self._channel.format(reply)

    async def send(self, outbound: Outbound) -> Receipt:
        return Receipt("delivered", f"evaluation:{outbound.delivery_id}", "kept in, this is an evaluation")

    def health(self) -> ChannelHealth:
        return ChannelHealth("ready", "sends nothing, this is an evaluation")


def mute(channels: Mapping[str, Channel]) -> dict[str, Channel]:
    return {name: MutedChannel(channel) for name, channel in channels.items()}


@asynccontextmanager
async def evaluation_desk(settings: Settings) -> AsyncGenerator[Desk]:
    """A desk that knows the company's articles, on a database that vanishes with the block; what it sends stays in.

    Raises:
        DatabaseUnavailable: the embedded server can't run; the message says why.
        SetupInvalid: the company folder holds a mistake.
    """
    with (
        throwaway_server(EmbeddedSettings(install_dir=settings.postgres_dir)) as server,
        tempfile.TemporaryDirectory(prefix="deskhand-eval-") as folder,
    ):
        await migrate(server.conninfo)
        async with open_desk(private_settings(settings, Path(folder)), server.conninfo) as desk:
            await desk.triage.load()
            await load_company_knowledge(desk)
            yield replace(desk, channels=mute(desk.channels))


def private_settings(settings: Settings, folder: Path) -> Settings:
    """The same settings without what leads to the installation's data, with short pauses and without a mail brake."""
    return settings.model_copy(
        update={
            "database_url": None,
            "data_dir": folder,
            "queue_attempts": 3,
            "queue_backoff": timedelta(milliseconds=200),
            "mails_per_hour": 1_000_000,
            "mails_per_day": 1_000_000,
        }
    )


async def run_tickets(
    desk: Desk, tickets: Sequence[Ticket], *, work: Work, on_result: Callable[[Result], None]
) -> list[Result]:
    """Play tickets one after the other, each as the first message of a customer nobody knows.

    `work` is the worker, which runs for as long as this does.

    Raises:
        WorkerEnded: there is nobody left who could handle a ticket.
    """
    results: list[Result] = []
    async with working(desk, work) as worker:
        for ticket in tickets:
            result = await while_working(worker, _play(desk, ticket))
            results.append(result)
            on_result(result)
    return results


@asynccontextmanager
async def working(desk: Desk, work: Work) -> AsyncGenerator[asyncio.Future[None]]:
    """The worker for as long as the block lasts, and until it has drained."""
    stop = asyncio.Event()
    worker = asyncio.ensure_future(work(desk, stop))
    try:
        yield worker
    finally:
        stop.set()
        await worker


async def while_working(worker: asyncio.Future[None], work: Coroutine[Any, Any, T]) -> T:
    """Raises WorkerEnded when there is nobody left who could do it."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task, worker}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            worker.result()
            raise WorkerEnded
        return task.result()
    finally:
        task.cancel()


async def _play(desk: Desk, ticket: Ticket) -> Result:
    began = desk.clock.now()

    def elapsed() -> float:
        return (desk.clock.now() - began).total_seconds() * 1000

    try:
        sender = await _introduce(desk, ticket)
        began = desk.clock.now()
        accepted = await intake.accept(desk, ticket.channel, _as_payload(ticket, sender))
        outcome = await wait_for_outcome(desk, accepted.inbound_id, timeout=TICKET_TIMEOUT_SECONDS)
    except DatabaseUnavailable:
        raise
    except Exception as error:  # whatever live traffic would stumble over fails this ticket and no other
        return without_outcome(ticket.id, error, ms=elapsed())
    return from_outcome(ticket.id, outcome, ms=(outcome.decision.created_at - began).total_seconds() * 1000)


async def _introduce(desk: Desk, ticket: Ticket) -> str:
    """Put a new customer with the ticket's plan into the records; returns the address they write from."""
    kind: IdentifierKind = "whatsapp_id" if ticket.channel == "whatsapp" else "email"
    invented = f"+999{uuid.uuid4().int % 10**12:012d}" if kind == "whatsapp_id" else f"{uuid.uuid4().hex}@example.com"
    async with desk.db.transaction() as tx:
        sender = ticket.email if kind == "email" and ticket.email else invented
        if await customers.find_by_identifier(tx, kind, sender) is not None:
            sender = invented
        customer = await customers.find_or_create(tx, kind, sender, name=ticket.name)
        await customers.set_plan(tx, customer.id, ticket.plan)
    return sender


def _as_payload(ticket: Ticket, sender: str) -> dict[str, Any]:
    return {
        "provider_id": f"eval-{uuid.uuid4()}",
        "sender": sender,
        "name": ticket.name,
        "subject": ticket.subject,
        "body": ticket.message,
        "verified": ticket.channel != "web_form",
    }
