"""Reading Gmail: every customer's mail comes in once, whatever Gmail does meanwhile."""

from __future__ import annotations

from datetime import timedelta

import pytest

from deskhand.clock import TravelClock
from deskhand.company_folder import Company
from deskhand.errors import ChannelError
from tests.channels.gmail.desk import TOPIC, GmailDesk
from tests.channels.letters import bounce, letter
from tests.standins.google import Failure, GoogleServer


async def test_the_first_look_leaves_old_mail_alone_and_takes_the_place(gmail: GmailDesk) -> None:
    gmail.server.mailbox.deliver(letter("old"))

    await gmail.look_until_done()
    gmail.server.mailbox.deliver(letter("new"))
    await gmail.look_until_done()

    assert [message.body for message in gmail.messages.values()] == ["new"]


async def test_a_backlog_that_is_asked_for_is_read_oldest_first(google: GoogleServer, company: Company) -> None:
    gmail = GmailDesk.connected(google, company, TravelClock(), backlog="2h")
    now = gmail.clock.now()
    for hours, text in ((3, "too old"), (1, "first"), (0.5, "second"), (0.1, "third")):
        google.mailbox.deliver(letter(text), at=now - timedelta(hours=hours))

    await gmail.look_until_done()

    assert [gmail.messages[one].body for one in gmail.arrivals] == ["first", "second", "third"]


async def test_a_mail_comes_in_with_what_the_flows_need(gmail: GmailDesk) -> None:
    await gmail.look()
    ours = "<our-answer@example.com>"
    raw = letter(
        "Thanks!\r\n\r\nOn Sun, 22 Nov 2026 at 11:00, Support wrote:\r\n> Press the button.",
        extra=f"In-Reply-To: {ours}\r\nReferences: <first@mail.example.org> {ours}\r\n",
        message_id="<second@mail.example.org>",
    )
    stored = gmail.server.mailbox.deliver(raw, thread="17aa")

    batch = await gmail.look()

    message = gmail.messages[stored.id]
    assert (message.sender, message.name, message.subject) == ("dana@example.org", "Dana Fox", "Board")
    assert message.body == "Thanks!"
    assert "Press the button." in message.folded
    assert message.answers[0] == ours
    assert message.provider_thread == "17aa"
    assert message.known_as == "<second@mail.example.org>"
    assert message.verified
    assert (message.automatic, message.hold) == (None, None)
    assert batch.messages[0].files[0].name == "raw.eml"
    assert batch.messages[0].files[0].content == raw


async def test_a_sender_whom_gmail_does_not_vouch_for_is_not_verified(gmail: GmailDesk) -> None:
    await gmail.look()
    forged = "evil.example; dmarc=pass header.from=example.org"
    failed = "mx.google.com; dmarc=fail header.from=example.org"
    for verdict in (forged, failed, ""):
        gmail.server.mailbox.deliver(letter(verdict=verdict))

    await gmail.look_until_done()

    assert [message.verified for message in gmail.messages.values()] == [False, False, False]


@pytest.mark.parametrize("label", ["SPAM", "TRASH", "DRAFT", "CHAT", "SENT"])
async def test_only_what_customers_sent_becomes_a_message(gmail: GmailDesk, label: str) -> None:
    """W24."""
    await gmail.look()
    gmail.server.mailbox.deliver(letter(), labels=[label])
    wanted = gmail.server.mailbox.deliver(letter())

    await gmail.look_until_done()

    assert list(gmail.messages) == [wanted.id]


async def test_a_mail_taken_out_of_spam_by_a_person_comes_in(gmail: GmailDesk) -> None:
    await gmail.look()
    rescued = gmail.server.mailbox.deliver(letter(), labels=["SPAM"])
    await gmail.look_until_done()
    assert gmail.messages == {}

    gmail.server.mailbox.label(rescued.id, add=["INBOX"], remove=["SPAM"])
    await gmail.look_until_done()

    assert list(gmail.messages) == [rescued.id]


async def test_a_change_of_labels_is_no_new_work(gmail: GmailDesk) -> None:
    """W23."""
    await gmail.look()
    stored = gmail.server.mailbox.deliver(letter())
    await gmail.look_until_done()
    read = gmail.server.calls["messages.get"]

    gmail.server.mailbox.label(stored.id, add=["STARRED"], remove=["UNREAD"])
    batch = await gmail.look()

    assert (batch.messages, batch.more) == ((), False)
    assert gmail.server.calls["messages.get"] == read


async def test_reading_changes_nothing_in_the_mailbox(gmail: GmailDesk) -> None:
    """W23: what we did ourselves would set off the next push."""
    await gmail.look()
    gmail.server.mailbox.deliver(letter())
    before = gmail.server.mailbox.history_id

    await gmail.look_until_done()

    assert gmail.server.mailbox.history_id == before


async def test_a_mail_of_ours_in_the_sent_folder_settles_its_delivery(gmail: GmailDesk) -> None:
    """W24: SENT reconciles."""
    await gmail.look()
    sent = gmail.server.mailbox.deliver(letter(extra="X-Deskhand-Outbound-Id: d-1\r\n"), labels=["SENT"])

    await gmail.look_until_done()

    assert [(one.state, one.provider_id, one.delivery_id) for one in gmail.updates] == [("sent", sent.id, "d-1")]


async def test_a_bounce_tells_of_the_delivery_and_is_kept_as_automatic(gmail: GmailDesk) -> None:
    await gmail.look()
    stored = gmail.server.mailbox.deliver(bounce("<ours@example.com>", "d-1"))

    await gmail.look_until_done()

    (update,) = gmail.updates
    assert (update.state, update.provider_id, update.recipient) == ("failed", "<ours@example.com>", "dana@example.org")
    assert (update.delivery_id, update.code) == ("d-1", "5.1.1")
    assert gmail.messages[stored.id].automatic == "delivery_report"


