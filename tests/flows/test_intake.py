"""Intake: yes is said after the commit, once for each message, and what was accepted is filed or visibly failed."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from deskhand import conversations, customers, inbound, tickets
from deskhand.clock import FixedClock
from deskhand.conversations import CHAT_GAP
from deskhand.desk import Desk
from deskhand.errors import Conflict, DatabaseUnavailable, InvalidInput
from deskhand.flows import intake
from deskhand.flows.outcome import NoOutcome, find_outcome
from tests.driving import ask, payload, say, settle, working
from tests.factories import NOON
from tests.fakes import ScriptedTriage, read_as
from tests.races import at_once


async def _pending(desk: Desk) -> int:
    return sum(lag.pending for lag in await desk.transport.lag())


async def test_what_is_accepted_is_stored_and_queued_in_one_commit(desk: Desk) -> None:
    inbound_id = await say(desk, "How do I invite a colleague?")

    async with desk.db.transaction() as tx:
        row = await inbound.get(tx, inbound_id)
    assert (row.channel, row.outcome, row.payload["body"]) == ("email", "received", "How do I invite a colleague?")
    assert await _pending(desk) == 1


async def test_when_the_queue_fails_nothing_is_stored_and_nobody_hears_yes(desk: Desk) -> None:
    class Broken:
        async def publish(self, *_: Any, **__: Any) -> bool:
            raise DatabaseUnavailable

    broken = replace(desk, transport=Broken())
    given = payload("How do I invite a colleague?")

    with pytest.raises(DatabaseUnavailable):
        await intake.accept(broken, "email", given)

    async with desk.db.transaction() as tx:
        assert await inbound.find_by_provider_id(tx, "email", given["provider_id"]) is None


async def test_what_is_no_message_is_refused_and_leaves_nothing(desk: Desk) -> None:
    with pytest.raises(InvalidInput):
        await intake.accept(desk, "email", payload("Hi", sender="nobody"))

    assert await _pending(desk) == 0


async def test_the_same_provider_id_has_one_effect_and_the_same_answer(desk: Desk) -> None:
    given = payload("How do I invite a colleague?", channel="web_form")

    first, second = [
        await intake.accept(desk, "web_form", given, promise_reference=True, idempotency_key="k" * 32) for _ in range(2)
    ]

    assert (first.duplicate, second.duplicate) == (False, True)
    assert (second.inbound_id, second.reference) == (first.inbound_id, first.reference)
    assert second.access_token == first.access_token
    assert await _pending(desk) == 1


async def test_twenty_posts_of_one_form_at_the_same_instant_are_one(desk: Desk) -> None:
    given = payload("How do I invite a colleague?", channel="web_form")
    await at_once(desk.db, 10, lambda tx: tx.execute("select 1"))  # ten connections are open now

    accepted = await asyncio.gather(
        *(intake.accept(desk, "web_form", given, promise_reference=True, idempotency_key="k" * 32) for _ in range(20))
    )

    assert len({one.inbound_id for one in accepted}) == len({one.reference for one in accepted}) == 1
    assert [one.duplicate for one in accepted].count(False) == 1
    assert await _pending(desk) == 1


async def test_a_form_s_key_used_again_for_other_words_is_a_conflict(desk: Desk) -> None:
    given = payload("How do I invite a colleague?", channel="web_form")
    await intake.accept(desk, "web_form", given, promise_reference=True, idempotency_key="k" * 32)

    with pytest.raises(Conflict):
        await intake.accept(
            desk, "web_form", given | {"body": "Else."}, promise_reference=True, idempotency_key="k" * 32
        )


async def test_a_provider_that_sends_an_id_again_with_other_words_changes_nothing(desk: Desk) -> None:
    given = payload("How do I invite a colleague?")
    first = await intake.accept(desk, "email", given)

    second = await intake.accept(desk, "email", given | {"body": "Something else."})

    assert (second.inbound_id, second.duplicate) == (first.inbound_id, True)
    async with desk.db.transaction() as tx:
        assert (await inbound.get(tx, first.inbound_id)).payload == given


async def test_the_secret_of_the_status_page_is_kept_as_a_hash_only(desk: Desk) -> None:
    accepted = await intake.accept(desk, "web_form", payload("Hi", channel="web_form"), promise_reference=True)

    assert accepted.access_token is not None
    async with desk.db.transaction() as tx:
        row = await inbound.get(tx, accepted.inbound_id)
        rows = await (await tx.execute("select i::text from inbound i")).fetchall()
    assert row.access_hash == intake.access_hash(accepted.access_token)
    assert accepted.access_token not in rows[0][0]


async def test_the_reference_that_was_promised_is_the_ticket_s(desk: Desk) -> None:
    accepted = await intake.accept(desk, "web_form", payload("Hi", channel="web_form"), promise_reference=True)

    (outcome,) = await settle(desk, accepted.inbound_id)

    assert outcome.ticket.reference == accepted.reference
    assert outcome.reply is not None
    assert str(accepted.reference) in outcome.reply.body


async def test_the_plan_is_what_our_records_say_whatever_the_sender_types(desk: Desk) -> None:
    triage = ScriptedTriage()

    outcome = await ask(replace(desk, triage=triage), "I am an ENTERPRISE customer, plan: enterprise. Help!")

    assert triage.read_messages[0].plan == "free"
    async with desk.db.transaction() as tx:
        assert (await customers.get(tx, outcome.ticket.customer_id)).plan == "free"


async def test_a_channel_that_vouches_for_the_sender_verifies_the_address_and_a_form_does_not(desk: Desk) -> None:
    mailed = await ask(desk, "Hello", sender="mail@example.com")
    typed = await ask(desk, "Hello", channel="web_form", sender="form@example.com")

    async with desk.db.transaction() as tx:
        (by_mail,) = await customers.list_identifiers(tx, mailed.ticket.customer_id)
        (by_form,) = await customers.list_identifiers(tx, typed.ticket.customer_id)
    assert by_mail.verified_at is not None
    assert by_form.verified_at is None


async def test_a_thread_of_the_customer_s_own_is_continued(desk: Desk) -> None:
    first = await ask(desk, "How do I invite a colleague?")

    second = await ask(desk, "It worked.", thread=str(first.ticket.conversation_id))

    assert second.ticket.conversation_id == first.ticket.conversation_id


@pytest.mark.parametrize("thread", ["", "not-an-id", "<CAF@mail.example>", "00000000-0000-0000-0000-000000000000"])
async def test_an_empty_or_foreign_thread_id_joins_nothing_and_the_message_is_filed(desk: Desk, thread: str) -> None:
    first = await ask(desk, "How do I invite a colleague?", thread=thread)

    second = await ask(desk, "And how do I export?", thread=thread)

    assert second.ticket.conversation_id != first.ticket.conversation_id


async def test_a_thread_of_somebody_else_joins_nothing(desk: Desk) -> None:
    theirs = await ask(desk, "My secret plans", sender="victim@example.com")

    ours = await ask(desk, "Hello", sender="stranger@example.com", thread=str(theirs.ticket.conversation_id))

    assert ours.ticket.conversation_id != theirs.ticket.conversation_id


async def test_a_chat_is_judged_by_when_a_message_came_not_by_when_it_was_filed(desk: Desk) -> None:
    """After an outage the queue is behind: what was said in one go stays together."""
    clock = FixedClock(NOON)
    timed = replace(desk, clock=clock)
    first = await ask(timed, "Hello", channel="whatsapp")
    inbound_id = await say(timed, "Anybody there?", channel="whatsapp")
    clock.advance(CHAT_GAP + timedelta(days=1))

    (second,) = await settle(timed, inbound_id)

    assert second.ticket.conversation_id == first.ticket.conversation_id


async def test_messages_of_one_sender_are_filed_in_their_order(desk: Desk) -> None:
    said = [await say(desk, f"message {number}", channel="whatsapp") for number in range(12)]

    outcomes = await settle(desk, *said)

    assert len({outcome.ticket.conversation_id for outcome in outcomes}) == 1
    async with desk.db.transaction() as tx:
        page = await conversations.page_of_messages(tx, outcomes[0].ticket.conversation_id, limit=50)
    heard = [message.body for message in reversed(page.messages) if message.kind == "inbound"]
    assert heard == [f"message {number}" for number in range(12)]


async def test_a_stored_message_that_cannot_be_read_shows_as_failed_with_the_reason(desk: Desk) -> None:
    async with desk.db.transaction() as tx:
        stored = await inbound.store(
            tx, channel="email", provider_id="p-1", payload={"body": 7}, reference=None, access_hash=None, at=NOON
        )
        await desk.transport.publish(tx, desk.topics.email_inbound, "email:x", {"inbound_id": str(stored)})
    assert stored is not None
    good = await say(desk, "How do I invite a colleague?")

    (outcome,) = await settle(desk, good)

    assert outcome.decision.decision == "respond"
    async with desk.db.transaction() as tx:
        row = await inbound.get(tx, stored)
        with pytest.raises(NoOutcome, match="could not be processed"):
            await find_outcome(tx, stored)
    assert row.outcome == "failed"
    assert "provider_id" in row.detail


async def test_a_message_handed_over_twice_is_filed_once(desk: Desk) -> None:
    first = await ask(desk, "How do I invite a colleague?", sender="dana@example.com")
    async with desk.db.transaction() as tx:
        row = await (await tx.execute("select id from inbound")).fetchone()
        assert row is not None
        await desk.transport.publish(tx, desk.topics.email_inbound, "email:x", {"inbound_id": str(row[0])})

    async with working(desk), asyncio.timeout(20):
        while await _pending(desk):
            await asyncio.sleep(0.02)

    async with desk.db.transaction() as tx:
        page = await conversations.page_of_messages(tx, first.ticket.conversation_id, limit=50)
    assert [message.kind for message in page.messages] == ["outbound", "inbound"]


def test_a_lane_keeps_senders_apart_and_names_none() -> None:
    lanes = {intake.lane_of("email", address) for address in ("dana@example.com", "eve@example.com")}

    assert len(lanes) == 2
    assert intake.lane_of("email", "dana@example.com") in lanes
    assert not any("dana" in lane or "@" in lane for lane in lanes)


async def test_a_question_mark_alone_is_handled(desk: Desk) -> None:
    outcome = await ask(replace(desk, triage=ScriptedTriage(lambda _: read_as(intent="question"))), "?")

    assert outcome.decision.action == "asked_back"


async def test_a_reference_is_unique_and_findable(desk: Desk) -> None:
    outcome = await ask(desk, "Hello")

    async with desk.db.transaction() as tx:
        assert await tickets.find_by_reference(tx, outcome.ticket.reference) == outcome.ticket
