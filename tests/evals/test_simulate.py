"""Scenarios through the real flow, on a real database."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from deskhand.agent.decision import Triage
from deskhand.agent.triage import TriageInput
from deskhand.desk import Desk
from deskhand.evals.run import WorkerEnded
from deskhand.evals.scenarios import Scenario
from deskhand.evals.simulate import Run, play_scenarios
from deskhand.worker import run_worker
from tests.fakes import ScriptedTriage, read_as

THANKS, MONEY, VAGUE = read_as(intent="thanks"), read_as("billing", words="charged"), read_as(intent="vague")
SCRIPT = {"Thank": THANKS, "charged": MONEY, "ads": read_as(ignore="ads"), "": VAGUE}


def scenario(*steps: dict[str, Any], **more: Any) -> Scenario:
    return Scenario.model_validate({"name": "story", "about": "A story.", "steps": steps} | more)


async def play(desk: Desk, *scenarios: Scenario, runs: int = 1, seed: int = 0) -> list[Run]:
    return await play_scenarios(desk, scenarios, runs=runs, seed=seed, work=run_worker, on_run=lambda _: None)


def scripted(desk: Desk, script: dict[str, Triage] | None = None) -> Desk:
    return replace(desk, triage=ScriptedTriage(script or SCRIPT))


def problems(runs: Sequence[Run]) -> list[str]:
    return [problem for run in runs if run.failure is not None for problem in run.failure.problems]


async def test_a_story_goes_right_when_every_step_does(desk: Desk) -> None:
    story = scenario(
        {
            "says": "It broke",
            "expect": {"decision": "respond", "action": "asked_back", "handler": "agent", "replies": 1},
        },
        {"waits": "2h"},
        {
            "says": "You charged me",
            "expect": {
                **{"decision": "escalate", "rule": "billing", "rules": "billing", "no_rules": "angry"},
                **{"owner": "Lisa Tanaka", "within": "1h", "handler": "operator", "status": "open"},
                **{"same_ticket": True, "replies": 2, "says": "within 1 hour", "never_says": "refund"},
            },
        },
        plan="enterprise",
    )

    assert problems(await play(scripted(desk), story)) == []


async def test_a_failure_names_the_step_the_words_and_the_record(desk: Desk) -> None:
    story = scenario({"says": "Thank you"}, {"says": "You charged me", "expect": {"decision": "respond"}})

    (run,) = await play(scripted(desk), story)

    assert run.failure is not None
    assert (run.failure.step, run.failure.said) == (2, "You charged me")
    assert run.failure.problems == ("decision: escalate, expected respond",)
    assert run.failure.record is not None
    assert run.failure.record["rule"] == "billing"


async def test_every_wrong_expectation_is_told(desk: Desk) -> None:
    expect = {
        **{"action": "answered", "rule": "legal", "rules": ["legal"], "owner": "Rachel Foster", "handler": "operator"},
        **{"within": "1h", "cites": "invoices", "says": "refund", "never_says": "welcome", "silent": True},
        **{"replies": 3, "status": "closed", "same_ticket": True, "reply_language": "de", "history": ["whatsapp"]},
    }

    (run,) = await play(scripted(desk), scenario({"says": "Thank you", "expect": expect}))

    assert len(problems([run])) == len(expect)


async def test_runs_take_other_wordings_and_the_same_seed_takes_the_same(desk: Desk) -> None:
    wordings = [f"wording {number}" for number in range(3)]

    async def heard(seed: int) -> list[str]:
        triage = ScriptedTriage({"": VAGUE})
        await play(replace(desk, triage=triage), scenario({"says": wordings}), runs=3, seed=seed)
        return [read.body for read in triage.read_messages]

    first = await heard(0)

    assert sorted(first) == wordings
    assert await heard(0) == first
    assert {tuple(await heard(seed)) for seed in range(1, 6)} != {tuple(first)}


async def test_an_operator_silences_the_agent_until_the_conversation_is_handed_back(desk: Desk) -> None:
    story = scenario(
        {"says": "It broke", "expect": {"silent": False}},
        {"operator": "takes over"},
        {"says": "Are you there?", "expect": {"action": "silent", "silent": True, "replies": 1}},
        {"operator": "hands back"},
        {"says": "Thank you", "expect": {"silent": False, "replies": 2}},
    )

    assert problems(await play(scripted(desk), story)) == []


async def test_quick_messages_are_all_answered_and_the_last_one_is_judged(desk: Desk) -> None:
    triage = ScriptedTriage(SCRIPT)
    story = scenario(
        {"quickly": ["It broke", ["again"], "Thank you"], "expect": {"action": "acknowledged", "replies": 3}},
        channel="whatsapp",
    )

    assert problems(await play(replace(desk, triage=triage), story)) == []
    assert [read.body for read in triage.read_messages] == ["It broke", "again", "Thank you"]


async def test_history_is_open_to_the_verified_only(desk: Desk) -> None:
    mail_first = scenario(
        {"says": "It broke"},
        {"channel": "web_form", "says": "Me again", "expect": {"history": [], "same_ticket": False}},
        {"channel": "email", "says": "And here", "expect": {"history": ["email", "web_form"]}},
    )

    assert problems(await play(scripted(desk), mail_first)) == []


async def test_days_pass_without_waiting_for_them(desk: Desk) -> None:
    story = scenario(
        {"says": "It broke"},
        {"waits": "1d"},
        {"says": "Still broken", "expect": {"same_ticket": True}},
        {"waits": "4d"},
        {"says": "It broke again", "expect": {"same_ticket": False}},
        channel="whatsapp",
    )

    assert problems(await play(scripted(desk), story)) == []


async def test_each_run_has_a_customer_of_its_own_on_the_plan_of_the_story(desk: Desk) -> None:
    triage = ScriptedTriage({"": VAGUE})

    await play(replace(desk, triage=triage), scenario({"says": "It broke"}, plan="pro"), runs=2)

    assert [(read.plan, read.earlier) for read in triage.read_messages] == [("pro", ()), ("pro", ())]


async def test_what_breaks_fails_its_run_and_no_other(desk: Desk) -> None:
    def out_of_order(message: TriageInput) -> Triage:
        if message.body == "Boom":
            raise RuntimeError("out of order")
        return THANKS

    settings = desk.settings.model_copy(update={"queue_attempts": 1})
    broken = replace(desk, settings=settings, triage=ScriptedTriage(out_of_order))
    stories = [
        scenario({"operator": "takes over"}, name="no conversation yet"),
        scenario({"says": "Thank you", "expect": {"decision": "respond"}}, name="fine"),
    ]

    runs = await play(broken, *stories)

    assert [run.is_success for run in runs] == [False, True]
    assert problems(runs)[0].startswith("KeyError")


async def test_a_worker_that_ends_ends_the_simulation(desk: Desk) -> None:
    async def leave(_: Desk, __: asyncio.Event) -> None:
        return

    with pytest.raises(WorkerEnded):
        await play_scenarios(desk, [scenario({"says": "Hello"})], runs=1, seed=0, work=leave, on_run=lambda _: None)
