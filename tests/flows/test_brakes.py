"""Brakes: two machines that answer each other stop soon, and a person sees why."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from deskhand.clock import FixedClock
from deskhand.desk import Desk
from deskhand.flows.outcome import Outcome
from tests.driving import ask, with_channel
from tests.factories import NOON
from tests.fakes import FakeChannel


def braked(desk: Desk, **limits: int) -> tuple[Desk, FakeChannel, FixedClock]:
    clock = FixedClock(NOON)
    settings = desk.settings.model_copy(update={"mails_per_hour": 3, "mails_per_day": 10} | limits)
    mailing, mail = with_channel(replace(desk, settings=settings, clock=clock), "email")
    return mailing, mail, clock


def mails_to_dana(mail: FakeChannel) -> int:
    return sum(outbound.recipient == "dana@example.com" for outbound in mail.sends)


def is_braked(outcome: Outcome) -> bool:
    return outcome.reply is None and "mail brake" in outcome.decision.record["flags"]


async def test_the_fourth_automatic_mail_within_an_hour_waits_for_a_person(desk: Desk) -> None:
    mailing, mail, _ = braked(desk)

    outcomes = [await ask(mailing, f"Message {number}") for number in range(4)]

    assert [is_braked(outcome) for outcome in outcomes] == [False, False, False, True]
    assert mails_to_dana(mail) == 3
    last = outcomes[-1]
    assert last.escalation is not None
    assert "within the last hour" in last.escalation.reason
    assert last.escalation.handoff["draft"]


async def test_when_the_hour_has_passed_the_agent_speaks_again_until_the_day_is_full(desk: Desk) -> None:
    mailing, mail, clock = braked(desk, mails_per_day=4)
    stopped: list[bool] = []
    for number in range(6):
        clock.advance(timedelta(minutes=61))
        stopped.append(is_braked(await ask(mailing, f"Message {number}")))

    assert stopped == [False, False, False, False, True, True]
    assert mails_to_dana(mail) == 4


async def test_two_machines_exchange_ten_mails_a_day_at_the_most(desk: Desk) -> None:
    """A bot without any header that answers everything under a new subject and text."""
    mailing, mail, clock = braked(desk)
    for number in range(48):
        clock.advance(timedelta(minutes=30))
        await ask(mailing, f"Ticket {number} received, our staff is busy.", subject=f"[#{number}] Re: your mail")

    assert mails_to_dana(mail) <= 10


async def test_the_brake_counts_one_address_and_mail_alone(desk: Desk) -> None:
    mailing, mail, _ = braked(desk, mails_per_hour=1)

    await ask(mailing, "One")
    other = await ask(mailing, "Two", sender="eve@example.com")
    chats = [await ask(mailing, f"Chat {number}", channel="whatsapp") for number in range(3)]

    assert not is_braked(other)
    assert not any(is_braked(chat) for chat in chats)
    assert mails_to_dana(mail) == 1


async def test_the_same_words_three_times_go_to_a_person(desk: Desk) -> None:
    mailing, _, _ = braked(desk, mails_per_hour=100)

    outcomes = [await ask(mailing, f"Your  request was received{end}") for end in (".", ".\n", ".")]

    assert [outcome.decision.action for outcome in outcomes][-1] == "escalated"
    assert outcomes[-1].escalation is not None
    assert "three times" in outcomes[-1].escalation.reason
    assert outcomes[-1].reply is None
    assert outcomes[1].reply is not None
