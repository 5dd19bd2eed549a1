"""Brakes against machines that answer each other: a repeated text, and too many automatic mails, wait for a person."""

from __future__ import annotations

from datetime import datetime, timedelta

from deskhand import conversations, customers, deliveries
from deskhand.channels.base import InboundMessage
from deskhand.customers import Customer
from deskhand.db import Tx
from deskhand.desk import Desk
from deskhand.ids import CustomerId, MessageId

MAIL = "email"
ALIKE = 3
LOOK_BACK = 20
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


async def repeats_itself(
    tx: Tx, customer: Customer, message: InboundMessage, message_id: MessageId, *, at: datetime
) -> bool:
    """Whether this mail's words came from the same sender often enough within a day."""
    words = _words(message.body)
    if message.channel != MAIL or not words:
        return False
    earlier = await conversations.list_recent_bodies(
        tx, customer.id, message.channel, since=at - DAY, excluding=message_id, limit=LOOK_BACK
    )
    return sum(_words(body) == words for body in earlier) >= ALIKE - 1


def _words(text: str) -> str:
    return " ".join(text.lower().split())


async def find_excess(desk: Desk, tx: Tx, customer_id: CustomerId, channel: str, recipient: str) -> str | None:
    """Why no further automatic mail may go to this address now; None when it may.

    Holds the customer's row until the commit, so that two turns at once count each other.
    """
    if channel != MAIL:
        return None
    await customers.lock(tx, customer_id)
    now, settings = desk.clock.now(), desk.settings
    for length, most, words in ((HOUR, settings.mails_per_hour, "hour"), (DAY, settings.mails_per_day, "day")):
        sent = await deliveries.count_automatic(tx, channel=channel, recipient=recipient, since=now - length)
        if sent >= most:
            return f"{sent} automatic mails went to this address within the last {words}: more look like a loop"
    return None
