"""A customer writes to Gmail and has an answer in the same thread: the whole desk, on a stand-in of Google."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from deskhand.channels.mail import read_mail
from deskhand.desk import Desk
from deskhand.flows.ingest import load_knowledge
from tests.channels.gmail.desk import GmailDesk
from tests.channels.letters import letter
from tests.driving import working
from tests.standins.google import Failure
from tests.standins.google_mailbox import Stored

ARTICLE = "# Labels\n\n## Add a label\n\nOpen the task, choose **Add label** and press Enter.\n"
PATIENCE = 20.0


@pytest.fixture
async def gmail_desk(desk: Desk, gmail: GmailDesk, tmp_path: Path) -> Desk:
    """Looks into the mailbox all the time."""
    (tmp_path / "help").mkdir()
    (tmp_path / "help" / "labels.md").write_text(ARTICLE, "utf-8")
    await load_knowledge(desk, [tmp_path / "help"])
    gmail.channel._settings = gmail.settings.model_copy(update={"fetch_every": gmail.settings.timeout / 20})
    return replace(desk, channels=dict(desk.channels) | {"email": gmail.channel})


def _answers(gmail: GmailDesk) -> list[Stored]:
    """What went to the customer; owners are told of a handoff by mail as well."""
    return [one for one in gmail.server.mailbox.sent if one.header("To") == "dana@example.org"]


async def _sent(gmail: GmailDesk, count: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while len(_answers(gmail)) < count:
            await asyncio.sleep(0.05)


async def _has_started(gmail: GmailDesk) -> None:
    async with asyncio.timeout(PATIENCE):
        while not gmail.server.calls["getProfile"]:
            await asyncio.sleep(0.05)


async def test_a_customer_s_mail_is_answered_once_in_its_thread_and_so_is_the_next(
    gmail_desk: Desk, gmail: GmailDesk
) -> None:
    box = gmail.server.mailbox
    async with working(gmail_desk):
        await _has_started(gmail)
        question = box.deliver(letter("How do I add a label to a task?", subject="Labels"))
        await _sent(gmail, 1)
        first = _answers(gmail)[0]
        again = letter(
            "And how do I add a label again?",
            subject="Re: Labels",
            extra=f"In-Reply-To: {first.header('Message-ID')}\r\n",
        )
        box.deliver(again, thread=question.thread)
        await _sent(gmail, 2)

    assert [one.thread for one in _answers(gmail)] == [question.thread, question.thread]
    mail = read_mail(first.raw)
    assert mail.in_reply_to == (question.header("Message-ID"),)
    assert mail.subject == "Re: Labels"
    assert "Add label" in mail.text
    async with gmail_desk.db.transaction() as tx:
        row = await (await tx.execute("select count(distinct conversation_id) from messages")).fetchone()
    assert row is not None
    assert row[0] == 1, "one conversation"


async def test_a_reply_whose_answer_was_lost_is_found_in_sent_and_not_sent_twice(
    gmail_desk: Desk, gmail: GmailDesk
) -> None:
    box = gmail.server.mailbox
    async with working(gmail_desk):
        await _has_started(gmail)
        gmail.server.misbehave("messages.send", Failure(None, after=True))
        box.deliver(letter("How do I add a label to a task?", subject="Labels"))
        await _sent(gmail, 1)
        async with asyncio.timeout(PATIENCE):
            while not await _is_settled(gmail_desk):
                await asyncio.sleep(0.1)

    assert len(_answers(gmail)) == 1


async def _is_settled(desk: Desk) -> bool:
    async with desk.db.transaction() as tx:
        row = await (await tx.execute("select state, provider_id from deliveries")).fetchone()
    return row is not None and row[0] == "sent"
