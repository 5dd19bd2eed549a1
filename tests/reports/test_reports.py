"""Figures: counted by channel, from a moment on."""

from __future__ import annotations

from datetime import timedelta

import pytest

from deskhand import reports
from deskhand.db import Database, Tx
from tests.factories import NOON


async def _turn(tx: Tx, channel: str, action: str) -> None:
    await reports.record_metric(tx, "turn_seconds", 1.0, channel, None, {"action": action})


async def test_figures_are_counted_by_channel_and_action(database: Database) -> None:
    async with database.transaction() as tx:
        for action in ("answered", "acknowledged", "asked_back", "escalated", "ignored", "held", "silent"):
            await _turn(tx, "email", action)
        await _turn(tx, "whatsapp", "answered")
        for seconds in (1.0, 2.0, 3.0, 4.0, 100.0):
            await reports.record_metric(tx, "reply_seconds", seconds, "email", None, {})
        for mood in (-1.0, 0.5):
            await reports.record_metric(tx, "sentiment", mood, "email", None, {})

        mail, chat = await reports.figures_by_channel(tx, NOON - timedelta(days=3650))

    assert (mail.channel, mail.messages, mail.answered, mail.escalated, mail.ignored) == ("email", 7, 3, 1, 1)
    assert mail.reply_seconds_p50 == pytest.approx(3.0)
    assert mail.reply_seconds_p95 == pytest.approx(80.8)
    assert mail.mean_sentiment == pytest.approx(-0.25)
    assert (chat.channel, chat.messages, chat.answered) == ("whatsapp", 1, 1)
    assert (chat.reply_seconds_p50, chat.mean_sentiment) == (None, None)


async def test_what_is_older_does_not_count(database: Database) -> None:
    async with database.transaction() as tx:
        await _turn(tx, "email", "answered")
        row = await (await tx.execute("select now() + interval '1 second'")).fetchone()
        assert row is not None

        assert await reports.figures_by_channel(tx, row[0]) == []
