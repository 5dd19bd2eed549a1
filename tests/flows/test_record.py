"""The decision record: everything that a turn stood on, and no second copy of the customer's words."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

from deskhand.desk import Desk
from tests.driving import ask
from tests.fakes import ScriptedTriage, read_as

QUESTION = "How do I invite a colleague to our workspace?"


async def test_a_record_names_the_message_by_its_hash_and_holds_no_copy_of_it(knowing_desk: Desk) -> None:
    body = f"{QUESTION} Our Bürgermeister-Reuter board needs four more hands."

    outcome = await ask(knowing_desk, body, subject="New people")

    record = outcome.decision.record
    assert record["message"]["id"] == str(outcome.decision.message_id)
    assert record["message"]["sha256"] == hashlib.sha256(f"New people\n{body}".encode()).hexdigest()
    assert "body" not in record["message"]


async def test_a_record_holds_what_a_replay_needs(knowing_desk: Desk) -> None:
    first = await ask(knowing_desk, QUESTION)
    second = await ask(knowing_desk, "And how do I export as CSV?", thread=str(first.decision.conversation_id))

    facts = second.decision.record["situation"]
    assert first.reply is not None
    assert facts == {
        "channel": "email",
        "plan": "free",
        "verified": True,
        "handler": "agent",
        "language": "en",
        "unhelpful_turns": 1,
        "asked_back": False,
        "standing": None,
        "recent": [str(first.reply.id), str(first.decision.message_id)],
    }


async def test_hashes_name_rules_knowledge_triage_and_embeddings(knowing_desk: Desk) -> None:
    record = (await ask(knowing_desk, QUESTION)).decision.record

    async with knowing_desk.db.transaction() as tx:
        knowledge_hash = await knowing_desk.knowledge_fingerprint.read(tx)
    assert record["hashes"] == {
        "policy": knowing_desk.company.digest,
        "prompt": None,
        "knowledge": knowledge_hash,
        "triage": "scripted",
        "embedding_model": knowing_desk.embedder.model_id,
    }
    assert (record["brain"], record["model"]) == ("offline", None)


async def test_an_answer_has_a_band_with_the_thresholds_of_that_day(knowing_desk: Desk) -> None:
    record = (await ask(knowing_desk, QUESTION)).decision.record

    assert record["confidence"]["band"] in ("send", "flag")
    assert record["confidence"]["thresholds"] == knowing_desk.company.escalation.bands.model_dump()
    assert record["reply"]["kind"] == "answer"


async def test_what_is_no_answer_has_no_band(knowing_desk: Desk) -> None:
    desk = replace(knowing_desk, triage=ScriptedTriage({"": read_as(intent="thanks")}))

    assert (await ask(desk, "Thank you!")).decision.record["confidence"]["band"] is None


async def test_the_call_that_ends_the_turn_is_recorded_with_what_it_committed(knowing_desk: Desk) -> None:
    desk = replace(knowing_desk, triage=ScriptedTriage({"": read_as("billing")}))

    record = (await ask(desk, "I was charged twice.")).decision.record

    last = record["tools"][-1]
    assert (last["tool"], last["arguments"]["rule"]) == ("escalate_to_human", "billing")
    assert last["result"]["owner"] == "Lisa Tanaka"
    assert last["result"]["respond_by"] == record["respond_by"]


async def test_earlier_messages_are_counted_and_not_copied(knowing_desk: Desk) -> None:
    first = await ask(knowing_desk, f"{QUESTION} The password of our shed is swordfish.")
    second = await ask(knowing_desk, "And how do I export as CSV?", thread=str(first.decision.conversation_id))

    history = next(call for call in second.decision.record["tools"] if call["tool"] == "get_customer_history")
    assert {past["author"] for past in history["result"]["messages"]} == {"customer", "agent"}
    assert all(past["characters"] > 0 for past in history["result"]["messages"])
    assert "swordfish" not in json.dumps(second.decision.record)
