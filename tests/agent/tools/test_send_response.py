"""The only way words leave: with passages behind facts, through the gate, and by the folder's bands."""

from __future__ import annotations

from typing import Any

import pytest

from deskhand.agent.tools import Ending, ToolContext, ToolError, ToolRuntime
from deskhand.agent.tools.send_response import SendOutput
from deskhand.company_folder import Company
from tests.agent.scene import NOW, REFERENCE, Recorder, make_context
from tests.fakes import read_as

PASSAGE = {"p1": "Open Settings, then Members, and press Invite. Pro costs $12."}


async def _send(
    context: ToolContext, text: str = "Open Settings, then Members, and press Invite.", **more: Any
) -> SendOutput:
    given = {"kind": "answer", "text": text, "passage_ids": ["p1"], "confidence": 0.9} | more
    return await ToolRuntime(context).call_as(SendOutput, "send_response", **given)


def _ending(context: ToolContext) -> Ending:
    assert isinstance(context.commit, Recorder)
    (ending,) = context.commit.endings
    return ending


async def test_an_answer_is_committed_with_its_citation() -> None:
    context = make_context(passages=PASSAGE)

    output = await _send(context)

    ending = _ending(context)
    assert (output.status, output.message_id) == ("queued", "reply")
    assert (ending.decision, ending.action, ending.flags) == ("respond", "answered", ())
    assert ending.reply is not None
    assert [cited.passage_id for cited in ending.reply.citations] == ["p1"]
    assert context.state.gate == [{"passed": True, "reasons": []}]


async def test_an_answer_without_passages_is_refused() -> None:
    with pytest.raises(ToolError, match="search_knowledge_base first"):
        await _send(make_context(), passage_ids=[])


async def test_a_passage_that_was_not_found_in_this_turn_cannot_be_cited() -> None:
    with pytest.raises(ToolError, match="p9"):
        await _send(make_context(passages=PASSAGE), passage_ids=["p1", "p9"])


async def test_an_escalation_of_the_policy_cannot_be_lifted_by_answering() -> None:
    context = make_context(passages=PASSAGE, triage=read_as("billing"))

    for kind in ("answer", "ask_back", "acknowledgement"):
        with pytest.raises(ToolError, match=r"billing.*escalate_to_human"):
            await _send(context, kind=kind)

    assert isinstance(context.commit, Recorder)
    assert context.commit.endings == []


@pytest.mark.parametrize("kind", ["ask_back", "acknowledgement"])
async def test_words_without_facts_need_no_passage(kind: str) -> None:
    context = make_context()

    output = await _send(context, "Which browser do you use?", kind=kind, passage_ids=[])

    assert output.status == "queued"


async def test_a_reply_that_the_gate_stops_becomes_a_draft_for_a_person_and_never_silence(company: Company) -> None:
    context = make_context(passages=PASSAGE)

    output = await _send(context, "We will refund you $99.")

    ending = _ending(context)
    assert output.status == "held_for_approval"
    assert any("promise" in reason for reason in output.reasons)
    assert ending.action == "held"
    assert ending.held is not None
    assert ending.held.text == "We will refund you $99."
    assert ending.reply is not None
    assert "refund" not in ending.reply.text
    assert "4 hours" in ending.reply.text
    assert ending.handoff is not None
    assert ending.handoff.assignment.owner.name == "Marcus Rivera"


async def test_the_person_who_gets_a_draft_is_told_the_whole_case() -> None:
    context = make_context(passages=PASSAGE)

    await _send(context, "We will refund you.")

    handoff = _ending(context).handoff
    assert handoff is not None
    told = handoff.context
    assert (told["ticket"], told["channel"], told["draft"]) == (REFERENCE, "email", "We will refund you.")
    assert (told["customer"]["name"], told["customer"]["plan"]) == ("Dana Fox", "pro")
    assert told["message"] == "How do I invite a colleague?"
    assert told["next_step"]
    assert handoff.assignment.respond_by > NOW


@pytest.mark.parametrize(
    ("place", "status", "flags"), [("send", "queued", ()), ("flag", "queued", ("low_confidence",))]
)
async def test_confidence_decides_between_sending_and_flagging(
    company: Company, place: str, status: str, flags: tuple[str, ...]
) -> None:
    context = make_context(passages=PASSAGE)

    output = await _send(context, confidence=getattr(company.escalation.bands, place))

    assert (output.status, _ending(context).flags) == (status, flags)


async def test_an_answer_below_the_bands_is_held(company: Company) -> None:
    context = make_context(passages=PASSAGE)

    output = await _send(context, confidence=company.escalation.bands.flag - 0.01)

    assert output.status == "held_for_approval"
    assert _ending(context).action == "held"


async def test_a_reply_that_an_operator_silenced_is_not_called_sent() -> None:
    context = make_context(passages=PASSAGE, commit=Recorder(silenced=True))

    output = await _send(context)

    assert (output.status, output.message_id) == ("silenced", None)
