"""Unknown outcomes: what may have left is looked up at the provider, and sent once more at the most."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from deskhand import channel_states, deliveries
from deskhand.channels.base import Outbound, Receipt
from deskhand.deliveries import MessageDelivery
from deskhand.desk import Desk
from deskhand.errors import ChannelError
from deskhand.flows.outcome import wait_for_outcome
from deskhand.flows.pausing import resume_channel
from deskhand.worker import run_worker
from tests.driving import say, working
from tests.scripted_channel import ScriptedChannel, scripted


async def until(desk: Desk, is_there: Callable[[MessageDelivery], bool]) -> MessageDelivery:
    """Wait for the only reply to be as it should."""
    async with asyncio.timeout(20):
        while True:
            async with desk.db.transaction() as tx:
                row = await (await tx.execute("select message_id from deliveries limit 1")).fetchone()
                found = await deliveries.find_by_message(tx, row[0]) if row else None
            if found is not None and is_there(found):
                return found
            await asyncio.sleep(0.02)


async def final(desk: Desk, *states: str) -> MessageDelivery:
    """Run a worker until the reply is in one of these states and nothing of it is queued."""
    async with working(desk):
        found = await until(desk, lambda delivery: delivery.state in states)
        async with asyncio.timeout(20):
            while any(lag.pending for lag in await desk.transport.lag()):
                await asyncio.sleep(0.02)
    return await until(desk, lambda delivery: delivery.state in states) if found else found


def times_out(_: Outbound) -> Receipt:
    raise ChannelError("The line broke after the request was written.", permanent=False, was_sent=None)


async def killed_while_sending(desk: Desk, channel: ScriptedChannel) -> None:
    """A worker dies while the provider has the request."""
    hasty = replace(desk, settings=desk.settings.model_copy(update={"drain": timedelta(milliseconds=100)}))
    channel.hangs = True
    await say(desk, "Hello")
    worker = asyncio.create_task(run_worker(hasty, asyncio.Event()))
    await asyncio.wait_for(channel.reached.wait(), 20)
    worker.cancel()
    with suppress(asyncio.CancelledError):
        await worker
    channel.hangs = False


async def test_what_the_provider_has_is_not_sent_again(desk: Desk) -> None:
    mailing, channel = scripted(desk, on_find=lambda _: Receipt("sent", "found-1"))
    await killed_while_sending(mailing, channel)

    delivery = await final(mailing, "sent")

    assert (len(channel.sends), delivery.items[0].provider_id) == (1, "found-1")


async def test_an_answer_on_the_status_page_never_stays_unknown(desk: Desk) -> None:
    asked = await say(desk, "Hello", channel="web_form")
    async with working(desk):
        outcome = await wait_for_outcome(desk, asked, timeout=20)
    assert outcome.delivery is not None
    (item,) = outcome.delivery.items
    async with desk.db.transaction() as tx:  # as a worker leaves it that dies just before the page has it
        await tx.execute("update deliveries set state = 'sending' where id = %s", (item.id,))
        await desk.transport.publish(tx, desk.topics.deliveries, "again", {"delivery_id": str(item.id)})

    assert (await final(desk, "delivered", "unknown")).state == "delivered"


async def test_what_the_provider_has_not_is_sent_once_more(desk: Desk) -> None:
    mailing, channel = scripted(desk)
    await killed_while_sending(mailing, channel)

    delivery = await final(mailing, "sent")

    assert len(channel.sends) == 2
    assert len({outbound.delivery_id for outbound in channel.sends}) == 1
    assert delivery.items[0].attempts == 2


async def test_a_broken_line_is_looked_up_as_well(desk: Desk) -> None:
    mailing, channel = scripted(desk, on_send=times_out, on_find=lambda _: Receipt("delivered", "found-1"))
    await say(mailing, "Hello")

    await final(mailing, "delivered")

    assert (len(channel.sends), len(channel.searches)) == (1, 1)
    outbound, since = channel.searches[0]
    assert outbound.delivery_id == channel.sends[0].delivery_id
    assert since <= desk.clock.now()


async def test_a_search_is_told_what_else_the_recipient_got(desk: Desk) -> None:
    earlier, _ = scripted(desk)
    await say(earlier, "Hello")
    sent = await final(earlier, "sent")
    mailing, channel = scripted(desk, on_send=times_out, on_find=lambda _: Receipt("sent", "found-2"))
    await say(mailing, "Hello again")

    async with working(mailing), asyncio.timeout(20):
        while not channel.searches:
            await asyncio.sleep(0.02)

    (searched, _), *_ = channel.searches
    assert searched.others == {sent.items[0].provider_id}


async def test_after_two_sends_without_an_answer_a_person_must_look(desk: Desk) -> None:
    mailing, channel = scripted(desk, on_send=times_out)
    await say(mailing, "Hello")

    delivery = await final(mailing, "unknown")

    assert len(channel.sends) == 2
    assert "the provider shows neither" in delivery.detail


async def test_a_provider_that_can_never_tell_leaves_it_unknown(desk: Desk) -> None:
    def find(_: Outbound) -> Receipt | None:
        raise ChannelError("Templates can't be told apart.", permanent=True, was_sent=None)

    mailing, channel = scripted(desk, on_send=times_out, on_find=find)
    await say(mailing, "Hello")

    delivery = await final(mailing, "unknown")

    assert len(channel.sends) == 1
    assert "Templates can't be told apart." in delivery.detail


async def test_a_provider_that_can_t_tell_now_is_asked_again(desk: Desk) -> None:
    answers: list[bool] = []

    def find(_: Outbound) -> Receipt | None:
        answers.append(True)
        if len(answers) < 3:
            raise ChannelError("Busy.", permanent=False)
        return Receipt("sent", "found-1")

    mailing, channel = scripted(desk, on_send=times_out, on_find=find)
    await say(mailing, "Hello")

    await final(mailing, "sent")

    assert (len(channel.sends), len(answers)) == (1, 3)


async def test_where_nobody_can_be_asked_it_stays_unknown_and_is_not_sent_again(desk: Desk) -> None:
    mailing, channel = scripted(desk, searchable=False, on_send=times_out)
    await say(mailing, "Hello")

    delivery = await final(mailing, "unknown")

    assert len(channel.sends) == 1
    assert "The line broke" in delivery.detail


async def test_a_provider_that_hangs_is_given_up_in_time(desk: Desk) -> None:
    mailing, channel = scripted(desk, searchable=False, hangs=True)
    quick = mailing.settings.model_copy(update={"provider_timeout": timedelta(milliseconds=50)})
    await say(mailing, "Hello")

    delivery = await final(replace(mailing, settings=quick), "unknown")

    assert len(channel.sends) == 1
    assert "did not answer in time" in delivery.detail


async def test_a_provider_that_asks_to_wait_costs_no_attempt(desk: Desk) -> None:
    refusals: list[bool] = []

    def send(_: Outbound) -> Receipt:
        refusals.append(True)
        if len(refusals) < 4:
            raise ChannelError("Slow down.", permanent=False, retry_after=timedelta(milliseconds=10))
        return Receipt("sent", "SM1")

    mailing, _ = scripted(desk, on_send=send)
    few = mailing.settings.model_copy(update={"delivery_attempts": 1})
    await say(mailing, "Hello")

    await final(replace(mailing, settings=few), "sent")

    assert len(refusals) == 4


async def test_a_reply_that_waited_too_long_has_failed(desk: Desk) -> None:
    def send(_: Outbound) -> Receipt:
        raise ChannelError("Slow down.", permanent=False, retry_after=timedelta(milliseconds=10))

    mailing, _ = scripted(desk, on_send=send)
    hasty = mailing.settings.model_copy(update={"delivery_patience": timedelta(milliseconds=100)})
    await say(mailing, "Hello")

    assert (await final(replace(mailing, settings=hasty), "failed")).detail == "Slow down."


async def test_when_the_account_is_at_fault_the_channel_rests_and_the_reply_waits(desk: Desk) -> None:
    def send(_: Outbound) -> Receipt:
        raise ChannelError("The token was revoked.", permanent=True, pauses=True)

    mailing, channel = scripted(desk, on_send=send)
    await say(mailing, "Hello")
    async with working(mailing):
        await asyncio.wait_for(channel.reached.wait(), 20)
        async with asyncio.timeout(20):
            while not await _is_paused(desk):
                await asyncio.sleep(0.02)
        waiting = await until(desk, lambda delivery: delivery.state == "queued")

        channel.on_send = None
        sent_so_far = len(channel.sends)
        assert await resume_channel(mailing, "email")
        await until(desk, lambda delivery: delivery.state == "sent")

    assert (sent_so_far, waiting.detail) == (1, "The token was revoked.")


async def _is_paused(desk: Desk) -> bool:
    async with desk.db.transaction() as tx:
        return await channel_states.is_paused(tx, "email")


@pytest.mark.parametrize("broken", ["One", "Two"])
async def test_parts_go_in_order_and_none_behind_one_that_failed(desk: Desk, broken: str) -> None:
    def send(outbound: Outbound) -> Receipt:
        if outbound.text == broken:
            raise ChannelError("Refused.", permanent=True)
        return Receipt("sent", f"SM-{outbound.text}")

    talking, channel = scripted(desk, parts=("One", "Two", "Three"), on_send=send)
    await say(talking, "Hello")

    delivery = await final(talking, "failed")

    expected = ["One", "Two"][: ["One", "Two"].index(broken) + 1]
    assert [outbound.text for outbound in channel.sends] == expected
    assert delivery.items[-1].detail == "an earlier part was not delivered"
    assert {part.state for part in delivery.items[len(expected) :]} == {"failed"}


async def test_an_attempt_tells_the_provider_all_it_needs(desk: Desk) -> None:
    mailing, channel = scripted(desk, on_send=lambda _: Receipt("sent", "g-1", provider_thread="T-1"))
    await say(mailing, "Hello", subject="Board", headers={"Message-ID": "<one@mail.example>"}, provider_id="gmail-in-1")

    await final(mailing, "sent")

    (outbound,) = channel.sends
    assert (outbound.subject, outbound.answers, outbound.references) == (
        "Board",
        "<one@mail.example>",
        ("<one@mail.example>",),
    )
    assert outbound.is_automatic
    assert outbound.customer_wrote_at is not None
    assert outbound.attempt == 1
    async with desk.db.transaction() as tx:
        row = await (await tx.execute("select provider_thread from conversations")).fetchone()
    assert row == ("T-1",)
