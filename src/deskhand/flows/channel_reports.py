"""Channel reports: what each channel can do now, how far its mailbox was read, and what waits for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from deskhand import channel_states, deliveries, inbound
from deskhand.channel_states import ChannelState
from deskhand.channels.base import Channel, Fetched
from deskhand.db import Tx
from deskhand.desk import Desk

MISSED_LOOKS = 3
GRACE = timedelta(minutes=1)
FINE = ("ready", "local")


@dataclass(frozen=True, slots=True)
class ChannelReport:
    """`state` is the channel's own word, or `paused`, `failing` or `silent` where it can't do its work."""

    name: str
    label: str
    state: str
    detail: str
    fetched_at: datetime | None
    last_message_at: datetime | None
    waiting: int

    @property
    def is_fine(self) -> bool:
        return self.state in FINE


async def report_channels(desk: Desk, tx: Tx) -> list[ChannelReport]:
    states = {state.channel: state for state in await channel_states.list_all(tx)}
    return [await _report(desk, tx, channel, states.get(name)) for name, channel in desk.channels.items()]


async def _report(desk: Desk, tx: Tx, channel: Channel, kept: ChannelState | None) -> ChannelReport:
    state, detail = _state(desk, channel, kept)
    return ChannelReport(
        name=channel.name,
        label=channel.label,
        state=state,
        detail=detail,
        fetched_at=kept.fetched_from if kept is not None else None,
        last_message_at=await inbound.last_received_at(tx, channel.name),
        waiting=await deliveries.count_waiting(tx, channel.name),
    )


def _state(desk: Desk, channel: Channel, kept: ChannelState | None) -> tuple[str, str]:
    """A mailbox that nobody looks into loses mail without a word: it says so itself."""
    health = channel.health()
    if kept is None:
        return health.state, health.detail
    if kept.paused_at is not None:
        return "paused", f"since {kept.paused_at:%Y-%m-%d %H:%M} UTC: {kept.detail}"
    if not isinstance(channel, Fetched) or kept.fetches == 0:
        return health.state, health.detail
    if kept.failures >= MISSED_LOOKS:
        return "failing", f"{kept.failures} looks in a row failed: {kept.detail}"
    since = kept.fetched_from or kept.updated_at
    if desk.clock.now() - since > channel.fetch_every * MISSED_LOOKS + GRACE:
        return "silent", f"nobody has looked into the mailbox since {since:%Y-%m-%d %H:%M} UTC: is a worker running?"
    return health.state, health.detail
