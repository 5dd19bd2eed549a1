"""Linking: a code that was mailed proves an address; nothing else does, and nothing tells who is a customer."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from datetime import timedelta
from typing import LiteralString, cast
from uuid import UUID

import pytest

from deskhand import customers, inbound
from deskhand.channels.base import Outbound
from deskhand.clock import TravelClock
from deskhand.customers import Customer, merging
from deskhand.desk import Desk
from deskhand.errors import Conflict, NotFound
from deskhand.flows.merging import unmerge_customers
from tests.driving import SENDERS, ask, payload, say, with_channel, working
from tests.fakes import FakeChannel

DANA = SENDERS["email"]


class Chat:
    """A customer on WhatsApp, and what goes to Dana's mailbox."""

    def __init__(self, desk: Desk) -> None:
        self.clock = TravelClock()
        talking, self.chat = with_channel(replace(desk, clock=self.clock), "whatsapp")
        self.desk, self.mail = with_channel(talking, "email")

    async def write(self, body: str, sender: str = SENDERS["whatsapp"]) -> str:
        """What the customer hears."""
        said = len(self.chat.sends)
        await say(self.desk, body, channel="whatsapp", sender=sender)
        async with working(self.desk), asyncio.timeout(20):
            while any(lag.pending for lag in await self.desk.transport.lag()):
                await asyncio.sleep(0.02)
        return "\n".join(outbound.text for outbound in self.chat.sends[said:])

    @property
    def code(self) -> str:
        found = re.search(r"\b\d{6}\b", _codes(self.mail)[-1].text)
        assert found is not None
        return found[0]

    async def who(self) -> Customer:
        async with self.desk.db.transaction() as tx:
            found = await customers.find_by_identifier(tx, _kind(self.desk), SENDERS["whatsapp"])
        assert found is not None
        return found


def _kind(desk: Desk) -> customers.IdentifierKind:
    return desk.channels["whatsapp"].parse(payload("x", channel="whatsapp")).sender_kind


def _codes(mail: FakeChannel) -> list[Outbound]:
    return [outbound for outbound in mail.sends if outbound.delivery_id.startswith("code-")]


@pytest.fixture
async def chat(desk: Desk) -> Chat:
    """Dana is known by mail; somebody has said hello on WhatsApp."""
    talking = Chat(desk)
    await ask(talking.desk, "How do I invite a colleague?")
    await talking.write("Hello")
    return talking


async def test_a_code_that_comes_back_makes_two_customers_one(chat: Chat) -> None:
    before = await chat.who()

    await chat.write(f"Link {DANA.upper()}")
    answer = await chat.write(chat.code)

    after = await chat.who()
    async with chat.desk.db.transaction() as tx:
        known = await customers.find_by_identifier(tx, "email", DANA)
        theirs = await (await tx.execute("select distinct customer_id from conversations")).fetchall()
        (merge,) = await merging.list_merges(tx, limit=5)
    assert "both addresses" in answer
    assert known is not None
    assert before.id != after.id == known.id
    assert theirs == [(known.id,)]
    assert (merge.kept_id, merge.merged_id) == (known.id, before.id)
    assert DANA in merge.evidence


async def test_the_mail_goes_to_the_address_and_the_code_is_kept_nowhere(chat: Chat) -> None:
    await chat.write(f"link {DANA}")

    (mailed,) = _codes(chat.mail)
    assert mailed.recipient == DANA
    async with chat.desk.db.transaction() as tx:
        tables = await (
            await tx.execute("select table_name from information_schema.tables where table_schema = 'public'")
        ).fetchall()
        for (table,) in tables:
            query = cast("LiteralString", f"select t::text from {table} t")
            rows = await (await tx.execute(query)).fetchall()
            assert not any(chat.code in row[0] for row in rows), table


