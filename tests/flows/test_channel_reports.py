"""Channel reports: a mailbox that nobody reads says so, and a channel that rests says why."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from deskhand import channel_states
from deskhand.clock import FixedClock
from deskhand.desk import Desk
from deskhand.flows.channel_reports import ChannelReport, report_channels
from tests.driving import say
from tests.factories import NOON
from tests.scripted_channel import scripted


async def report(desk: Desk) -> ChannelReport:
    async with desk.db.transaction() as tx:
        return next(item for item in await report_channels(desk, tx) if item.name == "email")


async def test_a_silent_failing_or_paused_mailbox_is_not_ready(desk: Desk) -> None:
    clock = FixedClock(NOON)
    reading, _ = scripted(replace(desk, clock=clock))
    assert (await report(reading)).state == "ready"

    async with desk.db.transaction() as tx:
        state = await channel_states.begin_fetch(tx, "email", at=NOON)
        await channel_states.end_fetch(tx, "email", fetches=state.fetches, position={}, began_at=NOON, at=NOON)
    fresh = await report(reading)
    clock.advance(timedelta(hours=4))
    silent = await report(reading)
    async with desk.db.transaction() as tx:
        for _ in range(3):
            await channel_states.count_failure(tx, "email", detail="500", at=NOON)
    failing = await report(reading)
    async with desk.db.transaction() as tx:
        await channel_states.pause(tx, "email", detail="revoked", at=NOON)
    paused = await report(reading)

    assert [fresh.state, silent.state, failing.state, paused.state] == ["ready", "silent", "failing", "paused"]
    assert "is a worker running?" in silent.detail
    assert "revoked" in paused.detail


async def test_it_tells_when_the_last_message_came(desk: Desk) -> None:
    before = await report(desk)
    await say(desk, "Hello")

    assert before.last_message_at is None
    assert (await report(desk)).last_message_at is not None
