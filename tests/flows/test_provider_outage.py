"""A provider that fails is left in peace, one probe excepted, and what waits for it uses up no attempt."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from deskhand import breaker
from deskhand.channels.base import Outbound, Receipt
from deskhand.desk import Desk
from deskhand.errors import ChannelError
from tests.driving import ask
from tests.fakes import ScriptedTriage, read_as
from tests.scripted_channel import ScriptedChannel, scripted


@pytest.fixture(autouse=True)
def _quick_probes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(breaker, "PROBE_EVERY", timedelta(milliseconds=100))


def open_breaker(desk: Desk) -> None:
    for _ in range(breaker.FAILURES_IN_A_ROW):
        desk.breakers.of("email", desk.clock.now).failed()


async def test_while_the_breaker_is_open_a_reply_waits_without_an_attempt(desk: Desk) -> None:
    mailing, channel = scripted(desk)
    open_breaker(mailing)

    outcome = await ask(mailing, "Hello")

    assert outcome.delivery is not None
    assert (outcome.delivery.state, outcome.delivery.items[0].attempts) == ("sent", 1)
    assert len(channel.sends) == 1
    assert not mailing.breakers.of("email", mailing.clock.now).is_open


async def test_five_failures_in_a_row_open_it_and_the_probe_that_succeeds_closes_it(desk: Desk) -> None:
    seen: list[bool] = []

    def fails_five_times(_: Outbound) -> Receipt:
        seen.append(mailing.breakers.of("email", mailing.clock.now).is_open)
        if len(seen) <= breaker.FAILURES_IN_A_ROW:
            raise ChannelError("Busy.", permanent=False)
        return Receipt("sent", "SM1", "taken")

    mailing, _ = scripted(desk, on_send=fails_five_times)

    outcome = await ask(mailing, "Hello")

    assert outcome.delivery is not None
    assert outcome.delivery.state == "sent"
    assert seen == [False] * 5 + [True]


async def test_an_outage_uses_up_patience_and_no_attempts(desk: Desk) -> None:
    calls = 0

    def fails_for_long(_: Outbound) -> Receipt:
        nonlocal calls
        calls += 1
        if calls <= breaker.FAILURES_IN_A_ROW + 4:
            raise ChannelError("Down.", permanent=False)
        return Receipt("sent", "SM1", "taken")

    few = replace(desk, settings=desk.settings.model_copy(update={"delivery_attempts": breaker.FAILURES_IN_A_ROW}))
    mailing, _ = scripted(few, on_send=fails_for_long)

    outcome = await ask(mailing, "Hello")

    assert outcome.delivery is not None
    assert outcome.delivery.state == "sent"


async def test_a_refusal_of_one_recipient_says_nothing_against_the_provider(desk: Desk) -> None:
    def refuses(_: Outbound) -> Receipt:
        raise ChannelError("No such address.", permanent=True)

    mailing, _ = scripted(desk, on_send=refuses)

    for _ in range(breaker.FAILURES_IN_A_ROW):
        await ask(mailing, "Hello")

    assert not mailing.breakers.of("email", mailing.clock.now).is_open


def escalating(desk: Desk) -> tuple[Desk, ScriptedChannel]:
    alarmed = replace(desk, triage=ScriptedTriage(lambda _: read_as("security", words="strange logins")))
    return scripted(alarmed)


async def test_a_notice_to_the_owner_waits_for_the_provider_too(desk: Desk) -> None:
    mailing, channel = escalating(desk)
    open_breaker(mailing)

    outcome = await ask(mailing, "There are strange logins.", channel="web_form")

    assert outcome.escalation is not None
    assert outcome.escalation.notice == "sent"
    assert len(channel.sends) == 1


async def test_a_notice_whose_sending_broke_off_is_not_sent_again_when_the_provider_shows_it(desk: Desk) -> None:
    def breaks_off(_: Outbound) -> Receipt:
        raise ChannelError("The line broke.", permanent=False, was_sent=None, retry_after=timedelta(milliseconds=10))

    mailing, channel = escalating(desk)
    channel.on_send = breaks_off
    channel.on_find = lambda _: Receipt("sent", "SM1", "found")

    outcome = await ask(mailing, "There are strange logins.", channel="web_form")

    assert outcome.escalation is not None
    assert outcome.escalation.notice == "sent"
    assert len(channel.sends) == 1