async def test_a_delay_changes_no_delivery(gmail: GmailDesk) -> None:
    await gmail.look()
    gmail.server.mailbox.deliver(bounce("<ours@example.com>", "d-1", status="4.4.1"))

    await gmail.look_until_done()

    assert gmail.updates == []


async def test_our_own_mail_in_the_inbox_is_marked_so_that_nobody_answers_it(gmail: GmailDesk) -> None:
    await gmail.look()
    stored = gmail.server.mailbox.deliver(letter(sender="support@example.com"))

    await gmail.look_until_done()

    assert gmail.messages[stored.id].automatic == "own_mail"


async def test_a_mail_without_sender_is_held_and_is_nobody_else_s(gmail: GmailDesk) -> None:
    await gmail.look()
    for _ in range(2):
        gmail.server.mailbox.deliver(letter(sender="no address at all"))

    await gmail.look_until_done()

    assert {message.hold for message in gmail.messages.values()} == {"unclear_sender"}
    assert len({message.sender for message in gmail.messages.values()}) == 2


async def test_a_mail_deleted_before_it_is_read_is_noted_and_the_rest_comes_in(gmail: GmailDesk) -> None:
    """W22."""
    await gmail.look()
    gone = gmail.server.mailbox.deliver(letter())
    stays = gmail.server.mailbox.deliver(letter())
    gmail.server.mailbox.delete(gone.id)

    await gmail.look_until_done()

    assert list(gmail.messages) == [stays.id]
    assert [gone.id in note for note in gmail.notes] == [True]


async def test_a_page_that_fails_moves_no_cursor_and_is_read_again(gmail: GmailDesk) -> None:
    """W21: every page of this stand-in holds two records, and Gmail fails at the second one for good."""
    await gmail.look()
    expected = [gmail.server.mailbox.deliver(letter()).id for _ in range(5)]
    before = dict(gmail.cursor)
    gmail.server.misbehave("history.list", None, *[Failure(500)] * 3)

    with pytest.raises(ChannelError) as caught:
        await gmail.look()
    assert not caught.value.permanent
    assert gmail.cursor == before

    gmail.server.behave()
    await gmail.look_until_done()

    assert gmail.arrivals == expected


async def test_many_mails_come_in_batches_in_order(gmail: GmailDesk) -> None:
    await gmail.look()
    expected = [gmail.server.mailbox.deliver(letter(f"mail {number}")).id for number in range(45)]

    sizes = [len(batch.messages) for batch in [await gmail.look(), await gmail.look(), await gmail.look()]]

    assert sizes == [20, 20, 5]
    assert gmail.arrivals == expected


async def test_when_the_history_is_gone_everything_since_the_last_look_is_looked_through(gmail: GmailDesk) -> None:
    """W20."""
    gmail.server.mailbox.deliver(letter("from before we came"), at=gmail.clock.now() - timedelta(days=3))
    await gmail.look()
    known = [gmail.server.mailbox.deliver(letter()).id for _ in range(3)]
    await gmail.look_until_done()
    read = gmail.server.calls["messages.get"]
    missed = [gmail.server.mailbox.deliver(letter()).id for _ in range(3)]
    gmail.server.mailbox.expire_history()

    await gmail.look_until_done()
    gmail.server.mailbox.deliver(letter("afterwards"))
    await gmail.look_until_done()

    assert sorted(gmail.arrivals[:6]) == sorted(known + missed)
    assert len(gmail.arrivals) == 7
    assert gmail.server.calls["messages.get"] == read + 4, "what was read already is not read again"
    assert len(gmail.notes) == 1, "one note, not one a look"


async def test_a_mail_that_the_history_kept_to_itself_is_found_within_hours(gmail: GmailDesk) -> None:
    await gmail.look()
    hidden = gmail.server.mailbox.deliver(letter())
    gmail.server.mailbox.history.clear()
    await gmail.look_until_done()
    assert gmail.messages == {}

    gmail.clock.advance(timedelta(hours=7))
    await gmail.look_until_done()

    assert list(gmail.messages) == [hidden.id]


async def test_the_watch_is_renewed_daily_and_the_looks_go_on_without_it(
    google: GoogleServer, company: Company
) -> None:
    """W25."""
    gmail = GmailDesk.connected(google, company, TravelClock(), gmail_topic=TOPIC)
    google.now = lambda: gmail.clock.now().timestamp()
    await gmail.look()
    await gmail.look()
    assert google.calls["watch"] == 1

    gmail.clock.advance(timedelta(hours=25))
    await gmail.look()
    assert google.calls["watch"] == 2

    google.topics.clear()
    gmail.clock.advance(timedelta(days=4))
    await gmail.look()
    assert gmail.notes == [], "three days are left: no alarm yet"
    for _ in range(3):
        gmail.clock.advance(timedelta(hours=24))
        google.mailbox.deliver(letter())
        await gmail.look_until_done()
    assert len([note for note in gmail.notes if note.startswith("ALARM")]) == 1
    assert len(gmail.messages) == 3

    google.topics.add(TOPIC)
    gmail.clock.advance(timedelta(hours=1))
    await gmail.look()
    assert gmail.cursor["watch_alarm"] is False
    assert google.watch_ends == pytest.approx(google.now() + 7 * 86_400, abs=60)


async def test_without_a_topic_no_watch_is_asked_for(gmail: GmailDesk) -> None:
    await gmail.look()

    assert gmail.server.calls["watch"] == 0
