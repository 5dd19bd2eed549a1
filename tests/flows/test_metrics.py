"""Figures of the running desk: measured from the message in to the reply out."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from deskhand import reports
from deskhand.clock import FixedClock
from deskhand.desk import Desk
from deskhand.reports import ChannelFigures
from tests.driving import ask, say, settle, working
from tests.factories import NOON
from tests.fakes import ScriptedTriage, read_as


async def _figures(desk: Desk) -> dict[str, ChannelFigures]:
    async with working(desk), asyncio.timeout(20):
        while any(lag.pending for lag in await desk.transport.lag()):
            await asyncio.sleep(0.02)
    async with desk.db.transaction() as tx:
        return {
            figures.channel: figures for figures in await reports.figures_by_channel(tx, NOON - timedelta(days=999))
        }


async def test_latency_is_measured_from_the_message_in_to_the_reply_out(desk: Desk) -> None:
    clock = FixedClock(NOON)
    timed = replace(desk, clock=clock)
    inbound_id = await say(timed, "Hello")
    clock.advance(timedelta(seconds=42))

    await settle(timed, inbound_id)

    assert (await _figures(timed))["email"].reply_seconds_p50 == pytest.approx(42.0)


async def test_figures_count_what_became_of_the_messages_by_channel(desk: Desk) -> None:
    triage = ScriptedTriage(
        {
            "charged": read_as("billing", sentiment=-0.6),
            "watches": read_as(ignore="spam"),
            "Thanks": read_as(intent="thanks", sentiment=0.8),
        }
    )
    busy = replace(desk, triage=triage)
    for body in ("I was charged twice", "Buy watches", "Thanks a lot"):
        await ask(busy, body)
    await ask(busy, "Thanks", channel="whatsapp")

    figures = await _figures(busy)

    mail, chat = figures["email"], figures["whatsapp"]
    assert (mail.messages, mail.answered, mail.escalated, mail.ignored) == (3, 1, 1, 1)
    assert (chat.messages, chat.answered, chat.escalated, chat.ignored) == (1, 1, 0, 0)
    assert mail.mean_sentiment == pytest.approx((-0.6 + 0.8) / 3)
    assert mail.reply_seconds_p95 is not None
    assert 0 <= mail.reply_seconds_p95 < 20


async def test_a_message_that_is_not_answered_has_no_reply_time(desk: Desk) -> None:
    await ask(replace(desk, triage=ScriptedTriage(lambda _: read_as(ignore="spam"))), "Buy watches")

    assert (await _figures(desk))["email"].reply_seconds_p50 is None
