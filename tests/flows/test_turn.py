"""A turn's story: from the message to what the customer reads, the person who is told, and the record of why."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from deskhand import conversations, decisions, tickets
from deskhand.agent.decision import Triage
from deskhand.agent.triage import TriageInput
from deskhand.channels.base import Reply
from deskhand.company_folder import Company
from deskhand.conversations import Message
from deskhand.desk import Desk
from deskhand.flows.outcome import Outcome, wait_for_outcome
from tests.driving import ask, say, settle, with_channel, working
from tests.fakes import ScriptedTriage, read_as
from tests.flows.conftest import STEPS

QUESTION = "How do I invite a colleague to our workspace?"
OFF_TOPIC = "What is the weather like on Mars in spring?"


def reading(desk: Desk, *rules: str, **more: object) -> Desk:
    """The desk whose triage reads every message in this way."""
    return replace(desk, triage=ScriptedTriage(lambda _: read_as(*rules, **more)))  # pyright: ignore[reportArgumentType]  # passed on


async def _thread(desk: Desk, outcome: Outcome) -> list[Message]:
    async with desk.db.transaction() as tx:
        page = await conversations.page_of_messages(tx, outcome.ticket.conversation_id, limit=100)
    return list(reversed(page.messages))


async def test_an_answer_quotes_the_help_centre_and_cites_the_passage_it_stands_in(knowing_desk: Desk) -> None:
    outcome = await ask(knowing_desk, QUESTION)

    record = outcome.decision.record
    assert (outcome.decision.decision, outcome.decision.action) == ("respond", "answered")
    assert outcome.reply is not None
    assert all(step.replace("**", "") in outcome.reply.body for step in STEPS)
    assert "https://help.taskflow.io/invite-members" in outcome.reply.body
    (cited,) = [passage for passage in record["passages"] if passage["passage_id"] in record["citations"]]
    assert (cited["article"], cited["version"]) == ("invite-members", 1)
    async with knowing_desk.db.transaction() as tx:
        row = await (
            await tx.execute("select body from knowledge_base where id = %s", (cited["passage_id"],))
        ).fetchone()
    assert row is not None
    assert all(step in row[0] for step in STEPS)
    assert (outcome.ticket.status, outcome.ticket.outcome) == ("pending", "answered")


async def test_the_record_tells_why(knowing_desk: Desk, company: Company) -> None:
    outcome = await ask(knowing_desk, QUESTION)

    record = outcome.decision.record
    assert [call["tool"] for call in record["tools"]] == [
        *("create_ticket", "get_customer_history", "search_knowledge_base", "send_response"),
    ]
    assert record["tools"][-1]["arguments"]["passage_ids"] == record["citations"]
    assert record["gate"] == [{"passed": True, "reasons": []}]
    assert record["hashes"]["policy"] == company.digest
    assert len(record["triage"]["rules"]) == len(company.escalation.rules)
    assert record["ms"]["turn"] >= record["ms"]["triage"] >= 0


async def test_thin_evidence_asks_back_once_and_then_hands_over(knowing_desk: Desk) -> None:
    first = await ask(knowing_desk, OFF_TOPIC)
    second = await ask(knowing_desk, "What about Venus, then?", thread=str(first.ticket.conversation_id))

    assert (first.decision.action, first.escalation) == ("asked_back", None)
    assert first.reply is not None
    assert "I couldn't find this in our help centre" in first.reply.body
    assert second.decision.action == "escalated"
    assert second.escalation is not None
    assert (second.escalation.rule, second.escalation.owner) == ("thin_evidence", "Marcus Rivera")


async def test_an_escalation_goes_to_the_named_owner_with_the_whole_case(knowing_desk: Desk) -> None:
    desk = reading(knowing_desk, "billing", sentiment=-0.4, words="charged twice")

    outcome = await ask(desk, "I was charged twice this month.", subject="Invoice 7")

    escalation = outcome.escalation
    assert escalation is not None
    assert (escalation.rule, escalation.owner, escalation.owner_email) == (
        *("billing", "Lisa Tanaka"),
        "lisa.tanaka@techcorp.io",
    )
    told = escalation.handoff
    assert told["ticket"] == outcome.ticket.reference
    assert (told["customer"]["name"], told["customer"]["plan"], told["customer"]["verified"]) == (
        "Dana Fox",
        "free",
        True,
    )
    assert told["rules"] == [
        {"name": "billing", "score": 0.9, "evidence": [{"source": "pattern", "text": "charged twice"}]}
    ]
    assert (told["message"], told["summary"], told["subject"]) == (
        *("I was charged twice this month.", "I was charged twice this month."),
        "Invoice 7",
    )
    assert (told["sentiment"], told["channel"]) == (-0.4, "email")
    assert told["next_step"].startswith("Compare the payment history")
    assert (outcome.ticket.handler, outcome.ticket.owner, outcome.ticket.status) == ("operator", "Lisa Tanaka", "open")
    assert outcome.ticket.respond_by == escalation.respond_by
    assert outcome.decision.rules == ["billing"]


async def test_the_triage_that_ships_finds_the_person_by_the_written_policy(real_desk: Desk) -> None:
    outcome = await ask(real_desk, "You charged my card twice this month and I want the second payment back.")

    assert outcome.escalation is not None
    assert (outcome.escalation.rule, outcome.escalation.owner) == ("billing", "Lisa Tanaka")
    assert outcome.escalation.handoff["rules"][0]["evidence"]


async def test_the_customer_hears_that_a_person_answers_and_when(desk: Desk) -> None:
    outcome = await ask(reading(desk, "legal"), "Under the GDPR I want my data.")

    assert outcome.reply is not None
    assert "you'll hear from us within 24 hours" in outcome.reply.body
    assert outcome.reply.in_reply_to == outcome.decision.message_id


async def test_the_thread_notes_who_has_it(desk: Desk) -> None:
    outcome = await ask(reading(desk, "legal"), "Under the GDPR I want my data.")

    assert [(message.kind, message.author) for message in await _thread(desk, outcome)] == [
        *(("inbound", "customer"), ("outbound", "agent")),
        ("note", "system"),
    ]


async def test_what_is_ignored_stays_unanswered_and_visible(desk: Desk) -> None:
    outcome = await ask(reading(desk, ignore="unsubscribe"), "Buy cheap watches! Unsubscribe here.")

    assert (outcome.decision.decision, outcome.decision.action) == ("ignore", "ignored")
    assert outcome.decision.record["triage"]["ignore"]["evidence"][0]["text"] == "unsubscribe"
    assert (outcome.reply, outcome.delivery, outcome.escalation) == (None, None, None)
    assert (outcome.ticket.status, outcome.ticket.outcome) == ("closed", "ignored")
    assert [message.body for message in await _thread(desk, outcome)] == ["Buy cheap watches! Unsubscribe here."]


async def test_noise_in_a_thread_closes_no_ticket_that_was_worked_on(desk: Desk) -> None:
    """An out-of-office answer to our answer."""
    triage = ScriptedTriage({"out of office": read_as(ignore="auto-reply"), "charged": read_as("billing")})
    noisy = replace(desk, triage=triage)
    answered = await ask(noisy, "Hello there")
    escalated = await ask(noisy, "I was charged twice")

    for first in (answered, escalated):
        outcome = await ask(noisy, "I am out of office", thread=str(first.ticket.conversation_id))

        assert outcome.decision.action == "ignored"
        assert outcome.ticket == first.ticket


async def test_an_answer_after_an_escalation_leaves_the_ticket_with_its_person(knowing_desk: Desk) -> None:
    desk = replace(knowing_desk, triage=ScriptedTriage({"charged": read_as("billing")}))
    escalated = await ask(desk, "I was charged twice")

    later = await ask(desk, QUESTION, thread=str(escalated.ticket.conversation_id))

    assert later.decision.action == "answered"
    assert later.ticket == escalated.ticket


async def _take_over(desk: Desk, outcome: Outcome) -> None:
    async with desk.db.transaction() as tx:
        await conversations.set_handler(tx, outcome.ticket.conversation_id, "operator")


async def test_beside_an_operator_the_agent_keeps_silent_and_says_so_on_record(desk: Desk) -> None:
    first = await ask(desk, "Hello")
    await _take_over(desk, first)

    second = await ask(desk, "Anybody there?", thread=str(first.ticket.conversation_id))

    assert (second.decision.action, second.reply) == ("silent", None)


@pytest.mark.parametrize("rule", ["", "billing"])
async def test_a_takeover_while_the_agent_thinks_silences_its_reply(knowing_desk: Desk, rule: str) -> None:
    first = await ask(knowing_desk, "Hello")
    thinking, go_on = asyncio.Event(), asyncio.Event()

    class SlowTriage(ScriptedTriage):
        async def read(self, message: TriageInput) -> Triage:
            thinking.set()
            await go_on.wait()
            return read_as(rule)

    desk = replace(knowing_desk, triage=SlowTriage())
    inbound_id = await say(desk, QUESTION, thread=str(first.ticket.conversation_id))
    async with working(desk):
        await asyncio.wait_for(thinking.wait(), 20)
        await _take_over(desk, first)
        go_on.set()
        second = await wait_for_outcome(desk, inbound_id, timeout=20)

    assert (second.decision.action, second.reply, second.escalation) == ("silent", None, None)
    assert second.decision.record["flags"] == ["with an operator"]
    assert second.ticket == first.ticket


async def test_a_message_handed_over_twice_has_one_reply_and_one_record(desk: Desk) -> None:
    outcome = await ask(reading(desk, "billing"), "I was charged twice")
    async with desk.db.transaction() as tx:
        await desk.transport.publish(
            tx,
            desk.topics.tickets_incoming,
            str(outcome.ticket.conversation_id),
            {"message_id": str(outcome.decision.message_id), "verified": True},
        )

    async with working(desk), asyncio.timeout(20):
        while any(lag.pending for lag in await desk.transport.lag()):
            await asyncio.sleep(0.02)

    async with desk.db.transaction() as tx:
        records = await decisions.list_by_ticket(tx, outcome.ticket.id)
        escalations = await tickets.list_escalations(tx, outcome.ticket.id)
    assert len(records) == len(escalations) == 1
    assert [message.kind for message in await _thread(desk, outcome)] == ["inbound", "outbound", "note"]


async def test_the_disclosure_is_made_once_a_conversation(desk: Desk) -> None:
    first = await ask(desk, "Hello")
    second = await ask(desk, "And another thing", thread=str(first.ticket.conversation_id))
    elsewhere = await ask(desk, "Hello again")

    told = [
        outcome.reply is not None and "AI assistant" in outcome.reply.body for outcome in (first, second, elsewhere)
    ]

    assert told == [True, False, True]


async def test_a_turn_that_fails_for_good_hands_the_ticket_to_a_person(desk: Desk) -> None:
    def fail(_: TriageInput) -> Triage:
        raise RuntimeError("the model file is gone")

    outcome = await ask(replace(desk, triage=ScriptedTriage(fail)), "Wie lade ich eine Kollegin in unser Projekt ein?")

    assert (outcome.decision.decision, outcome.decision.action) == ("escalate", "escalated")
    assert outcome.decision.record["flags"] == ["the agent failed"]
    assert outcome.escalation is not None
    assert (outcome.escalation.owner, outcome.escalation.notice) == ("Marcus Rivera", "sent")
    assert "the model file is gone" in outcome.escalation.reason
    assert outcome.escalation.handoff["customer"]["name"] == "Dana Fox"
    assert outcome.reply is not None
    assert "Sie hören innerhalb von 24 Stunden von uns" in outcome.reply.body


async def test_a_turn_that_fails_once_is_done_the_next_time(desk: Desk) -> None:
    calls: list[TriageInput] = []

    def fail_once(message: TriageInput) -> Triage:
        calls.append(message)
        if len(calls) == 1:
            raise RuntimeError("not yet")
        return read_as(intent="thanks")

    outcome = await ask(replace(desk, triage=ScriptedTriage(fail_once)), "Thanks!")

    assert (len(calls), outcome.decision.action) == (2, "acknowledged")


@pytest.mark.parametrize(
    ("language", "words"), [("de", "Danke für Ihre Nachricht"), ("fi", "Thank you for telling us")]
)
async def test_a_language_without_phrases_falls_back_to_english(desk: Desk, language: str, words: str) -> None:
    outcome = await ask(reading(desk, "billing", language=language), "...")

    assert outcome.reply is not None
    assert words in outcome.reply.body


async def test_a_reply_that_the_gate_stops_is_held_for_a_person_and_the_customer_hears_so(
    knowing_desk: Desk, company: Company
) -> None:
    phrases = company.voice.phrases["en"].model_copy(update={"more_help": "We will refund you $99."})
    voice = company.voice.model_copy(update={"phrases": {"en": phrases}})
    desk = replace(reading(knowing_desk, intent="problem"), company=company.model_copy(update={"voice": voice}))

    outcome = await ask(desk, QUESTION)

    assert outcome.decision.action == "held"
    assert "We will refund you $99." in outcome.decision.record["draft"]
    assert outcome.escalation is not None
    assert outcome.escalation.handoff["draft"] == outcome.decision.record["draft"]
    assert outcome.reply is not None
    assert "$99" not in outcome.reply.body
    assert "A colleague is checking my answer" in outcome.reply.body


async def test_what_is_stored_is_what_was_sent_byte_for_byte(knowing_desk: Desk) -> None:
    for name in ("email", "whatsapp", "web_form"):
        desk, fake = with_channel(knowing_desk, name)
        outcome = await ask(desk, f"{QUESTION} 🎉 Grüße", channel=name)

        sent = [outbound for outbound in fake.sends if not outbound.delivery_id.startswith("notice-")]
        assert outcome.reply is not None
        assert outcome.delivery is not None
        parts = [outbound.text for outbound in sent]
        assert [outbound.delivery_id for outbound in sent] == [str(item.id) for item in outcome.delivery.items]
        assert parts == outcome.delivery.parts
        assert outcome.reply.body == "\n\n".join(parts)


async def test_the_words_are_formatted_once_and_never_again(desk: Desk) -> None:
    """A release that ships another format while a reply waits changes nothing about that reply."""
    formatted: list[Reply] = []
    counting, fake = with_channel(desk, "email")
    once = fake.real.format

    def count(reply: Reply) -> tuple[str, ...]:
        formatted.append(reply)
        return (*once(reply), f"version {len(formatted)}")

    fake.format = count
    (outcome,) = await settle(counting, await say(counting, "Hello"))

    assert len(formatted) == 1
    assert outcome.delivery is not None
    assert [outbound.text for outbound in fake.sends] == outcome.delivery.parts
