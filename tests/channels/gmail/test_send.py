"""Sending through Gmail: in the customer's thread, once, and found again when the answer was lost."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from deskhand.channels.base import Outbound
from deskhand.channels.mail import read_mail
from deskhand.errors import ChannelError
from tests.channels.gmail.desk import GmailDesk
from tests.channels.letters import letter
from tests.standins.google import Failure
from tests.standins.google_mailbox import Stored

LOST = [Failure(None, after=True), Failure(None, after=True, hangs=True), Failure(503, after=True)]
NEVER_TAKEN = [
    Failure(429, "userRateLimitExceeded", "User-rate limit exceeded.  Retry after 2099-01-01T00:00:00.000Z"),
    Failure(403, "rateLimitExceeded"),
    Failure(403, "domainPolicy"),
    Failure(400, "invalidArgument", "Invalid To header"),
]


def answer(question: Stored | None = None, **more: Any) -> Outbound:
    given: dict[str, Any] = {
        "delivery_id": "0193d5c0-0000-7000-8000-000000000001",
        "recipient": "dana@example.org",
        "text": "Hello Dana,\n\nopen Settings and press **Invite**.\n\nThe team",
        "subject": "Board",
    }
    if question is not None:
        first = "<first@mail.example.org>"
        given |= {"answers": question.header("Message-ID"), "references": (first, question.header("Message-ID"))}
        given["provider_thread"] = question.thread
    return Outbound(**given | more)


async def test_an_answer_stays_in_the_customer_s_thread(gmail: GmailDesk) -> None:
    question = gmail.server.mailbox.deliver(letter(subject="Board"))

    receipt = await gmail.channel.send(answer(question))

    (sent,) = gmail.server.mailbox.sent
    mail = read_mail(sent.raw)
    assert sent.thread == question.thread == receipt.provider_thread
    assert mail.in_reply_to == (question.header("Message-ID"),)
    assert mail.references == ("<first@mail.example.org>", question.header("Message-ID"))
    assert mail.subject == "Re: Board"
    assert "open Settings and press **Invite**." in mail.text
    assert b"text/html" in sent.raw
    assert mail.header("Auto-Submitted") == "auto-replied"
    assert mail.sender is not None
    assert mail.sender.address == "support@example.com"


async def test_what_a_person_approved_is_not_marked_as_automatic(gmail: GmailDesk) -> None:
    await gmail.channel.send(answer(is_automatic=False))

    assert read_mail(gmail.server.mailbox.sent[0].raw).header("Auto-Submitted") == ""


async def test_the_message_id_that_really_left_is_read_back(gmail: GmailDesk) -> None:
    receipt = await gmail.channel.send(answer())

    (sent,) = gmail.server.mailbox.sent
    real = sent.header("Message-ID")
    assert (receipt.state, receipt.provider_id) == ("sent", sent.id)
    assert receipt.also_known_as[0] == real
    assert real.endswith("@mail.gmail.com>")
    assert receipt.also_known_as[1].endswith("@example.com>"), "and the one that we gave it"


async def test_a_receipt_comes_even_when_the_mail_can_not_be_read_back(gmail: GmailDesk) -> None:
    gmail.server.misbehave("messages.get", *[Failure(500)] * 3)

    receipt = await gmail.channel.send(answer())

    assert receipt.provider_id == gmail.server.mailbox.sent[0].id
    assert len(gmail.server.mailbox.sent) == 1


async def test_gmail_s_own_id_of_the_question_does_as_well_as_its_message_id(gmail: GmailDesk) -> None:
    question = gmail.server.mailbox.deliver(letter(subject="Board"))

    await gmail.channel.send(answer(answers=question.id))

    (sent,) = gmail.server.mailbox.sent
    assert sent.thread == question.thread
    assert sent.header("In-Reply-To") == question.header("Message-ID")


async def test_a_thread_that_was_deleted_does_not_stop_the_answer(gmail: GmailDesk) -> None:
    question = gmail.server.mailbox.deliver(letter())
    gmail.server.mailbox.delete(question.id)

    await gmail.channel.send(answer(question))

    (sent,) = gmail.server.mailbox.sent
    assert sent.header("In-Reply-To") == question.header("Message-ID")


@pytest.mark.parametrize("failure", LOST)
async def test_when_the_answer_is_lost_nobody_claims_to_know_and_nothing_is_sent_again(
    gmail: GmailDesk, failure: Failure
) -> None:
    gmail.server.misbehave("messages.send", failure)

    with pytest.raises(ChannelError) as caught:
        await gmail.channel.send(answer())

    assert (caught.value.was_sent, caught.value.permanent) == (None, False)
    assert len(gmail.server.mailbox.sent) == 1


@pytest.mark.parametrize("failure", NEVER_TAKEN)
async def test_what_gmail_refused_was_certainly_not_sent(gmail: GmailDesk, failure: Failure) -> None:
    gmail.server.misbehave("messages.send", failure)

    with pytest.raises(ChannelError) as caught:
        await gmail.channel.send(answer())

    assert caught.value.was_sent is False
    assert caught.value.permanent == (failure.status == 400)
    assert caught.value.pauses == (failure.reason == "domainPolicy")
    assert gmail.server.mailbox.sent == []


async def test_the_moment_that_gmail_names_in_its_words_is_waited_for(gmail: GmailDesk) -> None:
    gmail.server.misbehave("messages.send", NEVER_TAKEN[0])

    with pytest.raises(ChannelError) as caught:
        await gmail.channel.send(answer())

    assert caught.value.retry_after is not None
    assert caught.value.retry_after > timedelta(days=365)


async def test_a_gmail_that_can_not_be_reached_has_not_got_the_mail(gmail: GmailDesk) -> None:
    await gmail.look()
    gmail.channel._api._base = "http://127.0.0.1:9"

    with pytest.raises(ChannelError) as caught:
        await gmail.channel.send(answer())

    assert caught.value.was_sent is False


@pytest.mark.parametrize("rewrites", [True, False])
async def test_a_mail_whose_answer_was_lost_is_found_again(gmail: GmailDesk, rewrites: bool) -> None:
    """By its Message-ID, or, when Gmail gave it another, by our own header in the thread."""
    gmail.server.mailbox.rewrites_message_ids = rewrites
    question = gmail.server.mailbox.deliver(letter(subject="Board"))
    gmail.server.misbehave("messages.send", Failure(None, after=True))
    began = gmail.clock.now()
    with pytest.raises(ChannelError):
        await gmail.channel.send(answer(question))

    receipt = await gmail.channel.find_sent(answer(question), began)

    assert receipt is not None
    assert receipt.provider_id == gmail.server.mailbox.sent[0].id
    assert receipt.also_known_as[0] == gmail.server.mailbox.sent[0].header("Message-ID")


async def test_a_mail_outside_of_any_thread_is_found_among_what_was_sent_lately(gmail: GmailDesk) -> None:
    gmail.server.misbehave("messages.send", Failure(None, after=True))
    began = gmail.clock.now()
    with pytest.raises(ChannelError):
        await gmail.channel.send(answer())

    receipt = await gmail.channel.find_sent(answer(), began)

    assert receipt is not None


async def test_a_mail_that_never_left_is_not_found(gmail: GmailDesk) -> None:
    other = answer(delivery_id="0193d5c0-0000-7000-8000-000000000002")
    await gmail.channel.send(other)

    assert await gmail.channel.find_sent(answer(), gmail.clock.now() - timedelta(minutes=5)) is None


async def test_while_gmail_is_down_nobody_says_that_a_mail_never_left(gmail: GmailDesk) -> None:
    gmail.server.misbehave("messages.list", *[Failure(503)] * 3)

    with pytest.raises(ChannelError) as caught:
        await gmail.channel.find_sent(answer(), gmail.clock.now())

    assert not caught.value.permanent


@pytest.mark.parametrize("recipient", ["nobody", "a@example.org\r\nBcc: all@example.org", ""])
async def test_what_is_no_address_is_refused_for_good_before_anything_is_sent(gmail: GmailDesk, recipient: str) -> None:
    with pytest.raises(ChannelError) as caught:
        await gmail.channel.send(answer(recipient=recipient))

    assert caught.value.permanent
    assert gmail.server.mailbox.sent == []


async def test_two_tries_of_one_delivery_carry_one_message_id(gmail: GmailDesk) -> None:
    gmail.server.mailbox.rewrites_message_ids = False

    await gmail.channel.send(answer())
    await gmail.channel.send(answer(attempt=2))

    first, second = (sent.header("Message-ID") for sent in gmail.server.mailbox.sent)
    assert first == second
