"""The mailed copy of the form's answer: our words and a link, few to an address that nobody has proved to hold."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from deskhand import customers
from deskhand.app import create_app
from deskhand.clock import TravelClock
from deskhand.desk import Desk
from deskhand.flows import mailed_copy
from deskhand.flows.mailed_copy import echoes
from tests.api.asking import bearer, count, submit
from tests.driving import with_channel, working
from tests.fakes import FakeChannel, ScriptedTriage, read_as
from tests.flows.test_turn import QUESTION

ADDRESS = "https://support.example.com"


@pytest.fixture
def mailing(knowing_desk: Desk) -> tuple[Desk, FakeChannel]:
    """A desk with an e-mail provider, known under an address of its own."""
    settings = knowing_desk.settings.model_copy(update={"public_url": ADDRESS})
    return with_channel(replace(knowing_desk, settings=settings, clock=TravelClock()), "email")


@asynccontextmanager
async def form_of(desk: Desk) -> AsyncGenerator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(desk))
    async with httpx.AsyncClient(transport=transport, base_url="http://desk.test") as client:
        yield client


async def ask(desk: Desk, **fields: Any) -> dict[str, Any]:
    """Through the form, and until everything that follows from it is done."""
    async with form_of(desk) as client:
        answer = await submit(client, **({"message": QUESTION} | fields))
    await run_dry(desk)
    return answer


async def run_dry(desk: Desk) -> None:
    async with working(desk), asyncio.timeout(20):
        waiting = "select count(*) from message_queue"
        while await count(desk.db, waiting):
            await asyncio.sleep(0.02)


async def copies(desk: Desk) -> int:
    return await count(desk.db, "select count(*) from deliveries where copy_subject is not null")


async def test_an_answer_stands_on_the_page_and_goes_to_the_address_too(mailing: tuple[Desk, FakeChannel]) -> None:
    desk, mail = mailing
    answer = await ask(desk)

    (sent,) = mail.sends
    assert sent.recipient == "dana@example.com"
    assert "Invite" in sent.text
    assert f"{ADDRESS}/support/status/{answer['reference']}?token=" in sent.text
    async with form_of(desk) as client:
        ticket = (
            await client.get(f"/support/ticket/{answer['reference']}", headers=bearer(answer["access_token"]))
        ).json()
    assert ticket["status"] == "answered"
    assert (ticket["messages"][1]["state"], ticket["messages"][1]["mailed"]) == ("delivered", "delivered")


async def test_the_mail_holds_nothing_that_the_sender_wrote(mailing: tuple[Desk, FakeChannel]) -> None:
    desk, mail = mailing
    await ask(
        desk, name="Gold Pills", subject="Cheap pills at pills.example", message=f"{QUESTION} Visit pills.example"
    )

    (sent,) = mail.sends
    for words in ("Gold", "pills", "Pills", "Visit"):
        assert words not in sent.subject + sent.text
    assert "[TF-" in sent.subject
    assert (sent.answers, sent.references) == (None, ())


async def test_the_mails_link_opens_the_page_and_is_not_the_senders_own(mailing: tuple[Desk, FakeChannel]) -> None:
    desk, mail = mailing
    answer = await ask(desk)
    link = next(word for word in mail.sends[0].text.split() if "?token=" in word)

    assert answer["access_token"] not in mail.sends[0].text
    async with form_of(desk) as client:
        page = await client.get(link.removeprefix(ADDRESS))
        other = await client.get(link.removeprefix(ADDRESS)[:-1] + "!")
    assert page.status_code == 200
    assert QUESTION in page.text
    assert other.status_code == 404


def test_a_run_of_the_senders_words_their_link_or_their_name_is_an_echo() -> None:
    ours = "Open Settings and choose Members, then press Invite and send it."
    assert echoes(ours, ["please open settings and choose members, then stop"], [])
    assert echoes(f"{ours} Bob Smith", [], ["bob smith"])
    assert echoes("See evil.example/buy for more.", ["evil.example/buy"], [])
    assert not echoes(ours, ["how do I open settings?", "choose members"], ["Dana", ""])
    assert not echoes(ours, ["please open settings and choose members, then stop"], ["Settings"], [ours])


async def test_who_asks_in_an_articles_own_words_gets_them_back(mailing: tuple[Desk, FakeChannel]) -> None:
    desk, mail = mailing
    await ask(desk, message=f"{QUESTION} It says: press Invite and type the address of your colleague.")

    assert "type the address of your colleague" in mail.sends[0].text


async def test_an_answer_that_repeats_the_sender_stays_on_the_page_and_its_link_is_mailed(
    mailing: tuple[Desk, FakeChannel], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, mail = mailing

    async def nothing(tx: object, draft: object) -> list[str]:
        return []

    monkeypatch.setattr(mailed_copy, "_quoted", nothing)
    await ask(desk, message=f"{QUESTION} It says: press Invite and type the address of your colleague.")

    (sent,) = mail.sends
    assert "Members" not in sent.text
    assert "There is an answer to your message." in sent.text
    assert "?token=" in sent.text


async def test_an_unproved_address_gets_one_in_a_day_and_three_in_a_week(mailing: tuple[Desk, FakeChannel]) -> None:
    desk, mail = mailing
    clock = desk.clock
    assert isinstance(clock, TravelClock)
    for hours in (0, 1, 22, 2, 24, 24, 24):
        clock.advance(timedelta(hours=hours))
        await ask(desk)

    assert len(mail.sends) == await copies(desk) == 3
    assert await count(desk.db, "select count(*) from tickets where outcome = 'answered'") == 7


async def test_an_address_that_is_proved_gets_more(mailing: tuple[Desk, FakeChannel]) -> None:
    desk, mail = mailing
    desk = replace(desk, settings=desk.settings.model_copy(update={"mails_per_hour": 3}))
    async with desk.db.transaction() as tx:
        await customers.find_or_create(tx, "email", "dana@example.com", name="Dana Fox")
        await customers.mark_verified(tx, "email", "dana@example.com")
    for _ in range(4):
        await ask(desk)

    assert len(mail.sends) == 3


async def test_all_copies_together_have_a_limit(mailing: tuple[Desk, FakeChannel]) -> None:
    desk, mail = mailing
    desk = replace(desk, settings=desk.settings.model_copy(update={"form_copies_per_hour": 2}))
    for number in range(4):
        await ask(desk, email=f"dana{number}@example.com")

    assert len(mail.sends) == 2


async def test_no_acknowledgement_is_mailed(mailing: tuple[Desk, FakeChannel]) -> None:
    desk, mail = mailing
    await ask(replace(desk, triage=ScriptedTriage(lambda _: read_as("billing"))))

    assert [sent.recipient for sent in mail.sends] == ["lisa.tanaka@techcorp.io"], "the owner's notice alone"
    assert await count(desk.db, "select count(*) from messages where kind = 'outbound'") == 1


@pytest.mark.parametrize("missing", ["provider", "address"])
async def test_without_a_provider_or_an_address_of_ours_there_is_only_the_page(
    knowing_desk: Desk, missing: str
) -> None:
    desk, mail = with_channel(knowing_desk, "email")
    if missing == "provider":
        settings = knowing_desk.settings.model_copy(update={"public_url": ADDRESS})
        desk = replace(knowing_desk, settings=settings)
    await ask(desk)

    assert mail.sends == []
    assert await copies(desk) == 0
    assert await count(desk.db, "select count(*) from deliveries where channel = 'web_form'") == 1


async def test_a_copy_that_fails_leaves_the_message_delivered_and_says_so(mailing: tuple[Desk, FakeChannel]) -> None:
    desk, mail = mailing
    mail.refusal = "no such mailbox"
    answer = await ask(desk)

    async with form_of(desk) as client:
        ticket = (
            await client.get(f"/support/ticket/{answer['reference']}", headers=bearer(answer["access_token"]))
        ).json()
    assert (ticket["messages"][1]["state"], ticket["messages"][1]["mailed"]) == ("delivered", "not_delivered")
    noted = (
        "select count(*) from messages where kind = 'event' and body like 'The mailed copy of our message was not%%'"
    )
    assert await count(desk.db, noted) == 1


async def test_a_reply_to_the_mail_is_not_shown_on_the_page(mailing: tuple[Desk, FakeChannel]) -> None:
    desk, _ = mailing
    await ask(desk)

    assert await count(desk.db, "select count(*) from provider_ids where channel = 'email'") == 0
