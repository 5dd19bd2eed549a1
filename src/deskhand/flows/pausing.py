"""Pausing: a channel whose account is at fault rests, visibly, until a person has mended it."""

from __future__ import annotations

from deskhand import channel_states
from deskhand.db import Tx
from deskhand.desk import Desk
from deskhand.errors import InvalidInput
from deskhand.flows.waking import wake_mailbox
from deskhand.log import get_logger

log = get_logger("channels")


async def pause_channel(desk: Desk, tx: Tx, channel: str, detail: str) -> None:
    """Nothing is sent or fetched from now on, and nothing is lost: it waits."""
    if await channel_states.pause(tx, channel, detail=detail[:500], at=desk.clock.now()):
        log.error("channel_paused", channel=channel, detail=detail[:500], mend=f"deskhand channels resume {channel}")


async def resume_channel(desk: Desk, channel: str) -> bool:
    """False when it was not paused. Raises InvalidInput for a name that no channel has."""
    if channel not in desk.channels:
        names = ", ".join(desk.channels)
        raise InvalidInput(f"There is no channel '{channel}'.", field="name", mend=f"There are: {names}.")
    async with desk.db.transaction() as tx:
        resumed = await channel_states.resume(tx, channel, at=desk.clock.now())
        await wake_mailbox(desk, tx, channel)
    log.info("channel_resumed", channel=channel, was_paused=resumed)
    return resumed
