"""A takeover beats the agent: what it wrote and has not left yet stays here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from deskhand import channel_states, conversations, deliveries, inbound
from deskhand.channels.base import Outbound, Receipt
from deskhand.deliveries import MessageDelivery
from deskhand.desk import Desk
from deskhand.errors import ChannelError
from deskhand.flows.delivery import TAKEN_OVER
from deskhand.flows.pausing import resume_channel
from tests.driving import say, working
from tests.scripted_channel import scripted


async def reply_to(
    desk: Desk, inbound_id: UUID, is_there: Callable[[MessageDelivery], bool]
) -> tuple[conversations.Message, MessageDelivery]:
    """The agent's reply and its delivery, as soon as that is as it should be."""
    async with asyncio.timeout(20):
        while True:
            async with desk.db.transaction() as tx:
                row = await inbound.get(tx, inbound_id)
                reply = await conversations.find_reply(tx, row.message_id) if row.message_id else None
                found = await deliveries.find_by_message(tx, reply.id) if reply is not None else None
            if reply is not None and found is not None and is_there(found):
                return reply, found
            await asyncio.sleep(0.02)


async def take_over(desk: Desk, reply: conversations.Message) -> None:
    async with desk.db.transaction() as tx:
        await conversations.set_handler(tx, reply.conversation_id, "operator")


async def test_a_queued_reply_does_not_leave_after_a_takeover(desk: Desk) -> None:
    mailing, channel = scripted(desk)
    async with mailing.db.transaction() as tx:
        await channel_states.pause(tx, "email", detail="for the test", at=mailing.clock.now())
    asked = await say(mailing, "Hello")
    async with working(mailing):
        reply, _ = await reply_to(mailing, asked, lambda found: found.state == "queued")
        await take_over(mailing, reply)
        await resume_channel(mailing, "email")
        _, found = await reply_to(mailing, asked, lambda found: found.state == "failed")

    assert found.detail == TAKEN_OVER
    assert channel.sends == []


async def test_an_unknown_reply_is_not_sent_once_more_after_a_takeover(desk: Desk) -> None:
    taken = asyncio.Event()

    def breaks_off(_: Outbound) -> Receipt:
        raise ChannelError("The line broke.", permanent=False, was_sent=None)

    def finds_nothing_in_the_end(_: Outbound) -> Receipt | None:
        if not taken.is_set():
            raise ChannelError("Later.", permanent=False, retry_after=timedelta(milliseconds=30))
        return None

    mailing, channel = scripted(desk, on_send=breaks_off, on_find=finds_nothing_in_the_end)
    asked = await say(mailing, "Hello")
    async with working(mailing):
        reply, _ = await reply_to(mailing, asked, lambda found: found.state == "unknown")
        await take_over(mailing, reply)
        taken.set()
        _, found = await reply_to(mailing, asked, lambda found: found.state == "failed")

    assert found.detail == TAKEN_OVER
    assert len(channel.sends) == 1


async def test_what_an_operator_writes_leaves_although_they_have_the_conversation(desk: Desk) -> None:
    mailing, channel = scripted(desk)
    asked = await say(mailing, "Hello")
    async with working(mailing):
        reply, _ = await reply_to(mailing, asked, lambda found: found.state == "sent")
        await take_over(mailing, reply)
        async with mailing.db.transaction() as tx:
            words = await conversations.add_message(
                tx, reply.conversation_id, kind="outbound", author="operator", body="I am here.", at=desk.clock.now()
            )
            (delivery_id,) = await deliveries.queue(
                tx,
                message_id=words,
                channel="email",
                recipient="dana@example.com",
                parts=["I am here."],
                at=desk.clock.now(),
            )
            await mailing.transport.publish(
                tx, mailing.topics.deliveries, str(reply.conversation_id), {"delivery_id": str(delivery_id)}
            )
        async with asyncio.timeout(20):
            while len(channel.sends) < 2:
                await asyncio.sleep(0.02)

    assert channel.sends[-1].text == "I am here."
