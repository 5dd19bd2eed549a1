"""A ticket as its customer sees it, opened by the secret that the submitter got, or by the one in a mail."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from uuid import UUID

from deskhand import conversations, deliveries, files, inbound, tickets
from deskhand.agent.policy import response_time
from deskhand.agent.wording import response_time_in_words
from deskhand.api.schemas import FileView, MessageState, Sla, TicketMessage, TicketStatus, TicketView
from deskhand.conversations import Message
from deskhand.db import Tx
from deskhand.desk import Desk
from deskhand.errors import NotFound
from deskhand.files import AttachedFile, FileContent, FileInfo
from deskhand.flows import intake
from deskhand.inbound import Inbound
from deskhand.tickets import Ticket

NO_HASH = bytes(32)
NOBODY = UUID(int=0)
MOST_MESSAGES = 100
STRANGERS_PLAN = "free"
NOTHING_HERE = "There is no ticket with this reference and token."
STATES: dict[deliveries.State, MessageState] = {
    "queued": "on_its_way",
    "sending": "on_its_way",
    "sent": "delivered",
    "delivered": "delivered",
    "read": "delivered",
    "failed": "not_delivered",
    "unknown": "not_known",
}


def sla_for_strangers(desk: Desk) -> Sla:
    """What anybody is told: the real plan would show whether an address is a customer's (decision 0007)."""
    wait = response_time(desk.company, STRANGERS_PLAN)
    words = response_time_in_words(wait, desk.company.voice.for_language("en"))
    return Sla(plan=STRANGERS_PLAN, first_response=f"within {words}", seconds=int(wait.total_seconds()))


def status_link(desk: Desk, reference: str, token: str) -> str:
    """The private link: absolute when the settings say under which address customers see us."""
    return f"{(desk.settings.public_url or '').rstrip('/')}/support/status/{reference}?token={token}"


async def open_row(tx: Tx, reference: str, token: str | None) -> Inbound:
    """Raises NotFound for an unknown reference and for a wrong token alike."""
    row = await inbound.find_by_reference(tx, reference) if tickets.is_reference(reference) else None
    known = row.access_hash if row is not None and row.access_hash is not None else NO_HASH
    given = intake.access_hash(token or "")
    opens = await inbound.link_opens(tx, row.id if row is not None else NOBODY, given)
    if row is None or not (hmac.compare_digest(given, known) or opens):
        raise NotFound(NOTHING_HERE)
    return row


async def open_ticket(desk: Desk, reference: str, token: str | None) -> TicketView:
    """Raises NotFound."""
    async with desk.db.transaction() as tx:
        return await _view(desk, tx, await open_row(tx, reference, token))


async def open_file(desk: Desk, reference: str, token: str | None, file_id: UUID) -> FileContent:
    """A file of a message that this ticket's page shows. Raises NotFound for any other."""
    async with desk.db.transaction() as tx:
        row = await open_row(tx, reference, token)
        if row.message_id is None:
            raise NotFound
        filed = await conversations.get_message(tx, row.message_id)
        visible = await _visible(tx, filed)
        shown = await files.list_of_messages(tx, [item.id for item in visible])
        if file_id not in {item.id for item in shown}:
            raise NotFound
        return await files.read(tx, filed.conversation_id, file_id)


async def _visible(tx: Tx, filed: Message) -> list[Message]:
    """What the customer may see of the conversation, oldest first."""
    page = await conversations.page_of_messages(tx, filed.conversation_id, limit=MOST_MESSAGES)
    return [item for item in reversed(page.messages) if item.kind in ("inbound", "outbound")]


async def _view(desk: Desk, tx: Tx, row: Inbound) -> TicketView:
    first = desk.channels[row.channel].parse(row.payload)
    status: TicketStatus = "received"
    language = "en"
    updated_at = row.received_at
    waiting = await inbound.list_waiting_replies(tx, row.provider_id, limit=MOST_MESSAGES)
    if row.message_id is None or row.outcome == "suspended":
        said = [await _waiting_message(desk, tx, row)]
        status = "held_back" if first.automatic or row.outcome == "suspended" else "received"
    else:
        filed = await conversations.get_message(tx, row.message_id)
        conversation = await conversations.get(tx, filed.conversation_id)
        visible = await _visible(tx, filed)
        said = await _messages(tx, row, visible)
        # A reply to what was closed opens a ticket of its own in the same conversation.
        active = await tickets.find_active(tx, conversation.id)
        ticket = active or await tickets.find_by_reference(tx, row.reference or "")
        status = status_of(ticket, "customer" if waiting else visible[-1].author)
        status = "in_progress" if waiting and status == "closed" else status
        language = conversation.language
        updated_at = max(conversation.last_message_at, ticket.updated_at if ticket else row.received_at)
    said += [await _waiting_message(desk, tx, reply) for reply in waiting]
    return TicketView(
        reference=row.reference or "",
        status=status,
        subject=first.subject,
        language=language,
        sla=sla_for_strangers(desk),
        messages=tuple(said),
        created_at=row.received_at,
        updated_at=updated_at,
        version=_version(status, said),
    )


async def _messages(tx: Tx, row: Inbound, visible: Sequence[Message]) -> list[TicketMessage]:
    ids = [item.id for item in visible]
    states, copies = await deliveries.states_of(tx, ids), await deliveries.copies_of(tx, ids)
    attached: dict[UUID, list[AttachedFile]] = {}
    for file in await files.list_of_messages(tx, ids):
        attached.setdefault(file.message_id, []).append(file)
    return [
        TicketMessage(
            author=item.author,
            name=item.author_name,
            text=item.body,
            created_at=item.created_at,
            state="read" if item.kind == "inbound" else STATES[states.get(item.id, "delivered")],
            mailed=STATES[copies[item.id]] if item.id in copies else None,
            files=_files(attached.get(item.id, ()), row.reference),
        )
        for item in visible
    ]


async def _waiting_message(desk: Desk, tx: Tx, row: Inbound) -> TicketMessage:
    """What has come in and is not in a conversation yet."""
    message = desk.channels[row.channel].parse(row.payload)
    return TicketMessage(
        author="customer",
        name=message.name,
        text=message.body,
        created_at=row.received_at,
        state="not_read" if row.outcome == "failed" else "received",
        files=_files(await files.list_of_inbound(tx, row.id), None),
    )


def _files(found: Iterable[AttachedFile | FileInfo], reference: str | None) -> tuple[FileView, ...]:
    """Without a reference they are not to be had yet."""
    return tuple(
        FileView(
            id=file.id,
            name=file.name,
            size=file.size,
            url=f"/support/status/{reference}/files/{file.id}" if reference else None,
        )
        for file in found
    )


def _version(status: str, said: Sequence[TicketMessage]) -> str:
    parts = [status, *(f"{item.created_at.isoformat()} {item.author} {item.state} {item.mailed}" for item in said)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def status_of(ticket: Ticket | None, last: str) -> TicketStatus:
    """Where a filed ticket stands, in words for its customer; `last` is the author of the newest message."""
    if ticket is None:
        return "received"
    if ticket.status in ("resolved", "closed"):
        return "closed"
    if ticket.handler == "operator":
        return "answered" if last == "operator" else "with_a_person"
    if ticket.outcome in ("held", "escalated"):
        return "with_a_person"
    return "in_progress" if last == "customer" else "answered"
