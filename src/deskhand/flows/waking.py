"""Waking: a mailbox is looked into once, however many notices say that it has news."""

from __future__ import annotations

from deskhand import channel_states
from deskhand.channels.base import Fetched
from deskhand.db import Tx
from deskhand.desk import Desk


async def wake_mailbox(desk: Desk, tx: Tx, channel: str) -> bool:
    """Queue a look into the mailbox; False when one waits already, or the channel has none.

    A look that has begun may have missed the news, so it doesn't count: the number of begun looks is in the key.
    """
    if not isinstance(desk.channels.get(channel), Fetched):
        return False
    state = await channel_states.find(tx, channel)
    begun = state.fetches if state is not None else 0
    return await desk.transport.publish(
        tx, desk.topics.mailboxes, channel, {"channel": channel}, dedup_key=f"{channel}:{begun}"
    )
