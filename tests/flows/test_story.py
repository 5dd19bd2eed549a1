"""The story of a ticket: found by its reference, told turn by turn."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from deskhand.desk import Desk
from deskhand.errors import Conflict, InvalidInput
from deskhand.flows import intake
from deskhand.flows.ingest import load_knowledge
from deskhand.flows.story import tell_story
from tests.driving import ask, payload
from tests.fakes import ScriptedTriage, read_as

QUESTION = "How do I invite a colleague to our workspace?"


async def test_every_turn_is_told_with_its_message_reply_and_delivery(knowing_desk: Desk) -> None:
    desk = replace(knowing_desk, triage=ScriptedTriage({"twice": read_as("billing", words="charged twice")}))
    first = await ask(desk, QUESTION)
    await ask(desk, "I was charged twice.", thread=str(first.decision.conversation_id))

    story = await tell_story(desk, first.ticket.reference.lower())

    answer, handover = story.turns
    assert story.ticket.handler == "operator"
    assert answer.message.body == QUESTION
    assert answer.delivery is not None
    assert answer.delivery.state == "sent"
    assert (answer.escalation, answer.changed, answer.is_same_message) == (None, {}, True)
    assert handover.escalation is not None
    assert handover.escalation.owner == "Lisa Tanaka"


async def test_articles_that_were_changed_or_removed_since_are_named(knowing_desk: Desk, tmp_path: Path) -> None:
    outcome = await ask(knowing_desk, QUESTION)
    folder = tmp_path / "articles"
    invite = folder / "invite-members.md"
    invite.write_text(invite.read_text("utf-8") + "\nAsk your owner first.\n", "utf-8")
    (folder / "export-project.md").unlink()
    await load_knowledge(knowing_desk, [folder])

    (turn,) = (await tell_story(knowing_desk, outcome.ticket.reference)).turns

    assert turn.changed == {
        "invite-members": "the article was changed since: version 2 now",
        "export-project": "the article was removed since",
    }


async def test_a_message_that_was_altered_is_noticed(desk: Desk) -> None:
    outcome = await ask(desk, "Something odd happened.")
    async with desk.db.transaction() as tx:
        await tx.execute("update messages set body = 'erased' where id = %s", (outcome.decision.message_id,))

    (turn,) = (await tell_story(desk, outcome.ticket.reference)).turns

    assert not turn.is_same_message


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("nonsense", "'nonsense' is no reference: they look like TF-20261122-7K3Q."),
        ("TF-20200101-0000", "There is no ticket TF-20200101-0000. Check the spelling."),
    ],
)
async def test_an_unknown_reference_is_one_clear_sentence(desk: Desk, reference: str, words: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        await tell_story(desk, reference)

    assert str(caught.value) == words


async def test_a_promised_reference_waits_for_its_message(desk: Desk) -> None:
    accepted = await intake.accept(
        desk, "web_form", payload(QUESTION, channel="web_form"), promise_reference=True, idempotency_key="k" * 32
    )
    assert accepted.reference is not None

    with pytest.raises(Conflict, match="not been processed yet"):
        await tell_story(desk, accepted.reference)
