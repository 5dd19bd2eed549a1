"""Which turns leave a knowledge gap, and how gaps are listed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from deskhand import conversations, knowledge
from deskhand.desk import Desk
from deskhand.flows.gaps import list_gap_groups
from deskhand.inference import LocalEmbedder
from deskhand.knowledge import Gap
from tests.driving import ask
from tests.fakes import ScriptedTriage, read_as

OFF_TOPIC = "What is the weather like on Mars in spring?"


class OtherModel(LocalEmbedder):
    """The same vectors under another name."""

    @property
    def model_id(self) -> str:
        return "another"


async def kept(desk: Desk) -> list[Gap]:
    async with desk.db.transaction() as tx:
        return await knowledge.list_gaps(tx, since=None)


async def test_a_question_without_an_answer_is_kept_with_its_vector(knowing_desk: Desk) -> None:
    outcome = await ask(knowing_desk, f"Hello team,\n{OFF_TOPIC}\nKind regards\nDana Fox")

    (gap,) = await kept(knowing_desk)
    assert outcome.decision.action == "asked_back"
    assert (gap.message_id, gap.query) == (outcome.decision.message_id, OFF_TOPIC)
    assert (gap.model, len(gap.vector)) == (knowing_desk.embedder.model_id, knowing_desk.embedder.dimensions)


async def test_the_person_who_takes_over_for_want_of_evidence_leaves_one_too(knowing_desk: Desk) -> None:
    first = await ask(knowing_desk, OFF_TOPIC)
    second = await ask(knowing_desk, "And on Venus in autumn?", thread=str(first.decision.conversation_id))

    assert second.decision.rules == ["thin_evidence"]
    assert [gap.query for gap in await kept(knowing_desk)] == [OFF_TOPIC, "And on Venus in autumn?"]


async def test_an_answer_held_back_leaves_one(knowing_desk: Desk) -> None:
    bands = knowing_desk.company.escalation.bands.model_copy(update={"send": 1.0, "flag": 1.0, "hold": 0.0})
    escalation = knowing_desk.company.escalation.model_copy(update={"bands": bands})
    desk = replace(knowing_desk, company=knowing_desk.company.model_copy(update={"escalation": escalation}))

    outcome = await ask(desk, OFF_TOPIC)

    assert outcome.decision.action == "held"
    assert [gap.query for gap in await kept(desk)] == [OFF_TOPIC]


async def test_answers_rules_thanks_and_vague_messages_leave_none(knowing_desk: Desk) -> None:
    script = {"twice": read_as("billing"), "Thanks": read_as(intent="thanks"), "broken": read_as(intent="vague")}
    desk = replace(knowing_desk, triage=ScriptedTriage(script))

    for body in ("How do I invite a colleague?", "I was charged twice.", "Thanks!", "It is broken."):
        await ask(desk, body)

    assert await kept(desk) == []


async def test_a_turn_that_an_operator_silenced_leaves_none(knowing_desk: Desk) -> None:
    first = await ask(knowing_desk, "How do I invite a colleague?")
    async with knowing_desk.db.transaction() as tx:
        await conversations.set_handler(tx, first.decision.conversation_id, "operator")

    await ask(knowing_desk, OFF_TOPIC, thread=str(first.decision.conversation_id))

    assert await kept(knowing_desk) == []


async def test_groups_are_read_from_the_database_and_survive_another_model(knowing_desk: Desk) -> None:
    for body in (OFF_TOPIC, "Can I pay with sea shells?", "How is the weather on Mars in the spring?"):
        await ask(knowing_desk, body)
    later = replace(knowing_desk, embedder=OtherModel())

    groups = await list_gap_groups(knowing_desk, since=None)

    assert [group.count for group in groups] == [2, 1]
    assert [group.gaps for group in await list_gap_groups(later, since=None)] == [group.gaps for group in groups]


async def test_only_what_was_asked_lately_is_listed(knowing_desk: Desk) -> None:
    await ask(knowing_desk, OFF_TOPIC)
    now = knowing_desk.clock.now()

    assert len(await list_gap_groups(knowing_desk, since=now - timedelta(hours=1))) == 1
    assert await list_gap_groups(knowing_desk, since=now + timedelta(hours=1)) == []
