"""Sending by SMTP: how sure we are of what became of a mail decides what happens next."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import pytest

from deskhand.channels.base import Outbound
from deskhand.channels.mail import read_mail
from deskhand.company_folder import Company
from deskhand.errors import ChannelError, SetupInvalid
from tests.channels.mailbox.desk import MailboxDesk, settings_for
from tests.standins.mailbox import MailServer, SmtpFault

LOST = [SmtpFault("data"), SmtpFault("data", after=True), SmtpFault("data", after=True, hangs=True)]
ID = "0193d5c0-0000-7000-8000-000000000001"


@pytest.fixture
async def keeping() -> AsyncGenerator[MailServer]:
    async with MailServer(keeps_sent=True).running() as server:
        yield server


def answer(**more: Any) -> Outbound:
    given: dict[str, Any] = {"delivery_id": ID, "recipient": "dana@example.org", "text": "Hello Dana", "subject": "B"}
    return Outbound(**given | more)


async def test_an_answer_leaves_threaded_and_under_an_id_that_stays_the_same(mailbox: MailboxDesk) -> None:
    parent = "<second@mail.example.org>"
    first = await mailbox.channel.send(answer(answers=parent, references=("<first@mail.example.org>", parent)))
    second = await mailbox.channel.send(answer(answers=f"{parent}#0123456789abcdef", attempt=2))

    one, other = (read_mail(taken.raw) for taken in mailbox.server.taken)
    assert mailbox.server.taken[0].recipients == ("dana@example.org",)
    assert (one.in_reply_to, one.references) == ((parent,), ("<first@mail.example.org>", parent))
    assert other.in_reply_to == (parent,), "a mail's key in our store holds its Message-ID"
    assert one.message_id == other.message_id == first.provider_id == second.provider_id
    assert first.state == "sent"


@pytest.mark.parametrize("fault", LOST)
async def test_when_the_answer_to_the_mail_is_lost_nobody_claims_to_know(
    mailbox: MailboxDesk, fault: SmtpFault
) -> None:
    mailbox.server.misbehave(fault)

    with pytest.raises(ChannelError) as caught:
        await mailbox.channel.send(answer())

    assert (caught.value.was_sent, caught.value.permanent) == (None, False)
    assert len(mailbox.server.taken) == (1 if fault.after else 0)


@pytest.mark.parametrize(
    ("fault", "permanent"),
    [
        (SmtpFault("mail", "451 4.3.0 try later"), False),
        (SmtpFault("rcpt", "450 4.2.1 mailbox busy"), False),
        (SmtpFault("rcpt", "550 5.1.1 no such user"), True),
        (SmtpFault("data", "452 4.3.1 no room"), False),
        (SmtpFault("data", "554 5.7.1 spam"), True),
        (SmtpFault("mail"), False),
        (SmtpFault("rcpt"), False),
    ],
)
async def test_what_the_server_refused_was_certainly_not_sent(
    mailbox: MailboxDesk, fault: SmtpFault, permanent: bool
) -> None:
    mailbox.server.misbehave(fault)

    with pytest.raises(ChannelError) as caught:
        await mailbox.channel.send(answer())

    assert (caught.value.was_sent, caught.value.permanent) == (False, permanent)
    assert mailbox.server.taken == []


async def test_a_wrong_password_pauses_the_channel(server: MailServer, company: Company) -> None:
    mailbox = MailboxDesk.connected(server, company, mailbox_password="hunter2-canary")

    with pytest.raises(ChannelError) as caught:
        await mailbox.channel.send(answer())

    assert (caught.value.was_sent, caught.value.pauses, caught.value.permanent) == (False, True, False)
    assert "hunter2" not in f"{caught.value}"


async def test_a_server_that_is_not_there_has_not_got_the_mail(server: MailServer, company: Company) -> None:
    mailbox = MailboxDesk.connected(server, company, smtp_port=9)

    with pytest.raises(ChannelError) as caught:
        await mailbox.channel.send(answer())

    assert (caught.value.was_sent, caught.value.permanent) == (False, False)


async def test_a_server_without_tls_is_sent_neither_password_nor_mail(server: MailServer, company: Company) -> None:
    mailbox = MailboxDesk.connected(server, company, smtp_security="starttls")

    with pytest.raises(ChannelError) as caught:
        await mailbox.channel.send(answer())

    assert caught.value.was_sent is False
    assert server.taken == []


@pytest.mark.parametrize("service", ["imap", "smtp"])
def test_mail_does_not_leave_this_machine_in_the_clear(server: MailServer, service: str) -> None:
    with pytest.raises(ValueError, match="loopback"):
        settings_for(server, **{f"{service}_host": "mail.example.com"})


async def test_a_copy_is_kept_when_that_is_asked_for(server: MailServer, company: Company) -> None:
    mailbox = MailboxDesk.connected(server, company, sent_copies="append")

    receipt = await mailbox.channel.send(answer())

    assert [read_mail(mail.raw).message_id for mail in server.folders["Sent"].mails] == [receipt.provider_id]


async def test_a_copy_that_can_not_be_kept_does_not_undo_the_send(server: MailServer, company: Company) -> None:
    mailbox = MailboxDesk.connected(server, company, sent_copies="append", sent_folder="Gone")

    receipt = await mailbox.channel.send(answer())

    assert receipt.state == "sent"


async def test_where_the_server_keeps_what_it_took_a_lost_answer_is_cleared_up(
    keeping: MailServer, company: Company
) -> None:
    mailbox = MailboxDesk.connected(keeping, company, sent_copies="server")
    began = mailbox.clock.now()
    assert await mailbox.channel.find_sent(answer(), began) is None
    keeping.misbehave(SmtpFault("data", after=True))
    with pytest.raises(ChannelError):
        await mailbox.channel.send(answer())

    found = await mailbox.channel.find_sent(answer(), began)

    assert found is not None
    assert found.provider_id == read_mail(keeping.taken[0].raw).message_id


@pytest.mark.parametrize("copies", ["none", "append"])
async def test_where_nobody_keeps_it_for_sure_nobody_says_that_it_never_left(
    server: MailServer, company: Company, copies: str
) -> None:
    mailbox = MailboxDesk.connected(server, company, sent_copies=copies)

    with pytest.raises(ChannelError) as caught:
        await mailbox.channel.find_sent(answer(), mailbox.clock.now())

    assert caught.value.permanent


async def test_a_copy_of_ours_proves_that_it_left(server: MailServer, company: Company) -> None:
    mailbox = MailboxDesk.connected(server, company, sent_copies="append")
    receipt = await mailbox.channel.send(answer())

    found = await mailbox.channel.find_sent(answer(), mailbox.clock.now())

    assert found is not None
    assert found.provider_id == receipt.provider_id


def test_settings_that_are_not_complete_are_refused_by_name() -> None:
    from deskhand.channels.email_settings import load_email_settings

    with pytest.raises(SetupInvalid, match="DESKHAND_EMAIL_ADDRESS"):
        load_email_settings(provider="mailbox", _env_file=None)
