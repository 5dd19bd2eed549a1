"""Filing: each message comes to its thread, machines get no ticket, and what only a person may answer goes to one."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest

from deskhand import conversations, customers, files, inbound
from deskhand.channels.base import NewFile, Receipt
from deskhand.conversations import Message
from deskhand.desk import Desk
from deskhand.errors import ChannelError, Conflict, NotFound
from deskhand.flows.filing import release_suspended
from deskhand.flows.outcome import NoOutcome, Outcome, find_outcome
from deskhand.ids import ConversationId
from deskhand.inbound import Inbound
from tests.driving import PATIENCE, ask, say, settle, with_channel, working
from tests.scripted_channel import scripted


async def thread_of(desk: Desk, conversation_id: ConversationId) -> list[Message]:
    async with desk.db.transaction() as tx:
        page = await conversations.page_of_messages(tx, conversation_id)
    return list(reversed(page.messages))


async def suspended(desk: Desk, inbound_id: UUID) -> Inbound:
    """Run a worker until the message is suspended."""
    async with working(desk), asyncio.timeout(PATIENCE):
        while True:
            async with desk.db.transaction() as tx:
                row = await inbound.get(tx, inbound_id)
            if row.outcome == "suspended":
                return row
            await asyncio.sleep(0.02)


def where(outcome: Outcome) -> ConversationId:
    return outcome.ticket.conversation_id


# Threads -----------------------------------------------------------------------------------------------------------


async def test_an_answer_to_our_mail_comes_into_its_conversation_by_any_of_our_ids(desk: Desk) -> None:
    mailing, _ = scripted(desk, on_send=lambda _: Receipt("sent", "gmail-out", also_known_as=("<ours@desk>",)))
    first = await ask(mailing, "How do I invite a colleague?")

    by_message_id = await ask(mailing, "It worked.", answers=["<lost@desk>", "<ours@desk>"])
    by_provider_id = await ask(mailing, "Once more.", answers=["gmail-out"])

    assert where(by_message_id) == where(by_provider_id) == where(first)


async def test_a_second_mail_that_answers_the_first_before_we_did_joins_it(desk: Desk) -> None:
    first = await ask(desk, "How do I invite?", headers={"Message-ID": "<theirs@mail>"}, provider_id="gmail-1")

    second = await ask(desk, "I forgot to say:", answers=["<theirs@mail>"])

    assert where(second) == where(first)


async def test_the_provider_s_thread_joins_where_ids_are_missing(desk: Desk) -> None:
    first = await ask(desk, "How do I invite?", provider_thread="T-1")

    second = await ask(desk, "Hello?", provider_thread="T-1")

    assert where(second) == where(first)


async def test_one_provider_thread_with_two_customers_is_two_conversations(desk: Desk) -> None:
    first = await ask(desk, "How do I invite?", provider_thread="T-1")

    theirs = await ask(desk, "I was in copy.", provider_thread="T-1", sender="eve@example.com")
    again = await ask(desk, "Me again.", provider_thread="T-1", sender="eve@example.com")

    assert where(theirs) != where(first)
    assert where(again) == where(theirs)


@pytest.mark.parametrize("answers", [[""], ["  "], ["<unknown@mail>"], []])
async def test_empty_and_foreign_ids_join_nothing(desk: Desk, answers: list[str]) -> None:
    first = await ask(desk, "One", answers=answers, provider_thread=" ")

    second = await ask(desk, "Two", answers=answers, provider_thread=" ")

    assert where(second) != where(first)


async def test_ids_of_somebody_else_s_mail_join_nothing(desk: Desk) -> None:
    mailing, _ = scripted(desk, on_send=lambda _: Receipt("sent", "<secret@desk>"))
    theirs = await ask(mailing, "My secret plans", sender="victim@example.com")

    ours = await ask(mailing, "Hello", sender="stranger@example.com", answers=["<secret@desk>"])

    assert where(ours) != where(theirs)


async def test_a_sender_whom_nobody_vouches_for_joins_nothing_by_ids(desk: Desk) -> None:
    """A forged From and ids out of a forwarded mail must not open somebody's conversation."""
    mailing, _ = scripted(desk, on_send=lambda _: Receipt("sent", "<secret@desk>"))
    theirs = await ask(mailing, "My secret plans")

    forged = await ask(mailing, "And what did I say?", answers=["<secret@desk>"], verified=False)

    assert where(forged) != where(theirs)


async def test_what_is_folded_is_kept_and_not_read(desk: Desk) -> None:
    outcome = await ask(desk, "Please help.", folded="> On Monday you wrote: call our lawyer")

    message = (await thread_of(desk, where(outcome)))[0]
    assert (message.body, message.folded) == ("Please help.", "> On Monday you wrote: call our lawyer")
    assert outcome.decision.decision == "respond"


# Machines ----------------------------------------------------------------------------------------------------------


