"""Writing again: one handoff and one notice for a ticket, and help that is counted by whether it helped."""

from __future__ import annotations

from dataclasses import replace

from deskhand import tickets
from deskhand.desk import Desk
from tests.driving import ask, say, settle
from tests.fakes import ScriptedTriage, read_as

QUESTION = "How do I invite a colleague to our workspace?"
OFF_TOPIC = "What is the weather like on Mars in spring?"
SCRIPT = {
    "refund": read_as("billing", urgency="high"),
    "hacked": read_as("security", urgency="urgent"),
    "useless": read_as("angry", urgency="high"),
    "it doesn't work": read_as(intent="vague"),
}


def scripted(desk: Desk) -> Desk:
    return replace(desk, triage=ScriptedTriage(SCRIPT))


async def test_a_milder_rule_in_an_escalated_ticket_makes_no_second_handoff(
    knowing_desk: Desk,
) -> None:
    desk = scripted(knowing_desk)
    first = await ask(desk, "I want a refund")
    thread = str(first.ticket.conversation_id)
    second = await ask(desk, "You are useless", thread=thread)
    third = await ask(desk, "Really useless", thread=thread)

    async with desk.db.transaction() as tx:
        escalations = await tickets.list_escalations(tx, first.ticket.id)
        ticket = await tickets.get(tx, first.ticket.id)
    assert [item.rule for item in escalations] == ["billing"]
    assert (second.decision.decision, second.decision.rules) == ("escalate", ["angry"])
    assert second.reply is not None
    assert "added this" in second.reply.body
    assert third.reply is None
    assert (ticket.owner, ticket.outcome) == ("Lisa Tanaka", "escalated")


async def test_a_stricter_rule_moves_the_ticket_to_its_owner_and_lowers_no_urgency(knowing_desk: Desk) -> None:
    desk = scripted(knowing_desk)
    first = await ask(desk, "I have been hacked")
    thread = str(first.ticket.conversation_id)
    await ask(desk, "and I want a refund", thread=thread)
    milder = await ask(desk, "You are useless", thread=thread)
    async with desk.db.transaction() as tx:
        ticket = await tickets.get(tx, first.ticket.id)
    assert (ticket.owner, ticket.priority) == ("James Okafor", "urgent")

    other = await ask(desk, "You are useless")
    moved = await ask(desk, "I have been hacked", thread=str(other.ticket.conversation_id))
    async with desk.db.transaction() as tx:
        after = await tickets.get(tx, other.ticket.id)
    assert milder.escalation is None
    assert moved.escalation is not None
    assert (after.owner, after.priority) == ("James Okafor", "urgent")


async def test_a_question_with_an_answer_is_still_answered_while_a_person_has_the_ticket(knowing_desk: Desk) -> None:
    desk = scripted(knowing_desk)
    first = await ask(desk, "I want a refund")
    second = await ask(desk, QUESTION, thread=str(first.ticket.conversation_id))

    assert second.decision.action == "answered"
    async with desk.db.transaction() as tx:
        ticket = await tickets.get(tx, first.ticket.id)
    assert (ticket.handler, ticket.outcome) == ("operator", "escalated")


async def test_a_person_who_has_the_ticket_is_not_replaced_by_questions_back(knowing_desk: Desk) -> None:
    desk = scripted(knowing_desk)
    first = await ask(desk, "I want a refund")
    thread = str(first.ticket.conversation_id)
    vague = await ask(desk, "it doesn't work", thread=thread)
    thin = await ask(desk, OFF_TOPIC, thread=thread)

    assert vague.reply is not None
    assert "added this" in vague.reply.body
    assert thin.decision.action == "escalated"
    assert thin.reply is None


async def test_a_new_question_after_a_good_answer_starts_afresh(knowing_desk: Desk) -> None:
    first = await ask(knowing_desk, QUESTION)
    second = await ask(knowing_desk, OFF_TOPIC, thread=str(first.ticket.conversation_id))

    assert (first.decision.action, second.decision.action) == ("answered", "asked_back")
    assert second.escalation is None


async def test_an_answer_that_did_not_help_counts(knowing_desk: Desk) -> None:
    desk = replace(knowing_desk, triage=ScriptedTriage({"still": read_as(intent="problem")}))
    first = await ask(desk, QUESTION)
    second = await ask(desk, "It is still on Mars", thread=str(first.ticket.conversation_id))

    assert second.decision.action == "escalated"
    assert second.escalation is not None


async def test_a_held_draft_shows_as_held_on_its_ticket(knowing_desk: Desk) -> None:
    bands = knowing_desk.company.escalation.bands.model_copy(update={"send": 0.9999, "flag": 0.9998, "hold": 0.0})
    escalation = knowing_desk.company.escalation.model_copy(update={"bands": bands})
    desk = replace(knowing_desk, company=knowing_desk.company.model_copy(update={"escalation": escalation}))
    (outcome,) = await settle(desk, await say(desk, QUESTION))

    assert outcome.decision.action == "held"
    assert outcome.ticket.outcome == "held"
