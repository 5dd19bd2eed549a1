"""Receipts: a state only moves forward, every word is kept, and a callback may come before we know its id."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest

from deskhand import conversations, deliveries
from deskhand.channels.base import DeliveryUpdate, Outbound, Receipt
from deskhand.deliveries import Delivery, MessageDelivery
from deskhand.desk import Desk
from deskhand.flows.outcome import Outcome
from deskhand.flows.receipts import apply_update
from tests.driving import ask
from tests.scripted_channel import scripted


async def tell(desk: Desk, state: Any, provider_id: str | None = "SM1", **more: Any) -> None:
    async with desk.db.transaction() as tx:
        await apply_update(desk, tx, "whatsapp", DeliveryUpdate(state, provider_id, **more))


async def read(desk: Desk, outcome: Outcome) -> MessageDelivery:
    assert outcome.reply is not None
    async with desk.db.transaction() as tx:
        found = await deliveries.find_by_message(tx, outcome.reply.id)
    assert found is not None
    return found


async def first(desk: Desk, outcome: Outcome) -> Delivery:
    return (await read(desk, outcome)).items[0]


@pytest.mark.parametrize(
    ("told", "last"),
    [
        (("delivered", "sent", "sent", "delivered"), "delivered"),
        (("read", "delivered"), "read"),
        (("failed",), "failed"),
        (("failed", "delivered"), "delivered"),
        (("delivered", "failed"), "delivered"),
    ],
)
async def test_updates_in_any_order_leave_the_furthest_state(desk: Desk, told: tuple[str, ...], last: str) -> None:
    talking, _ = scripted(desk, "whatsapp", parts=("Hello",))
    outcome = await ask(talking, "Hello", channel="whatsapp")

    for state in told:
        await tell(talking, state)

    assert (await read(desk, outcome)).state == last


async def test_what_came_too_late_is_kept_in_the_history(desk: Desk) -> None:
    talking, _ = scripted(desk, "whatsapp", parts=("Hello",))
    outcome = await ask(talking, "Hello", channel="whatsapp")
    for state, code in (("delivered", ""), ("failed", "63016"), ("delivered", "")):
        await tell(talking, state, code=code)

    async with desk.db.transaction() as tx:
        events = await deliveries.list_events(tx, (await first(desk, outcome)).id)

    assert [(event.state, event.code, event.applied) for event in events] == [
        ("sent", "", True),
        ("delivered", "", True),
        ("failed", "63016", False),
    ]


async def test_what_was_not_delivered_after_all_stands_in_the_thread_with_the_reason(desk: Desk) -> None:
    talking, _ = scripted(desk, "whatsapp", parts=("Hello",))
    outcome = await ask(talking, "Hello", channel="whatsapp")

    await tell(talking, "failed", code="63003", detail="The number has no WhatsApp.")

    delivery = await read(desk, outcome)
    assert (delivery.state, delivery.detail) == ("failed", "63003 The number has no WhatsApp.")
    async with desk.db.transaction() as tx:
        page = await conversations.page_of_messages(tx, outcome.ticket.conversation_id)
    assert [item.body for item in page.messages if item.kind == "event"] == [
        "Our message was not delivered: 63003 The number has no WhatsApp."
    ]


async def test_a_callback_before_our_own_commit_joins_by_our_id(desk: Desk) -> None:
    talking, channel = scripted(desk, "whatsapp", parts=("Hello",))
    loop = asyncio.get_running_loop()
    told: list[asyncio.Task[None]] = []

    def send(outbound: Outbound) -> Receipt:
        told.append(loop.create_task(tell(talking, "delivered", "SM-early", delivery_id=outbound.delivery_id)))
        return Receipt("sent", "SM-early")

    channel.on_send = send
    outcome = await ask(talking, "Hello", channel="whatsapp")
    await asyncio.gather(*told)

    part = await first(desk, outcome)
    assert (part.state, part.provider_id) == ("delivered", "SM-early")


async def test_a_callback_on_an_id_that_nobody_knows_yet_waits_for_it(desk: Desk) -> None:
    talking, _ = scripted(desk, "whatsapp", parts=("Hello",), on_send=lambda _: Receipt("sent", "SM-late"))
    await tell(talking, "delivered", "SM-late")
    await tell(talking, "read", "SM-late")

    outcome = await ask(talking, "Hello", channel="whatsapp")

    assert (await read(desk, outcome)).state == "read"
    async with desk.db.transaction() as tx:
        row = await (await tx.execute("select count(*) from delivery_updates_waiting")).fetchone()
    assert row == (0,)


async def test_further_ids_of_a_receipt_name_the_message_too(desk: Desk) -> None:
    mailing, _ = scripted(desk, on_send=lambda _: Receipt("sent", "gmail-1", also_known_as=("<real@mail.example>",)))
    outcome = await ask(mailing, "Hello")

    async with desk.db.transaction() as tx:
        await apply_update(desk, tx, "email", DeliveryUpdate("failed", "<real@mail.example>", code="5.1.1"))

    assert (await read(desk, outcome)).state == "failed"


async def test_an_update_of_another_channel_or_of_another_recipient_changes_nothing(desk: Desk) -> None:
    talking, _ = scripted(desk, "whatsapp", parts=("Hello",))
    outcome = await ask(talking, "Hello", channel="whatsapp")
    part = await first(desk, outcome)

    async with desk.db.transaction() as tx:
        await apply_update(desk, tx, "email", DeliveryUpdate("failed", None, delivery_id=str(part.id)))
    await tell(talking, "failed", delivery_id=str(part.id), recipient="somebody@else.example")
    await tell(talking, "failed", None, delivery_id="no id of ours")

    assert (await first(desk, outcome)).state == "sent"


async def test_a_second_part_that_fails_later_makes_the_message_failed(desk: Desk) -> None:
    talking, _ = scripted(desk, "whatsapp", parts=("One", "Two", "Three"))
    outcome = await ask(talking, "Hello", channel="whatsapp")

    await tell(talking, "delivered", "SM1")
    await tell(talking, "failed", "SM2")

    delivery = await read(desk, outcome)
    assert [part.state for part in delivery.items] == ["delivered", "failed", "sent"]
    assert delivery.state == "failed"


async def test_the_bounce_of_a_notice_shows_on_the_escalation(desk: Desk) -> None:
    async with desk.db.transaction() as tx:
        await apply_update(
            desk, tx, "email", DeliveryUpdate("failed", "<a@b>", delivery_id=f"notice-{UUID(int=1)}", code="5.1.1")
        )
