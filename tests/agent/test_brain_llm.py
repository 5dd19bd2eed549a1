"""The language-model brain on a whole desk, through the official client libraries, against the strict stand-in."""

from __future__ import annotations

from typing import Any

import pytest

from deskhand import reports
from deskhand.agent.tools import MOST_CALLS
from deskhand.desk import Desk
from deskhand.flows.outcome import Outcome
from tests.agent.thinking import asked, thinking
from tests.driving import ask
from tests.fakes import ScriptedTriage, read_as
from tests.standins.language_model import LanguageModelServer
from tests.standins.language_model_scripts import MISBEHAVIOUR, first, scripted
from tests.standins.language_model_steps import Answer, Call

QUICK = {"llm_timeout": "1s"}
WIRES = [(provider, stream) for provider in ("openai", "anthropic", "google") for stream in (False, True)]
BREAKS_IN_TRANSIT = ("cut-off", "no-json", "other-json", "invalid-arguments")


def model_of(outcome: Outcome) -> dict[str, Any]:
    return outcome.decision.record["model"]


@pytest.mark.parametrize(("provider", "stream"), [*WIRES, ("openai-compatible", False)])
async def test_a_whole_turn_answers_with_citations(desk: Desk, provider: str, stream: bool) -> None:
    async with LanguageModelServer().running() as server:
        outcome = await asked(desk, server, "searching", llm_provider=provider, llm_stream=stream)

    record = outcome.decision.record
    assert server.refused == []
    assert [seen.wire for seen in server.seen] == [provider.removesuffix("-compatible")] * 2
    assert (outcome.decision.action, record["brain"]) == ("answered", "llm")
    assert record["citations"]
    assert outcome.reply is not None
    assert "Use the reset link on the login page." in outcome.reply.body
    assert "help.taskflow.io/account-and-members/reset-password" in outcome.reply.body
    calls = [call["tool"] for call in record["tools"]]
    assert calls == [
        "create_ticket",
        "get_customer_history",
        "search_knowledge_base",
        "search_knowledge_base",
        "send_response",
    ]


async def test_the_record_holds_model_use_cost_and_the_prompts_hash(desk: Desk) -> None:
    async with LanguageModelServer().running() as server:
        outcome = await asked(desk, server, "searching", llm_price_input=2.0, llm_price_output=10.0)

    use = model_of(outcome)
    assert use["name"] == "openai:searching"
    assert (use["requests"], use["tokens_in"], use["tokens_out"]) == (2, 2_000, 200)
    assert use["cost_usd"] == pytest.approx(0.006)
    assert use["fallback"] is None
    assert len(outcome.decision.record["hashes"]["prompt"]) == 64
    assert outcome.decision.record["ms"]["model"] > 0


async def test_the_model_sees_every_tool_and_no_name_of_a_customer_in_their_parameters(desk: Desk) -> None:
    async with LanguageModelServer().running() as server:
        await asked(desk, server, "helpful")

    assert set(server.seen[0].tools) == {
        "create_ticket",
        "get_customer_history",
        "search_knowledge_base",
        "analyze_sentiment",
        "send_response",
        "escalate_to_human",
    }
    parameters = {name for tool in server.seen[0].raw["tools"] for name in tool["function"]["parameters"]["properties"]}
    assert not parameters & {"customer", "customer_id", "conversation", "recipient", "to", "channel", "owner"}


async def test_a_rule_that_fired_is_escalated_without_asking_the_model(desk: Desk) -> None:
    triage = ScriptedTriage({"money back": read_as("billing")})
    async with LanguageModelServer().running() as server:
        outcome = await asked(desk, server, "helpful", body="I want my money back", triage=triage)

    assert server.seen == []
    assert outcome.decision.decision == "escalate"
    assert outcome.escalation is not None
    assert (outcome.escalation.rule, outcome.escalation.owner) == ("billing", "Lisa Tanaka")
    assert model_of(outcome) is None


async def test_the_model_may_add_an_escalation(desk: Desk) -> None:
    step = Answer(calls=(Call("escalate_to_human", {"rule": "legal", "reason": "Names a lawyer."}),))
    async with LanguageModelServer(scripts={"adds": scripted(step)}).running() as server:
        outcome = await asked(desk, server, "adds")

    assert outcome.escalation is not None
    assert (outcome.escalation.rule, outcome.escalation.owner) == ("legal", "Rachel Foster")
    assert outcome.decision.record["brain"] == "llm"


async def test_a_refused_call_goes_back_to_the_model_with_the_reason(desk: Desk) -> None:
    uncited = Answer(calls=(Call("send_response", {"kind": "answer", "text": "Click Save."}),))
    async with LanguageModelServer(scripts={"learns": first(1, uncited)}).running() as server:
        outcome = await asked(desk, server, "learns")

    assert "passage_ids" in server.seen[1].results[0]
    assert outcome.decision.record["brain"] == "llm"
    refused = [call for call in outcome.decision.record["tools"] if "refused" in call["result"]]
    assert [call["tool"] for call in refused] == ["send_response"]


