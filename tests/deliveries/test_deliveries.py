"""Deliveries: claimed once, and a state that only moves forward."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from deskhand import deliveries
from deskhand.db import Database, Tx
from deskhand.deliveries import State, Word
from deskhand.errors import NotFound
from deskhand.ids import uuid7
from tests.factories import NOON, make_conversation, make_message
from tests.races import at_once

PARTS = ["Grüße 🎉\n", ' "zweite" Nachricht\t']


async def _queue_all(tx: Tx) -> tuple[UUID, ...]:
    message_id = await make_message(tx, await make_conversation(tx), kind="outbound", author="agent")
    return await deliveries.queue(
        tx, message_id=message_id, channel="email", recipient="dana@example.com", parts=PARTS, at=NOON
    )


async def _queue(tx: Tx) -> UUID:
    return (await _queue_all(tx))[0]


async def _advance(tx: Tx, delivery_id: UUID, state: State) -> bool:
    return await deliveries.advance(tx, delivery_id, state=state, provider_id=None, detail="", at=NOON)


async def test_what_is_queued_is_kept_byte_for_byte(database: Database) -> None:
    async with database.transaction() as tx:
        first, second = [await deliveries.get(tx, item) for item in await _queue_all(tx)]
        whole = await deliveries.find_by_message(tx, first.message_id)

    assert [first.body, second.body] == PARTS
    assert (first.position, second.position) == (1, 2)
    assert (first.state, first.attempts, first.recipient) == ("queued", 0, "dana@example.com")
    assert whole is not None
    assert whole.items == (first, second)


async def test_ten_workers_at_once_claim_it_once(database: Database) -> None:
    async with database.transaction() as tx:
        delivery_id = await _queue(tx)

    claims = await at_once(database, 10, lambda tx: deliveries.claim(tx, delivery_id, NOON))

    assert claims.count(True) == 1


@pytest.mark.parametrize(
    ("states", "last"),
    [
        (("sent", "delivered", "read"), "read"),
        (("sent", "read", "delivered", "sent"), "read"),
        (("sent", "failed"), "failed"),
        (("unknown", "delivered"), "delivered"),
        (("delivered", "failed", "unknown", "sending", "queued"), "delivered"),
    ],
)
async def test_a_late_or_repeated_receipt_takes_nothing_back(
    database: Database, states: tuple[State, ...], last: State
) -> None:
    async with database.transaction() as tx:
        delivery_id = await _queue(tx)
        await deliveries.claim(tx, delivery_id, NOON)
        for state in states:
            await _advance(tx, delivery_id, state)

        assert (await deliveries.get(tx, delivery_id)).state == last


async def test_the_provider_s_id_stays_when_a_receipt_has_none(database: Database) -> None:
    async with database.transaction() as tx:
        delivery_id = await _queue(tx)
        await deliveries.advance(tx, delivery_id, state="sent", provider_id="SM1", detail="", at=NOON)
        await _advance(tx, delivery_id, "delivered")

        assert (await deliveries.get(tx, delivery_id)).provider_id == "SM1"


async def test_only_what_is_being_sent_goes_back_into_the_queue(database: Database) -> None:
    async with database.transaction() as tx:
        delivery_id = await _queue(tx)
        await deliveries.claim(tx, delivery_id, NOON)
        back = await deliveries.requeue(tx, delivery_id, detail="busy", at=NOON)
        await deliveries.claim(tx, delivery_id, NOON)
        await _advance(tx, delivery_id, "sent")
        after_sending = await deliveries.requeue(tx, delivery_id, detail="busy", at=NOON)
        found = await deliveries.get(tx, delivery_id)

    assert (back, after_sending) == (True, False)
    assert (found.state, found.attempts) == ("sent", 2)


async def test_an_unknown_delivery_is_not_found(database: Database) -> None:
    async with database.transaction() as tx:
        with pytest.raises(NotFound):
            await deliveries.get(tx, uuid7())


@pytest.mark.parametrize(
    ("states", "least"),
    [
        (("read", "delivered"), "delivered"),
        (("delivered", "queued"), "queued"),
        (("read", "failed", "queued"), "failed"),
        (("sent", "unknown"), "unknown"),
        (("sending", "sent"), "sending"),
        (("read",), "read"),
    ],
)
def test_a_message_is_as_far_as_the_least_of_its_parts(states: tuple[State, ...], least: State) -> None:
    assert deliveries.state_of(states) == least


async def test_the_same_word_twice_is_one_event(database: Database) -> None:
    async with database.transaction() as tx:
        delivery_id = await _queue(tx)
        for _ in range(3):
            await deliveries.record(tx, delivery_id, Word("delivered", "SM1"), at=NOON)

        assert [event.state for event in await deliveries.list_events(tx, delivery_id)] == ["delivered"]


async def test_what_is_sent_once_more_is_so_once(database: Database) -> None:
    async with database.transaction() as tx:
        delivery_id = await _queue(tx)
        early = await deliveries.claim_again(tx, delivery_id, NOON)
        await deliveries.claim(tx, delivery_id, NOON)
        again = [await deliveries.claim_again(tx, delivery_id, NOON) for _ in range(2)]

    assert (early, again) == (False, [True, False])


async def test_waiting_words_are_taken_once_in_their_order(database: Database) -> None:
    async with database.transaction() as tx:
        for second, state in enumerate(("sent", "delivered", "sent")):
            at = NOON + timedelta(seconds=second)
            await deliveries.keep_waiting(tx, "whatsapp", "SM1", Word(state, "SM1"), at=at)
        other = await deliveries.take_waiting(tx, "email", "SM1")
        taken = [word.state for word in await deliveries.take_waiting(tx, "whatsapp", "SM1")]
        rest = await deliveries.take_waiting(tx, "whatsapp", "SM1")

    assert (other, taken, rest) == ([], ["sent", "delivered"], [])
