"""Fetching: mailboxes are read from a cursor, which moves in the transaction that stores what was read."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from datetime import timedelta

from deskhand import channel_states, crash
from deskhand.channel_states import ChannelState
from deskhand.channels.base import Batch, Channel, Fetched
from deskhand.db import Tx
from deskhand.desk import Desk
from deskhand.errors import ChannelError, DatabaseUnavailable, LeaseLost
from deskhand.flows.keeping import keep_message
from deskhand.flows.pausing import pause_channel
from deskhand.flows.receipts import apply_update
from deskhand.flows.waking import wake_mailbox
from deskhand.log import get_logger
from deskhand.transport.base import Delivery, Postpone

log = get_logger("fetching")

LONGEST_PAUSE = timedelta(minutes=10)
LONGEST_FETCH = timedelta(minutes=5)
LOOK_EVERY = timedelta(seconds=15)


async def keep_waking(desk: Desk, stop: asyncio.Event) -> None:
    """Queue a look into each mailbox whenever one is due, until `stop` is set: a notice may get lost."""
    mailboxes = {name: channel for name, channel in desk.channels.items() if isinstance(channel, Fetched)}
    if not mailboxes:
        return
    pause = min([LOOK_EVERY, *(channel.fetch_every for channel in mailboxes.values())]).total_seconds()
    while not stop.is_set():
        for name, channel in mailboxes.items():
            with suppress(DatabaseUnavailable):  # the consumers say so; the next round comes
                async with desk.db.transaction() as tx:
                    if _is_due(await channel_states.find(tx, name), channel, desk):
                        await wake_mailbox(desk, tx, name)
        with suppress(TimeoutError):
            async with asyncio.timeout(pause * random.uniform(0.8, 1.2)):  # noqa: S311  # jitter, not a secret
                await stop.wait()


def _is_due(state: ChannelState | None, channel: Fetched, desk: Desk) -> bool:
    if state is None or state.fetched_from is None:
        return state is None or state.paused_at is None
    return state.paused_at is None and desk.clock.now() - state.fetched_from >= channel.fetch_every


async def look_into_mailbox(desk: Desk, delivery: Delivery) -> None:
    """Worker: one batch from the mailbox. The lane is the lock: one worker at a time has it, and a lost one is fenced.

    What is asked for while a look is under way waits for the next; what a finished one has seen is not looked at again.
    """
    queued = delivery.messages[0]
    name = str(queued.payload["channel"])
    channel = desk.channels[name]
    began_at = desk.clock.now()
    async with desk.db.transaction() as tx:
        before = await channel_states.find(tx, name)
        state = await channel_states.begin_fetch(tx, name, at=began_at) if _is_open(before) else None
    if state is None or not isinstance(channel, Fetched):
        async with delivery.settle():
            return
    try:
        async with asyncio.timeout(LONGEST_FETCH.total_seconds()):
            batch = await channel.fetch(state.cursor)
    except TimeoutError:
        await _on_failure(desk, delivery, name, ChannelError("The mailbox did not answer in time.", permanent=False))
    except ChannelError as error:
        await _on_failure(desk, delivery, name, error)
    else:
        async with delivery.settle() as tx:
            await _keep(desk, tx, desk.channels[name], batch)
            if not await channel_states.end_fetch(
                tx, name, fetches=state.fetches, position=batch.cursor, began_at=began_at, at=desk.clock.now()
            ):
                raise LeaseLost
            if batch.more:
                await wake_mailbox(desk, tx, name)


def _is_open(state: ChannelState | None) -> bool:
    return state is None or state.paused_at is None


async def _keep(desk: Desk, tx: Tx, channel: Channel, batch: Batch) -> None:
    for raw in batch.messages:
        await keep_message(desk, tx, channel, raw)
        crash.here("in_mailbox_page")
    for update in batch.updates:
        await apply_update(desk, tx, channel.name, update)
    for note in batch.notes:
        log.info("mailbox_noted", channel=channel.name, note=note)


async def _on_failure(desk: Desk, delivery: Delivery, channel: str, error: ChannelError) -> None:
    """Rest when only a person can mend it; else try again later, at growing intervals."""
    if error.pauses:
        async with delivery.settle() as tx:
            await pause_channel(desk, tx, channel, error.message)
        return
    async with desk.db.transaction() as tx:
        failures = await channel_states.count_failure(tx, channel, detail=error.message[:500], at=desk.clock.now())
    pause = error.retry_after or _pause(desk, failures)
    log.warning("mailbox_failed", channel=channel, error=error.message, failures=failures)
    raise Postpone(pause)


def _pause(desk: Desk, failures: int) -> timedelta:
    longest = min(LONGEST_PAUSE, desk.settings.queue_backoff * 2 ** min(failures - 1, 20))
    return longest * random.uniform(0.5, 1.0)  # noqa: S311  # jitter, not a secret