async def test_what_no_person_wrote_gets_no_ticket_no_customer_and_no_answer(desk: Desk) -> None:
    mailing, mail = with_channel(desk, "email")
    inbound_id = await say(mailing, "Delivery has failed", automatic="delivery_report", sender="daemon@example.com")

    row = await suspended(mailing, inbound_id)

    assert (row.detail, row.message_id, mail.sends) == ("delivery_report", None, [])
    async with desk.db.transaction() as tx:
        assert await customers.find_by_identifier(tx, "email", "daemon@example.com") is None
        with pytest.raises(NoOutcome, match="no person wrote it"):
            await find_outcome(tx, inbound_id)
        counted = await (
            await tx.execute("select (select count(*) from tickets), (select count(*) from messages)")
        ).fetchone()
    assert counted == (0, 0)


async def test_an_absence_notice_stands_in_the_thread_that_it_answers(desk: Desk) -> None:
    mailing, _ = scripted(desk, on_send=lambda _: Receipt("sent", "<ours@desk>"))
    first = await ask(mailing, "How do I invite?")

    await suspended(mailing, await say(mailing, "I am away.", automatic="auto_reply", answers=["<ours@desk>"]))

    said = await thread_of(desk, where(first))
    assert [message.kind for message in said] == ["inbound", "outbound", "event"]
    assert "I am away." in said[-1].body
    assert "auto_reply" in said[-1].body


async def test_a_suspended_message_can_be_filed_after_all(desk: Desk) -> None:
    inbound_id = await say(desk, "I am a person!", automatic="probable_auto_reply")
    await suspended(desk, inbound_id)

    await release_suspended(desk, inbound_id)
    (outcome,) = await settle(desk, inbound_id)

    assert outcome.decision.decision == "respond"
    with pytest.raises(Conflict, match="filed"):
        await release_suspended(desk, inbound_id)
    with pytest.raises(NotFound):
        await release_suspended(desk, UUID(int=7))


async def test_what_only_a_person_may_answer_is_a_ticket_that_the_agent_hands_over_in_silence(desk: Desk) -> None:
    mailing, mail = with_channel(desk, "email")

    outcome = await ask(mailing, "Out of office", hold="probable_auto_reply")

    assert (outcome.decision.action, outcome.reply) == ("escalated", None)
    assert outcome.escalation is not None
    assert "probable_auto_reply" in outcome.escalation.reason
    assert [outbound.recipient for outbound in mail.sends] == [outcome.escalation.owner_email]


# Files -------------------------------------------------------------------------------------------------------------


def with_media(count: int = 1) -> tuple[NewFile, ...]:
    return tuple(NewFile(f"photo{number}.jpg", "image/jpeg", b"\xff\xd8" * 10) for number in range(1, count + 1))


async def attached(desk: Desk, outcome: Outcome) -> list[str]:
    async with desk.db.transaction() as tx:
        return [file.name for file in await files.list_of_messages(tx, [outcome.decision.message_id])]


async def notes(desk: Desk, outcome: Outcome) -> str:
    return "\n".join(message.body for message in await thread_of(desk, where(outcome)) if message.kind == "note")


async def test_files_that_lie_with_the_provider_are_fetched_before_filing(desk: Desk) -> None:
    talking, channel = scripted(desk, on_collect=lambda _: (with_media(2), ("One was too large.",)))

    outcome = await ask(talking, "See the photos")

    assert await attached(desk, outcome) == ["photo1.jpg", "photo2.jpg"]
    assert "One was too large." in await notes(desk, outcome)
    assert channel.collects == 1


async def test_files_that_come_at_the_second_try_are_there_once(desk: Desk) -> None:
    tries: list[bool] = []

    def collect(_: dict[str, Any]) -> tuple[tuple[NewFile, ...], tuple[str, ...]]:
        tries.append(True)
        if len(tries) == 1:
            raise ChannelError("Busy.", permanent=False)
        return with_media(), ()

    outcome = await ask(scripted(desk, on_collect=collect)[0], "See the photo")

    assert await attached(desk, outcome) == ["photo1.jpg"]


@pytest.mark.parametrize("permanent", [True, False])
async def test_a_file_that_never_comes_keeps_no_message_waiting(desk: Desk, permanent: bool) -> None:
    def collect(_: dict[str, Any]) -> tuple[tuple[NewFile, ...], tuple[str, ...]]:
        raise ChannelError("The file is gone.", permanent=permanent)

    outcome = await ask(scripted(desk, on_collect=collect)[0], "See the photo")

    assert await attached(desk, outcome) == []
    assert "The file is gone." in await notes(desk, outcome)


async def test_no_transaction_is_open_while_files_are_fetched(desk: Desk) -> None:
    talking, channel = scripted(desk)
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def collect(payload: dict[str, Any]) -> tuple[tuple[NewFile, ...], tuple[str, ...]]:
        reached.set()
        await go_on.wait()
        return with_media(), ()

    channel.collect = collect
    await say(talking, "See the photo")
    async with working(talking):
        await asyncio.wait_for(reached.wait(), PATIENCE)
        async with asyncio.timeout(PATIENCE):
            while await held_open(desk):  # other tasks' short ones pass
                await asyncio.sleep(0.02)
        go_on.set()


async def held_open(desk: Desk) -> int:
    async with desk.db.transaction() as tx:
        row = await (
            await tx.execute(
                """
                select count(*) from pg_stat_activity
                 where datname = current_database() and state like 'idle in transaction%'
                """
            )
        ).fetchone()
    assert row is not None
    return row[0]
