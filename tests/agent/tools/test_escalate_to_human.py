"""Handing over: owner and deadline by the policy, the whole case with it, and an honest word to the customer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from deskhand.agent import policy
from deskhand.agent.tools import Ending, ToolContext, ToolError, ToolRuntime
from deskhand.agent.tools.escalate_to_human import EscalateOutput
from tests.agent.scene import NOW, REFERENCE, Recorder, make_context
from tests.fakes import read_as

PASSAGE = {"p1": "Invoices are in Settings under Billing."}


async def _escalate(context: ToolContext, **more: Any) -> EscalateOutput:
    given = {"rule": "billing", "reason": "Was charged twice."} | more
    return await ToolRuntime(context).call_as(EscalateOutput, "escalate_to_human", **given)


def _ending(context: ToolContext) -> Ending:
    assert isinstance(context.commit, Recorder)
    (ending,) = context.commit.endings
    return ending


async def test_the_owner_and_the_deadline_come_from_the_policy() -> None:
    context = make_context(triage=read_as("billing"))

    output = await _escalate(context)

    assert output.owner == "Lisa Tanaka, Billing & Finance"
    assert output.respond_by == (NOW + timedelta(hours=4)).isoformat()
    assert (output.status, output.escalation_id) == ("escalated", "escalation")


async def test_the_handoff_holds_everything_that_the_owner_needs() -> None:
    context = make_context(triage=read_as("billing", sentiment=-0.4, words="charged twice"), passages=PASSAGE)

    await _escalate(context)

    handoff = _ending(context).handoff
    assert handoff is not None
    told = handoff.context
    assert (told["ticket"], told["rule"], told["reason"]) == (REFERENCE, "billing", "Was charged twice.")
    assert told["customer"] == {
        "id": str(context.customer.id),
        "name": "Dana Fox",
        "plan": "pro",
        "verified": True,
    }
    assert told["rules"][0]["evidence"] == [{"source": "pattern", "text": "charged twice"}]
    assert told["summary"] == told["message"] == "How do I invite a colleague?"
    assert (told["sentiment"], told["channel"], told["language"]) == (-0.4, "email", "en")
    assert told["next_step"].startswith("Compare the payment history")
    assert told["passages"][0]["title"] == "Invite members"


async def test_a_model_cannot_move_the_case_to_a_rule_of_its_choice() -> None:
    context = make_context(triage=read_as("security", "churn"))

    output = await _escalate(context, rule="human", urgency="low")

    ending = _ending(context)
    assert output.owner.startswith("James Okafor")
    assert ending.rules == ("security", "churn")
    assert ending.handoff is not None
    assert (ending.handoff.rule, ending.handoff.assignment.urgency) == ("security", "urgent")


async def test_a_model_can_add_an_escalation_where_no_rule_fired() -> None:
    context = make_context()

    output = await _escalate(context, rule="legal", urgency="urgent")

    ending = _ending(context)
    assert output.owner.startswith("Rachel Foster")
    assert (ending.decision, ending.action, ending.rules) == ("escalate", "escalated", ("legal",))
    assert ending.handoff is not None
    assert ending.handoff.assignment.urgency == "urgent"


async def test_an_unknown_rule_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ToolError, match=rf"billing.*{policy.NO_RULE}"):
        await _escalate(make_context(), rule="refund_now")


@pytest.mark.parametrize(("language", "words"), [("en", "4 hours"), ("de", "4 Stunden"), ("fi", "4 hours")])
async def test_the_customer_is_told_in_their_language_when_somebody_answers(language: str, words: str) -> None:
    context = make_context(triage=read_as("billing", language=language))

    await _escalate(context)

    reply = _ending(context).reply
    assert reply is not None
    assert words in reply.text
    assert reply.language in ("en", "de")


async def test_a_frustrated_customer_reads_a_word_of_understanding_first() -> None:
    context = make_context(triage=read_as("angry", sentiment=-0.8))

    await _escalate(context, rule="angry")

    reply = _ending(context).reply
    assert reply is not None
    assert reply.text.startswith("I understand how frustrating that is")


async def test_without_evidence_the_customer_is_told_so() -> None:
    context = make_context()

    await _escalate(context, rule=policy.NO_RULE, reason="Nothing found.")

    reply = _ending(context).reply
    assert reply is not None
    assert reply.text.startswith("I don't have that information")


async def test_help_from_a_cited_passage_may_stand_beside_the_acknowledgement() -> None:
    context = make_context(triage=read_as("billing"), passages=PASSAGE)

    await _escalate(context, help_text=PASSAGE["p1"], passage_ids=["p1"])

    reply = _ending(context).reply
    assert reply is not None
    assert reply.text.endswith(PASSAGE["p1"])
    assert [cited.passage_id for cited in reply.citations] == ["p1"]


@pytest.mark.parametrize("help_text", ["We will refund you.", "Write to boss@techcorp.io."])
async def test_help_that_the_gate_stops_is_left_out(help_text: str) -> None:
    context = make_context(triage=read_as("billing"), passages=PASSAGE)

    await _escalate(context, help_text=help_text, passage_ids=["p1"])

    reply = _ending(context).reply
    assert reply is not None
    assert help_text not in reply.text
    assert context.state.gate[0]["passed"] is False


async def test_help_without_a_passage_is_left_out() -> None:
    context = make_context(triage=read_as("billing"), passages=PASSAGE)

    await _escalate(context, help_text="Just wait a while.")

    reply = _ending(context).reply
    assert reply is not None
    assert "Just wait" not in reply.text


async def test_when_nothing_new_was_committed_nothing_claims_an_escalation() -> None:
    output = await _escalate(make_context(triage=read_as("billing"), commit=Recorder(silenced=True)))

    assert (output.status, output.escalation_id) == ("already_with_a_person", None)
