"""From Twilio's post to Twilio's report: the whole desk with the stand-in at both ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import pytest

from deskhand import deliveries
from deskhand.app import create_app
from deskhand.desk import Desk
from deskhand.flows.outcome import Outcome, wait_for_outcome
from tests.channels.whatsapp.calls import URL, account, channel
from tests.driving import working
from tests.standins import twilio_calls as calls
from tests.standins.twilio import SENDER, TwilioServer

CUSTOMER = "whatsapp:+491701234567"


@dataclass
class Line:
    """A desk and a stand-in that are joined: each reaches the other."""

    desk: Desk
    twilio: TwilioServer

    async def inbound_ids(self) -> list[UUID]:
        async with self.desk.db.transaction() as tx:
            rows = await (await tx.execute("select id from inbound order by received_at, id")).fetchall()
        return [row[0] for row in rows]

    async def outcome(self) -> Outcome:
        return await wait_for_outcome(self.desk, (await self.inbound_ids())[-1], timeout=20)

    async def state(self, outcome: Outcome) -> str:
        assert outcome.reply is not None
        async with self.desk.db.transaction() as tx:
            found = await deliveries.find_by_message(tx, outcome.reply.id)
        assert found is not None
        return found.state


@asynccontextmanager
async def joined(desk: Desk) -> AsyncGenerator[Line]:
    async with TwilioServer().running() as twilio:
        whatsapp = channel(
            auth_token=twilio.account.token,
            api_base_url=twilio.address,
            media_hosts=(urlsplit(twilio.cdn).netloc,),
            send_timeout=timedelta(seconds=2),
            list_delay=timedelta(0),
        )
        quick = desk.settings.model_copy(update={"delivery_search_wait": timedelta(milliseconds=200)})
        desk = replace(desk, settings=quick, channels=dict(desk.channels) | {"whatsapp": whatsapp})
        app = create_app(desk)
        twilio.webhook = f"{URL}#rc=2&rp=all"
        twilio.posts_by = lambda: httpx.AsyncClient(transport=httpx.ASGITransport(app))
        yield Line(desk, twilio)


@pytest.fixture
async def line(desk: Desk) -> AsyncGenerator[Line]:
    async with joined(desk) as line:
        yield line


async def test_a_question_is_answered_and_the_report_says_delivered(line: Line) -> None:
    async with working(line.desk):
        assert await line.twilio.receive("How do I invite a colleague?") == 204
        outcome = await line.outcome()
        sent = [message["body"] for message in line.twilio.messages]
        assert outcome.delivery is not None
        assert sent == list(outcome.delivery.parts)
        assert {message["to"] for message in line.twilio.messages} == {CUSTOMER}
        assert await line.state(outcome) == "sent"
        for message in line.twilio.messages:
            assert await line.twilio.report(message["sid"], "queued", "delivered", "sent", "delivered") == [204] * 4
        assert await line.state(outcome) == "delivered"
        for message in line.twilio.messages:
            await line.twilio.report(message["sid"], "read", "failed", code=63024)
        assert await line.state(outcome) == "read"


async def test_what_was_not_delivered_shows_as_failed(line: Line) -> None:
    async with working(line.desk):
        await line.twilio.receive("How do I invite a colleague?")
        outcome = await line.outcome()
        await line.twilio.report(line.twilio.messages[0]["sid"], "sent", "undelivered", code=63016)

    assert await line.state(outcome) == "failed"


async def test_a_report_that_comes_before_our_commit_finds_its_message(line: Line) -> None:
    """Twilio may report before its answer to the send is stored: our own id in the address joins the two."""
    line.twilio.faults.append("hangs-after-accepting")
    async with working(line.desk):
        await line.twilio.receive("How do I invite a colleague?")
        while not line.twilio.messages:
            await asyncio.sleep(0.01)
        assert await line.twilio.report(line.twilio.messages[0]["sid"], "delivered") == [204]
        outcome = await line.outcome()

    assert outcome.delivery is not None
    assert outcome.delivery.items[0].state == "delivered"
    assert [item.body for item in outcome.delivery.items] == [message["body"] for message in line.twilio.messages]


@pytest.mark.parametrize("word", ["human", "agent", "representative", "Human!", "mensch"])
async def test_one_word_brings_a_person(real_desk: Desk, word: str) -> None:
    async with joined(real_desk) as line, working(line.desk):
        await line.twilio.receive(word)
        outcome = await line.outcome()

    assert outcome.escalation is not None
    assert outcome.decision.action == "escalated"


async def test_the_same_post_100_times_and_50_at_once_is_one_message(line: Line) -> None:
    sid = line.twilio.account.new_sid()
    once = [await line.twilio.receive("Hello", MessageSid=sid) for _ in range(50)]
    at_once = await asyncio.gather(*(line.twilio.receive("Hello", MessageSid=sid) for _ in range(50)))

    assert {*once, *at_once} == {204}
    assert len(await line.inbound_ids()) == 1


async def test_a_captured_post_cut_up_anew_is_refused_and_nothing_is_stored(line: Line) -> None:
    sid = "SM0123456789abcdef0123456789abcdef"
    await line.twilio.receive("Please help. Cancel nothing", MessageSid=sid)
    form = calls.inbound_form(line.twilio.account.sid, sid, CUSTOMER, SENDER, "Please help. Cancel nothing")
    signed = calls.headers(URL, form, line.twilio.account.token)

    shorter = [(name, "Please help. " if name == "Body" else value) for name, value in form]
    recuts = [[*shorter, ("Cancel", " nothing")]]
    rest = "".join(f"{name}{value}" for name, value in sorted(form) if name > "MessageSid")
    kept = [(name, value) for name, value in form if name < "MessageSid"]
    recuts += [[*kept, ("MessageSid", sid[:at]), (sid[at], sid[at + 1 :] + rest)] for at in (12, 17, 33)]
    async with line.twilio.posts_by() as thief:
        for recut in recuts:
            assert calls.signature(URL, recut, line.twilio.account.token) == signed["X-Twilio-Signature"]
            assert (await thief.post(URL, content=calls.encode(recut), headers=signed)).status_code == 403

    assert len(await line.inbound_ids()) == 1


async def test_a_picture_comes_in_with_its_words(line: Line) -> None:
    url = line.twilio.add_file(b"picture", kind="image/png")
    async with working(line.desk):
        await line.twilio.receive("This is what I see", NumMedia="1", MediaUrl0=url, MediaContentType0="image/png")
        await line.outcome()
        async with line.desk.db.transaction() as tx:
            rows = await (await tx.execute("select name, content from files")).fetchall()

    assert [(name, bytes(content)) for name, content in rows] == [("file-1.png", b"picture")]


async def test_a_message_that_names_nobody_is_kept_for_a_person(line: Line) -> None:
    assert await line.twilio.receive("Hello", sender="whatsapp:nobody") == 204

    async with line.desk.db.transaction() as tx:
        rows = await (await tx.execute("select outcome, detail from inbound")).fetchall()
    assert [(outcome, "WhatsApp id" in detail) for outcome, detail in rows] == [("failed", True)]


def test_the_stand_in_and_the_channel_mean_the_same_account() -> None:
    assert (account().sender, account().account_sid) == (SENDER, TwilioServer().account.sid)
