"""Reading a plain mailbox: each mail once, also when the server numbers them anew."""

from __future__ import annotations

from datetime import timedelta

import pytest

from deskhand.company_folder import Company
from deskhand.errors import ChannelError
from tests.channels.letters import bounce, letter
from tests.channels.mailbox.desk import MailboxDesk
from tests.standins.mailbox import MailServer


async def test_the_first_look_leaves_old_mail_alone(mailbox: MailboxDesk) -> None:
    mailbox.server.inbox.add(letter("old"))

    await mailbox.look_until_done()
    mailbox.server.inbox.add(letter("new"))
    await mailbox.look_until_done()
    await mailbox.look_until_done()

    assert mailbox.arrivals == ["new"]


async def test_a_backlog_that_is_asked_for_is_read(server: MailServer, company: Company) -> None:
    mailbox = MailboxDesk.connected(server, company, backlog="1d")
    server.inbox.add(letter("too old"), mailbox.clock.now() - timedelta(days=5))
    server.inbox.add(letter("in time"), mailbox.clock.now() - timedelta(hours=1))

    await mailbox.look_until_done()

    assert mailbox.arrivals == ["in time"]


async def test_a_mail_comes_in_with_what_the_flows_need(mailbox: MailboxDesk) -> None:
    await mailbox.look()
    raw = letter("Hello", extra="In-Reply-To: <ours@example.com>\r\n", message_id="<second@mail.example.org>")
    mailbox.server.inbox.add(raw)

    batch = await mailbox.look()

    (message,) = mailbox.messages.values()
    assert (message.sender, message.body, message.subject) == ("dana@example.org", "Hello", "Board")
    assert message.known_as == "<second@mail.example.org>"
    assert message.answers == ("<ours@example.com>",)
    assert message.verified
    assert batch.messages[0].files[0].content == raw


async def test_without_a_server_to_trust_nobody_is_verified(server: MailServer, company: Company) -> None:
    mailbox = MailboxDesk.connected(server, company, authserv_id="")
    await mailbox.look()
    server.inbox.add(letter())

    await mailbox.look()

    assert [message.verified for message in mailbox.messages.values()] == [False]


async def test_reading_leaves_no_mark(mailbox: MailboxDesk) -> None:
    await mailbox.look()
    mailbox.server.inbox.add(letter())

    await mailbox.look()

    assert [mail.seen for mail in mailbox.server.inbox.mails] == [False]


async def test_after_a_new_numbering_nothing_comes_twice_and_nothing_is_lost(mailbox: MailboxDesk) -> None:
    mailbox.server.inbox.add(letter("before us"), mailbox.clock.now() - timedelta(days=9))
    await mailbox.look()
    for number in range(3):
        mailbox.server.inbox.add(letter(f"known {number}"))
    await mailbox.look_until_done()

    mailbox.server.inbox.add(letter("missed"))
    mailbox.server.inbox.number_anew()
    await mailbox.look_until_done()
    mailbox.server.inbox.add(letter("afterwards"))
    await mailbox.look_until_done()

    assert mailbox.arrivals == ["known 0", "known 1", "known 2", "missed", "afterwards"]
    assert len(mailbox.notes) == 1


async def test_two_mails_with_one_message_id_are_two_mails(mailbox: MailboxDesk) -> None:
    await mailbox.look()
    for text in ("one", "another", "one"):
        mailbox.server.inbox.add(letter(text, message_id="<same@mail.example.org>"))

    await mailbox.look_until_done()

    assert sorted(mailbox.arrivals) == ["another", "one"]
    assert len(mailbox.messages) == 2


async def test_many_mails_come_in_batches_in_order(mailbox: MailboxDesk) -> None:
    await mailbox.look()
    for number in range(45):
        mailbox.server.inbox.add(letter(f"{number}"))

    sizes = [len((await mailbox.look()).messages) for _ in range(3)]

    assert sizes == [20, 20, 5]
    assert mailbox.arrivals == [f"{number}" for number in range(45)]


async def test_a_mail_deleted_meanwhile_is_noted(mailbox: MailboxDesk) -> None:
    await mailbox.look()
    for number in range(21):
        mailbox.server.inbox.add(letter(f"{number}"))
    await mailbox.look()
    mailbox.server.inbox.delete(21)

    await mailbox.look()

    assert ["21" in note for note in mailbox.notes] == [True]


@pytest.mark.parametrize("command", ["LOGIN", "EXAMINE", "UID"])
async def test_a_connection_that_breaks_moves_no_cursor(mailbox: MailboxDesk, command: str) -> None:
    await mailbox.look()
    before = dict(mailbox.cursor)
    mailbox.server.inbox.add(letter("Hello"))
    mailbox.server.imap_faults.append(command)

    with pytest.raises(ChannelError) as caught:
        await mailbox.look()
    assert (caught.value.permanent, caught.value.pauses) == (False, False)
    assert mailbox.cursor == before

    await mailbox.look()
    assert mailbox.arrivals == ["Hello"]


async def test_a_wrong_password_pauses_and_is_not_told(server: MailServer, company: Company) -> None:
    mailbox = MailboxDesk.connected(server, company, mailbox_password="hunter2-canary")

    with pytest.raises(ChannelError) as caught:
        await mailbox.look()

    assert caught.value.pauses
    assert "hunter2" not in f"{caught.value} {caught.value.__cause__}"


async def test_a_server_that_is_not_there_is_tried_again(server: MailServer, company: Company) -> None:
    mailbox = MailboxDesk.connected(server, company, imap_port=9)

    with pytest.raises(ChannelError) as caught:
        await mailbox.look()

    assert (caught.value.permanent, caught.value.pauses) == (False, False)


async def test_a_bounce_tells_of_the_delivery(mailbox: MailboxDesk) -> None:
    await mailbox.look()
    mailbox.server.inbox.add(bounce("<ours@example.com>", "d-1"))

    await mailbox.look()

    assert [(one.state, one.provider_id) for one in mailbox.updates] == [("failed", "<ours@example.com>")]
