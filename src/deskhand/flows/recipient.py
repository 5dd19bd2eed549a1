"""The recipient of a reply: an address of the customer's own, never one that a message or a model named."""

from __future__ import annotations

from deskhand import customers, inbound
from deskhand.customers import IdentifierKind
from deskhand.db import Tx
from deskhand.desk import Desk
from deskhand.flows.situation import Situation

KINDS: dict[str, tuple[IdentifierKind, ...]] = {"whatsapp": ("whatsapp_id", "phone"), "sms": ("phone",)}


async def find_recipient(desk: Desk, tx: Tx, situation: Situation) -> str:
    """The address by which the customer wrote, as long as it is theirs; empty when there is none on this channel."""
    identifiers = await customers.list_identifiers(tx, situation.customer.id)
    row = await inbound.find_by_message(tx, situation.message.id)
    if row is not None and row.channel == situation.conversation.channel:
        message = desk.channels[row.channel].parse(row.payload)
        for identifier in identifiers:
            if (identifier.kind, identifier.value) == (message.sender_kind, message.sender):
                return identifier.value
    for kind in KINDS.get(situation.conversation.channel, ("email",)):
        for identifier in identifiers:
            if identifier.kind == kind:
                return identifier.value
    return ""