async def test_an_address_that_nobody_has_sounds_the_same_and_gets_no_mail(chat: Chat) -> None:
    known, unknown = [await chat.write(f"link {address}") for address in (DANA, "nobody@example.com")]
    wrong_for_unknown = await chat.write("123456")

    assert known.replace(DANA, "X") == unknown.replace("nobody@example.com", "X")
    assert "does not fit" in wrong_for_unknown
    assert [mail.recipient for mail in _codes(chat.mail)] == [DANA]


async def test_a_wrong_code_links_nothing_and_after_five_the_right_one_is_too_late(chat: Chat) -> None:
    await chat.write(f"link {DANA}")
    wrong = "000000" if chat.code != "000000" else "000001"

    answers = [await chat.write(wrong) for _ in range(5)]
    answers.append(await chat.write(chat.code))

    assert all("does not fit" in answer for answer in answers)
    async with chat.desk.db.transaction() as tx:
        assert await merging.list_merges(tx, limit=5) == []


async def test_a_code_is_good_for_a_quarter_of_an_hour_for_its_sender_and_once(chat: Chat) -> None:
    await chat.write(f"link {DANA}")
    stolen = await chat.write(chat.code, sender="+491709999999")
    chat.clock.advance(timedelta(minutes=16))
    late = await chat.write(chat.code)

    assert "both addresses" not in stolen
    assert "does not fit" in late
    async with chat.desk.db.transaction() as tx:
        assert await merging.list_merges(tx, limit=5) == []


async def test_three_codes_an_hour_and_no_more(chat: Chat) -> None:
    answers = [await chat.write(f"link {DANA}") for _ in range(5)]
    other = await chat.write(f"link {DANA}", sender="+491709999999")

    assert len(set(answers)) == 1
    assert other == answers[0]
    assert len(_codes(chat.mail)) == 3


async def test_six_digits_without_a_request_are_a_message_like_any_other(chat: Chat) -> None:
    inbound_id = await say(chat.desk, "123456", channel="whatsapp")
    await chat.write("and this is my order")

    async with chat.desk.db.transaction() as tx:
        assert (await inbound.get(tx, inbound_id)).detail == ""


async def test_no_ticket_and_no_turn_comes_of_a_wish(chat: Chat) -> None:
    async with chat.desk.db.transaction() as tx:
        before = await (await tx.execute("select count(*) from decisions")).fetchone()

    await chat.write(f"link {DANA}")

    async with chat.desk.db.transaction() as tx:
        assert await (await tx.execute("select count(*) from decisions")).fetchone() == before


async def test_a_merge_can_be_undone(chat: Chat) -> None:
    before = await chat.who()
    await chat.write(f"link {DANA}")
    await chat.write(chat.code)
    async with chat.desk.db.transaction() as tx:
        (merge,) = await merging.list_merges(tx, limit=5)

    await unmerge_customers(chat.desk, merge.id)

    assert (await chat.who()).id == before.id
    async with chat.desk.db.transaction() as tx:
        rows = await (
            await tx.execute(
                """
                select c.channel, c.customer_id = %(before)s, t.customer_id = %(before)s
                  from conversations c join tickets t on t.conversation_id = c.id
                """,
                {"before": before.id},
            )
        ).fetchall()
        mail = await customers.find_by_identifier(tx, "email", DANA)
    assert set(rows) == {("whatsapp", True, True), ("email", False, False)}
    assert mail is not None
    assert mail.id != before.id
    with pytest.raises(Conflict):
        await unmerge_customers(chat.desk, merge.id)
    with pytest.raises(NotFound):
        await unmerge_customers(chat.desk, UUID(int=3))


async def test_after_the_merge_each_channel_is_still_answered_at_its_own_address(chat: Chat) -> None:
    await chat.write(f"link {DANA}")
    await chat.write(chat.code)
    heard = await chat.write("Hello again")
    mailed = await ask(chat.desk, "Hello by mail")

    assert heard
    assert chat.chat.sends[-1].recipient == SENDERS["whatsapp"]
    assert mailed.delivery is not None
    assert mailed.delivery.items[0].recipient == DANA
