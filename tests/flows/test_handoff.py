"""Handoff: the owner is told, and it shows when they could not be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deskhand.desk import Desk
from tests.driving import ask, with_channel
from tests.fakes import ScriptedTriage, read_as


@pytest.fixture
def escalating(desk: Desk) -> Desk:
    return replace(desk, triage=ScriptedTriage(lambda _: read_as("security", words="strange logins")))


async def test_the_owner_gets_a_mail_with_the_whole_case(escalating: Desk) -> None:
    desk, mail = with_channel(escalating, "email")

    outcome = await ask(desk, "There are strange logins to my account.", channel="whatsapp")

    (mailed,) = mail.sends
    assert mailed.recipient == "james.okafor@techcorp.io"
    assert outcome.ticket.reference in mailed.text
    for told in (
        *("James Okafor", "security (urgent)", "Dana Fox", "plan free", "whatsapp", "strange logins"),
        *("Check the access log", "There are strange logins to my account.", "UTC"),
    ):
        assert told in mailed.text
    assert outcome.escalation is not None
    assert outcome.escalation.notice == "sent"


async def test_a_notice_that_cannot_be_sent_shows_as_failed(escalating: Desk) -> None:
    desk, _ = with_channel(escalating, "email", refusal="No mailbox is configured.")

    outcome = await ask(desk, "There are strange logins.", channel="whatsapp")

    assert outcome.escalation is not None
    assert outcome.escalation.notice == "failed"
    async with desk.db.transaction() as tx:
        row = await (await tx.execute("select notice_detail, notified_at from escalations")).fetchone()
    assert row is not None
    assert "No mailbox is configured." in row[0]
    assert row[1] is None


async def test_a_notice_is_tried_again_while_the_provider_is_busy(escalating: Desk) -> None:
    desk, mail = with_channel(escalating, "email", failures=2)

    outcome = await ask(desk, "There are strange logins.", channel="whatsapp")

    assert len(mail.sends) == 3
    assert outcome.escalation is not None
    assert outcome.escalation.notice == "sent"


async def test_one_escalation_is_one_notice_however_often_it_is_handed_over(escalating: Desk) -> None:
    desk, mail = with_channel(escalating, "email")
    outcome = await ask(desk, "There are strange logins.", channel="whatsapp")
    assert outcome.escalation is not None
    async with desk.db.transaction() as tx:
        await desk.transport.publish(
            tx, desk.topics.escalations, "again", {"escalation_id": str(outcome.escalation.id)}
        )

    await ask(replace(desk, triage=ScriptedTriage()), "Hello", channel="web_form")

    assert len(mail.sends) == 1