async def test_plain_text_is_asked_once_to_use_a_tool(desk: Desk) -> None:
    async with LanguageModelServer().running() as server:
        outcome = await asked(desk, server, "plain-text-once")

    assert len(server.seen) == 2
    assert "reached nobody" in server.seen[1].texts[-1]
    assert outcome.decision.record["brain"] == "llm"


async def test_a_model_is_never_surer_than_the_passage_it_cites(desk: Desk) -> None:
    async with LanguageModelServer().running() as server:
        outcome = await asked(desk, server, "helpful")

    sent = outcome.decision.record["tools"][-1]["arguments"]
    best = max(passage["score"] for passage in outcome.decision.record["passages"])
    assert sent["confidence"] <= best
    assert outcome.decision.confidence <= best + 1e-6


async def test_an_answer_on_thin_evidence_is_refused_once_and_then_held(desk: Desk) -> None:
    async with LanguageModelServer().running() as server:
        outcome = await asked(desk, server, "helpful", body="Which colours does the moon have in spring?")

    if outcome.decision.record["tools"][2]["result"]["passages"]:
        assert outcome.decision.action == "held"
        assert "hardly answer" in server.seen[1].results[0]
    else:
        assert outcome.decision.action == "asked_back"


@pytest.mark.parametrize("script", sorted(MISBEHAVIOUR))
async def test_every_misbehaviour_ends_in_exactly_one_outcome(desk: Desk, script: str) -> None:
    slow = script in ("failing", "overloaded", "hangs", "cut-off")
    async with LanguageModelServer().running() as server:
        outcome = await asked(desk, server, script, **(QUICK if slow else {}))

    await _one_outcome(desk, outcome)
    assert len(server.seen) <= 8
    assert len(outcome.decision.record["tools"]) <= 2 * MOST_CALLS + 1
    survives = script.endswith("-once") or script in ("rate-limited", "two-endings", "unseen-characters")
    assert (outcome.decision.record["brain"] == "llm") == survives, model_of(outcome)
    assert (model_of(outcome)["fallback"] is None) == survives


@pytest.mark.parametrize("script", BREAKS_IN_TRANSIT)
@pytest.mark.parametrize(("provider", "stream"), [wire for wire in WIRES if wire != ("openai", False)])
async def test_what_breaks_in_transit_breaks_no_turn_on_any_wire(
    desk: Desk, provider: str, stream: bool, script: str
) -> None:
    async with LanguageModelServer().running() as server:
        outcome = await asked(desk, server, script, llm_provider=provider, llm_stream=stream, **QUICK)

    await _one_outcome(desk, outcome)
    assert outcome.decision.record["brain"] == "offline"
    assert model_of(outcome)["fallback"]


async def test_what_the_model_did_before_it_was_given_up_stays_on_record(desk: Desk) -> None:
    async with LanguageModelServer().running() as server:
        outcome = await asked(desk, server, "unknown-tool")

    abandoned = [call["tool"] for call in model_of(outcome)["abandoned_tools"]]
    assert abandoned[:3] == ["create_ticket", "get_customer_history", "search_knowledge_base"]
    assert "delete_account" in abandoned
    assert "delete_account" not in [call["tool"] for call in outcome.decision.record["tools"]]


async def test_two_turns_at_once_share_no_words(desk: Desk) -> None:
    async with LanguageModelServer().running() as server, thinking(desk, server) as thoughtful:
        for name in ("alpha", "omega"):
            await ask(thoughtful, f"How do I reset my password? My word is {name}.", sender=f"{name}@example.com")

    prompts = ["\n".join(seen.texts) for seen in server.seen]
    assert sorted(("alpha" in prompt, "omega" in prompt) for prompt in prompts) == [(False, True), (True, False)]


async def test_what_a_turn_cost_becomes_a_figure_and_part_of_the_days_spending(desk: Desk) -> None:
    async with LanguageModelServer().running() as server:
        outcome = await asked(desk, server, "searching")

    async with desk.db.transaction() as tx:
        spent = await reports.get_spending(tx, desk.clock.now().date())
    assert spent == pytest.approx(model_of(outcome)["cost_usd"])


async def _one_outcome(desk: Desk, outcome: Outcome) -> None:
    """One decision, one reply, nothing dead."""
    async with desk.db.transaction() as tx:
        row = await (
            await tx.execute(
                """
                select (select count(*) from decisions), (select count(*) from messages where kind = 'outbound'),
                       (select count(*) from deliveries), (select count(*) from dead_letters)
                """
            )
        ).fetchone()
    assert row == (1, 1, 1, 0)
    assert outcome.reply is not None
    assert outcome.reply.body.strip()
