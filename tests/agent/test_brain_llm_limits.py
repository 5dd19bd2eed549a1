"""What a model may cost, how often it is tried, and that its key stays where it belongs."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deskhand import reports
from deskhand.clock import FixedClock
from deskhand.desk import Desk
from deskhand.flows.outcome import Outcome
from tests.agent.thinking import QUESTION, asked, thinking
from tests.driving import ask
from tests.standins.language_model import LanguageModelServer
from tests.standins.language_model_scripts import SCRIPTS, first, scripted
from tests.standins.language_model_steps import Answer, Call, Failure

CANARY = "sk-canary-4f1b9c7e2d5a8036"


def fallback_of(outcome: Outcome) -> str | None:
    return outcome.decision.record["model"]["fallback"]


async def test_retry_after_is_respected(desk: Desk) -> None:
    scripts = {"busy": first(1, Failure(429, 2))}
    async with LanguageModelServer(scripts=scripts).running() as server:
        outcome = await asked(desk, server, "busy", llm_timeout="10s")

    assert server.seen[1].at - server.seen[0].at >= 2.0
    assert fallback_of(outcome) is None


async def test_a_retry_after_beyond_the_turns_time_is_not_waited_for(desk: Desk) -> None:
    async with LanguageModelServer().running() as server:
        outcome = await asked(desk, server, "rate-limited-for-long")

    assert len(server.seen) == 1
    assert fallback_of(outcome) == "the model did not answer: HTTP 429"


async def test_a_request_that_the_provider_rejects_is_not_repeated(desk: Desk) -> None:
    async with LanguageModelServer().running() as server:
        outcome = await asked(desk, server, "refusing")

    assert len(server.seen) == 1
    assert fallback_of(outcome) == "the model did not answer: HTTP 400"


async def test_nothing_listening_is_a_fallback(desk: Desk) -> None:
    async with LanguageModelServer().running() as server:
        outcome = await asked(desk, server, "helpful", llm_base_url="http://127.0.0.1:9", llm_timeout="1s")

    assert fallback_of(outcome) == "the model did not answer: connection failed"


@pytest.mark.parametrize(
    ("ceiling", "reason"),
    [
        ({"llm_max_tokens": 1_000}, "the turn's tokens are used up"),
        ({"llm_turn_ceiling_usd": 0.001}, "the turn's money is used up"),
        ({"llm_day_ceiling_usd": 0.001}, "the day's money is used up"),
        ({"llm_day_ceiling_usd": 0}, "the day's money is used up"),
    ],
)
async def test_a_ceiling_below_one_request_lets_none_out(desk: Desk, ceiling: dict[str, Any], reason: str) -> None:
    async with LanguageModelServer().running() as server:
        outcome = await asked(desk, server, "helpful", **ceiling)

    assert server.seen == []
    assert fallback_of(outcome) == reason


async def test_a_turn_stops_in_the_middle_when_its_money_is_used_up(desk: Desk) -> None:
    step = Answer(calls=(Call("search_knowledge_base", {"query": "again"}),), tokens_in=20_000, tokens_out=2_000)
    async with LanguageModelServer(scripts={"dear": scripted(step)}).running() as server:
        outcome = await asked(desk, server, "dear", llm_turn_ceiling_usd=0.2)

    assert len(server.seen) == 1
    assert fallback_of(outcome) == "the turn's money is used up"
    assert outcome.decision.record["model"]["cost_usd"] <= 0.2


async def test_the_answer_may_be_no_longer_than_the_money_lasts(desk: Desk) -> None:
    async with LanguageModelServer().running() as server:
        await asked(desk, server, "helpful", llm_turn_ceiling_usd=0.06, llm_price_input=5, llm_price_output=25)

    assert 200 <= server.seen[0].raw["max_completion_tokens"] < 2_000


async def test_the_day_ceiling_holds_over_turns_and_processes(desk: Desk) -> None:
    day = desk.clock.now().date()
    async with desk.db.transaction() as tx:
        assert await reports.reserve_spending(tx, day, 19.99, ceiling=20.0)
    async with LanguageModelServer().running() as server:
        outcome = await asked(desk, server, "helpful", llm_day_ceiling_usd=20.0)

    assert server.seen == []
    assert fallback_of(outcome) == "the day's money is used up"


async def test_the_breaker_opens_and_recovers(desk: Desk) -> None:
    clock = FixedClock(datetime(2026, 11, 22, 12, tzinfo=UTC))
    scripts = {"down": first(6, Failure(503), SCRIPTS["helpful"])}
    async with (
        LanguageModelServer(scripts=scripts).running() as server,
        thinking(desk, server, "down", clock=clock, llm_timeout="1s") as thoughtful,
    ):
        reasons = [fallback_of(await ask(thoughtful, f"{QUESTION} ({number})")) for number in range(4)]
        tried = len(server.seen)
        clock.advance(timedelta(seconds=16))
        probe = await ask(thoughtful, f"{QUESTION} (again)")
        while_open = await ask(thoughtful, f"{QUESTION} (once more)")
        clock.advance(timedelta(seconds=16))
        recovered = [fallback_of(await ask(thoughtful, f"{QUESTION} (at last {number})")) for number in range(2)]

    assert tried == 5
    assert "the circuit breaker is open" in reasons
    assert fallback_of(probe) in ("the model did not answer: HTTP 503", "the circuit breaker is open")
    assert fallback_of(while_open) == "the circuit breaker is open"
    assert recovered == [None, None]


@pytest.mark.parametrize(("provider", "stream"), [("openai", False), ("anthropic", True), ("google", False)])
async def test_the_key_is_nowhere_but_in_the_request(
    desk: Desk, capfd: pytest.CaptureFixture[str], provider: str, stream: bool
) -> None:
    async with LanguageModelServer().running() as server:
        wrong = await asked(desk, server, "helpful", llm_provider=provider, llm_stream=stream, llm_api_key=CANARY)
    assert CANARY in server.refused[0]  # the provider has repeated it in its error

    async with desk.db.transaction() as tx:
        rows = await (
            await tx.execute("select record::text from decisions union all select error from dead_letters")
        ).fetchall()
    written = capfd.readouterr()
    assert fallback_of(wrong) == "the model did not answer: HTTP 401"
    assert CANARY not in json.dumps(rows) + written.out + written.err + repr(desk.settings)


async def test_the_key_is_not_in_the_prompt(desk: Desk) -> None:
    async with LanguageModelServer(key=CANARY).running() as server:
        await asked(desk, server, "helpful")

    assert CANARY not in json.dumps(server.seen[0].raw)
