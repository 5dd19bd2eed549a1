"""Replay: the same turns give the same result, what changed is shown, and nothing is written."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from deskhand import conversations, customers, tickets
from deskhand.db import ReadOnlyDatabase
from deskhand.desk import Desk
from deskhand.flows.ingest import load_knowledge
from deskhand.flows.replay import replay_ticket
from tests.driving import ask
from tests.fakes import ScriptedTriage, read_as

QUESTION = "How do I invite a colleague to our workspace?"
OFF_TOPIC = "What is the weather like on Mars in spring?"
MONEY = ScriptedTriage({"twice": read_as("billing", words="charged twice"), "spam": read_as(ignore="spam")})


async def contents(desk: Desk) -> dict[str, str]:
    """Every table's rows as one hash."""
    async with desk.db.transaction() as tx:
        names = await (
            await tx.execute("select tablename from pg_tables where schemaname = 'public' order by 1")
        ).fetchall()
        found: dict[str, str] = {}
        for (name,) in names:
            rows = await (await tx.execute(f"select t::text from {name} t order by 1".encode())).fetchall()
            found[name] = hashlib.sha256(repr(rows).encode()).hexdigest()
    return found


async def test_a_ticket_without_any_change_replays_without_difference(knowing_desk: Desk) -> None:
    desk = replace(knowing_desk, triage=MONEY)
    first = await ask(desk, QUESTION)
    thread = str(first.decision.conversation_id)
    await ask(desk, OFF_TOPIC, thread=thread)
    await ask(desk, "I was charged twice.", thread=thread)
    await ask(desk, OFF_TOPIC, thread=thread)

    ticket, turns = await replay_ticket(desk, first.ticket.reference)

    assert ticket.id == first.ticket.id
    assert [turn.then.action for turn in turns] == ["answered", "asked_back", "escalated", "escalated"]
    assert [(turn.differences, turn.causes) for turn in turns] == [((), ())] * 4
    assert turns[0].now.cited == ("invite-members › Invite a colleague (version 1)",)


async def test_a_replay_of_the_triage_that_ships_is_the_same_too(real_desk: Desk, tmp_path: Path) -> None:
    outcome = await ask(real_desk, "Give me my money back, you have charged our card twice!")

    _, (turn,) = await replay_ticket(real_desk, outcome.ticket.reference)

    assert "billing" in turn.now.rules
    assert turn.differences == ()


async def test_a_replay_writes_nothing(knowing_desk: Desk) -> None:
    desk = replace(knowing_desk, triage=MONEY)
    first = await ask(desk, "pure spam")
    second = await ask(desk, OFF_TOPIC)
    assert first.ticket.status == "closed"
    before = await contents(desk)

    for outcome in (first, second):
        await replay_ticket(desk, outcome.ticket.reference)

    assert await contents(desk) == before


async def test_a_replay_opens_no_ticket_where_the_old_one_is_closed(knowing_desk: Desk) -> None:
    outcome = await ask(knowing_desk, QUESTION)
    async with knowing_desk.db.transaction() as tx:
        await tx.execute("update tickets set status = 'closed'")

    _, (turn,) = await replay_ticket(knowing_desk, outcome.ticket.reference)

    assert turn.differences == ()
    async with knowing_desk.db.transaction() as tx:
        assert await tickets.find_active(tx, outcome.decision.conversation_id) is None


async def test_the_situation_is_the_one_of_then(knowing_desk: Desk) -> None:
    triage = ScriptedTriage()
    desk = replace(knowing_desk, triage=triage)
    first = await ask(desk, QUESTION)
    await ask(desk, "And as CSV?", thread=str(first.decision.conversation_id))
    async with desk.db.transaction() as tx:
        await customers.set_plan(tx, first.ticket.customer_id, "enterprise")
        await conversations.set_handler(tx, first.decision.conversation_id, "operator")
        await conversations.set_unhelpful_turns(tx, first.decision.conversation_id, 7)
    live = list(triage.read_messages)

    _, turns = await replay_ticket(desk, first.ticket.reference)

    assert triage.read_messages[len(live) :] == live
    assert [turn.differences for turn in turns] == [(), ()]


async def test_a_turn_beside_an_operator_stays_silent(knowing_desk: Desk) -> None:
    first = await ask(knowing_desk, QUESTION)
    thread = first.decision.conversation_id
    async with knowing_desk.db.transaction() as tx:
        await conversations.set_handler(tx, thread, "operator")
    await ask(knowing_desk, "Are you there?", thread=str(thread))
    async with knowing_desk.db.transaction() as tx:
        await conversations.set_handler(tx, thread, "agent")

    _, turns = await replay_ticket(knowing_desk, first.ticket.reference)

    assert [turn.now.action for turn in turns] == ["answered", "silent"]
    assert all(turn.differences == () for turn in turns)


async def test_other_rules_show_as_a_difference_with_the_cause(knowing_desk: Desk) -> None:
    outcome = await ask(knowing_desk, QUESTION)
    stricter = replace(
        knowing_desk,
        triage=ScriptedTriage({"": read_as("human")}),
        company=knowing_desk.company.model_copy(update={"digest": "another"}),
    )

    _, (turn,) = await replay_ticket(stricter, outcome.ticket.reference)

    changed = {item.what: (item.then, item.now) for item in turn.differences}
    assert changed["decision"] == ("respond", "escalate")
    assert changed["action"] == ("answered", "escalated")
    assert changed["rules"] == ((), ("human",))
    assert changed["owner"] == (None, "Marcus Rivera")
    assert "passages" not in changed
    assert turn.causes == ("the company's rules or words were changed",)


async def test_a_changed_article_shows_in_passages_and_reply(knowing_desk: Desk, tmp_path: Path) -> None:
    outcome = await ask(knowing_desk, QUESTION)
    article = tmp_path / "articles" / "invite-members.md"
    article.write_text(article.read_text("utf-8").replace("press **Send**", "press **Go**"), "utf-8")
    await load_knowledge(knowing_desk, [article.parent])

    _, (turn,) = await replay_ticket(knowing_desk, outcome.ticket.reference)

    changed = {item.what: item for item in turn.differences}
    assert set(changed) == {"passages", "cited", "reply"}
    assert "press **Go**" in changed["reply"].now
    assert turn.causes == ("the help centre was changed",)


async def test_a_read_only_view_refuses_every_write(desk: Desk) -> None:
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        async with ReadOnlyDatabase(desk.db).transaction() as tx:
            await tx.execute("select nextval('ticket_numbers')")

    async with desk.db.transaction() as tx:
        await tx.execute("select nextval('ticket_numbers')")
