"""The runtime around the tools: schemas, order and limits hold for whoever calls, and every call is on record."""

from __future__ import annotations

from typing import Any

import pytest

from deskhand.agent.tools import MOST_CALLS, TOOLS, ToolContext, ToolError, ToolRuntime
from deskhand.company_folder import Company
from deskhand.errors import DatabaseUnavailable
from tests.agent.scene import Recorder, make_context
from tests.fakes import read_as

PASSAGE = {"p1": "Open Settings, then Members, and press Invite."}
ANSWER = {"kind": "answer", "text": "Open Settings.", "passage_ids": ["p1"], "confidence": 0.9}
BOUND = ["customer_id", "customer", "conversation_id", "recipient", "to", "channel", "email", "phone", "owner"]
SMALLEST: dict[str, dict[str, Any]] = {
    "create_ticket": {},
    "get_customer_history": {},
    "search_knowledge_base": {"query": "invite"},
    "analyze_sentiment": {},
    "send_response": ANSWER,
    "escalate_to_human": {"rule": "billing", "reason": "Asks for money back."},
}


def _commit(context: ToolContext) -> Recorder:
    assert isinstance(context.commit, Recorder)
    return context.commit


async def _refusal(context: ToolContext, name: str, arguments: dict[str, Any]) -> str:
    with pytest.raises(ToolError) as caught:
        await ToolRuntime(context).call(name, arguments)
    return str(caught.value)


def test_there_are_six_tools_each_with_words_for_the_model_and_an_example() -> None:
    assert {tool.name for tool in TOOLS} == set(SMALLEST)
    assert all("Example: {" in tool.description for tool in TOOLS)
    assert {tool.name for tool in TOOLS if tool.ends_turn} == {"send_response", "escalate_to_human"}


@pytest.mark.parametrize("tool", [tool.name for tool in TOOLS])
@pytest.mark.parametrize("argument", BOUND)
async def test_what_the_runtime_binds_is_an_argument_of_no_tool_and_naming_it_is_recorded(
    tool: str, argument: str
) -> None:
    context = make_context(passages=PASSAGE)
    arguments = SMALLEST[tool] | {argument: "somebody-else"}

    refusal = await _refusal(context, tool, arguments)

    assert refusal.startswith(f"{argument}: ")
    assert [(call.tool, call.arguments, call.result) for call in context.state.calls] == [
        (tool, arguments, {"refused": refusal})
    ]
    assert _commit(context).endings == []


@pytest.mark.parametrize("tool", ["send_response", "escalate_to_human"])
async def test_no_words_leave_before_there_is_a_ticket(tool: str) -> None:
    context = make_context(passages=PASSAGE)
    context.state.ticketed = False

    assert "create_ticket" in await _refusal(context, tool, SMALLEST[tool])
    assert _commit(context).endings == []


@pytest.mark.parametrize("second", ["send_response", "escalate_to_human", "analyze_sentiment"])
async def test_a_turn_ends_once(second: str) -> None:
    context = make_context(passages=PASSAGE)
    await ToolRuntime(context).call("send_response", ANSWER)

    assert "ended" in await _refusal(context, second, SMALLEST[second])
    assert len(_commit(context).endings) == 1


async def test_after_eight_calls_only_an_ending_is_left() -> None:
    context = make_context(passages=PASSAGE)
    runtime = ToolRuntime(context)
    for _ in range(MOST_CALLS):
        await runtime.call("analyze_sentiment", {})

    assert "No more than 8" in await _refusal(context, "analyze_sentiment", {})
    await runtime.call("send_response", ANSWER)
    assert len(_commit(context).endings) == 1


async def test_refused_calls_count_as_well() -> None:
    context = make_context()
    for _ in range(MOST_CALLS):
        await _refusal(context, "delete_customer", {})

    assert "No more than 8" in await _refusal(context, "analyze_sentiment", {})


async def test_an_unknown_tool_is_refused_with_the_names_of_those_there_are() -> None:
    refusal = await _refusal(make_context(), "delete_customer", {})

    assert all(tool.name in refusal for tool in TOOLS)


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("search_knowledge_base", {}),
        ("search_knowledge_base", {"query": "x" * 2001}),
        ("search_knowledge_base", {"query": "invite", "limit": 6}),
        ("get_customer_history", {"limit": 0}),
        ("send_response", {"kind": "shout", "text": "Hi"}),
        ("send_response", {"kind": "answer", "text": ""}),
        ("send_response", ANSWER | {"confidence": 1.5}),
        ("escalate_to_human", {"rule": "billing", "reason": ""}),
        ("escalate_to_human", {"rule": "billing", "reason": "Because.", "urgency": "now"}),
    ],
)
async def test_arguments_outside_the_schema_are_refused_by_field(tool: str, arguments: dict[str, Any]) -> None:
    refusal = await _refusal(make_context(passages=PASSAGE), tool, arguments)

    assert ": " in refusal
    assert "\n" not in refusal


async def test_a_call_is_recorded_with_its_result_and_time() -> None:
    context = make_context(triage=read_as(sentiment=-0.4))

    await ToolRuntime(context).call("analyze_sentiment", {})

    (call,) = context.state.calls
    assert (call.tool, call.arguments, call.result) == ("analyze_sentiment", {}, {"score": -0.4, "label": "negative"})
    assert call.milliseconds >= 0
    assert "analyze_sentiment" in context.state.times.steps


async def test_the_call_that_ends_a_turn_is_known_to_the_commit_that_it_makes() -> None:
    context = make_context(passages=PASSAGE)

    await ToolRuntime(context).call("send_response", ANSWER)

    assert context.state.closing is not None
    assert (context.state.closing.tool, context.state.closing.arguments) == ("send_response", ANSWER)


async def test_a_refused_ending_closes_nothing() -> None:
    context = make_context()

    await _refusal(context, "send_response", ANSWER)

    assert context.state.closing is None
    assert not context.state.ended


@pytest.mark.parametrize("tool", ["create_ticket", "get_customer_history"])
async def test_with_the_database_down_a_tool_raises_and_nothing_says_that_it_was_done(tool: str) -> None:
    context = make_context()
    context.state.ticketed = False

    with pytest.raises(DatabaseUnavailable):
        await ToolRuntime(context).call(tool, {})

    assert context.state.calls == []
    assert not context.state.ticketed


@pytest.mark.parametrize("tool", ["send_response", "escalate_to_human"])
async def test_a_commit_that_fails_ends_no_turn_and_reports_nothing(tool: str) -> None:
    async def fail(_ending: object) -> Any:
        raise DatabaseUnavailable

    context = make_context(passages=PASSAGE, commit=fail)

    with pytest.raises(DatabaseUnavailable):
        await ToolRuntime(context).call(tool, SMALLEST[tool])

    assert not context.state.ended
    assert context.state.calls == []


async def test_every_rule_of_the_folder_may_be_named(company: Company) -> None:
    for rule in company.escalation.rules:
        context = make_context()
        await ToolRuntime(context).call("escalate_to_human", {"rule": rule.name, "reason": "The model saw it."})

        (ending,) = _commit(context).endings
        assert ending.handoff is not None
        assert ending.handoff.assignment.owner == company.escalation.owners[rule.owner]
