"""The story of a ticket: every turn with its decision, its evidence, what was sent and who has it now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from deskhand import conversations, decisions, deliveries, inbound, knowledge, tickets
from deskhand.conversations import Message
from deskhand.db import Tx
from deskhand.decisions import DecisionRecord
from deskhand.deliveries import MessageDelivery
from deskhand.desk import Desk
from deskhand.errors import Conflict, InvalidInput
from deskhand.flows.record import message_hash
from deskhand.tickets import Escalation, Ticket


@dataclass(frozen=True, slots=True)
class TurnStory:
    """`changed` says of an article that was used what has become of it since, by its slug."""

    message: Message
    decision: DecisionRecord
    reply: Message | None
    delivery: MessageDelivery | None
    escalation: Escalation | None
    changed: Mapping[str, str]

    @property
    def is_same_message(self) -> bool:
        """False when the stored message is no longer the one that the turn read."""
        return self.decision.record["message"]["sha256"] == message_hash(self.message)


@dataclass(frozen=True, slots=True)
class Story:
    ticket: Ticket
    turns: tuple[TurnStory, ...]


async def tell_story(desk: Desk, reference: str) -> Story:
    """Raises InvalidInput for a reference that nobody has."""
    async with desk.db.transaction() as tx:
        ticket = await find_ticket(tx, reference)
        records = await decisions.list_by_ticket(tx, ticket.id)
        escalations = {item.message_id: item for item in await tickets.list_escalations(tx, ticket.id)}
        turns = [await _turn(tx, record, escalations.get(record.message_id)) for record in records]
    return Story(ticket, tuple(turns))


async def find_ticket(tx: Tx, reference: str) -> Ticket:
    """The ticket with this reference, or the one that took in the message to which the reference was promised.

    Raises:
        InvalidInput: nobody has this reference.
        Conflict: it was promised, and its message has not been processed yet.
    """
    wanted = reference.strip().upper()
    if not tickets.is_reference(wanted):
        raise InvalidInput(f"'{reference}' is no reference: they look like TF-20261122-7K3Q.", field="reference")
    ticket = await tickets.find_by_reference(tx, wanted)
    if ticket is not None:
        return ticket
    promised = await inbound.find_by_reference(tx, wanted)
    if promised is None:
        raise InvalidInput(f"There is no ticket {wanted}.", field="reference", mend="Check the spelling.")
    decided = await decisions.find_by_message(tx, promised.message_id) if promised.message_id else None
    if decided is None or decided.ticket_id is None:
        raise Conflict(f"{wanted} was received and has not been processed yet.", mend="Is a worker running?")
    return await tickets.get(tx, decided.ticket_id)


async def _turn(tx: Tx, record: DecisionRecord, escalation: Escalation | None) -> TurnStory:
    message = await conversations.get_message(tx, record.message_id)
    reply = await conversations.find_reply(tx, record.message_id)
    delivery = await deliveries.find_by_message(tx, reply.id) if reply is not None else None
    return TurnStory(message, record, reply, delivery, escalation, await _changes(tx, record))


async def _changes(tx: Tx, record: DecisionRecord) -> dict[str, str]:
    found: dict[str, str] = {}
    for passage in record.record["passages"]:
        slug, version = passage["article"], passage["version"]
        if slug in found:
            continue
        article = await knowledge.find_article(tx, slug)
        if article is None or article.retired_at is not None:
            found[slug] = "the article was removed since"
        elif article.version != version:
            found[slug] = f"the article was changed since: version {article.version} now"
    return found
