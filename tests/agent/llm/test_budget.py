"""The ceilings on money and tokens: set aside before a request, settled after it."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Any

import pytest

from deskhand import reports
from deskhand.agent.decision import BrainUse
from deskhand.agent.llm.budget import GivenUp, TurnBudget
from deskhand.clock import SystemClock
from deskhand.db import Database
from deskhand.settings import Settings

DAY = date(2026, 11, 22)


def budget(settings: Settings, database: Database, use: BrainUse | None = None, **more: Any) -> TurnBudget:
    prices = {"llm_price_input": 10.0, "llm_price_output": 20.0}
    changed = settings.model_copy(update=prices | more)
    return TurnBudget(changed, database, SystemClock(), use or BrainUse())


async def spent(database: Database) -> float:
    async with database.transaction() as tx:
        return await reports.get_spending(tx, SystemClock().now().date())


async def test_the_most_is_set_aside_and_the_rest_given_back(settings: Settings, database: Database) -> None:
    use = BrainUse()
    turn = budget(settings, database, use)

    allowance = await turn.allow(30_000)
    before = await spent(database)
    await turn.settle(allowance, tokens_in=5_000, tokens_out=100)

    assert before == pytest.approx(0.14, abs=0.001)
    assert await spent(database) == pytest.approx(0.052)
    assert (use.requests, use.tokens_in, use.tokens_out) == (1, 5_000, 100)
    assert use.cost_usd == pytest.approx(0.052)


async def test_a_refused_request_costs_nothing_and_a_cut_one_the_most(settings: Settings, database: Database) -> None:
    use = BrainUse()
    turn = budget(settings, database, use, llm_turn_ceiling_usd=1.0)

    await turn.settle_unanswered(await turn.allow(3_000), is_charged=False)
    assert await spent(database) == 0
    await turn.settle_unanswered(await turn.allow(3_000), is_charged=True)

    assert await spent(database) == pytest.approx(0.05, abs=0.001)
    assert use.requests == 2


async def test_a_provider_that_counts_more_than_we_do_corrects_the_estimate(
    settings: Settings, database: Database
) -> None:
    turn = budget(settings, database, llm_turn_ceiling_usd=1.0)

    first = await turn.allow(3_000)
    await turn.settle(first, tokens_in=6_000, tokens_out=1)
    second = await turn.allow(3_000)

    assert first.tokens_in == 1_001
    assert second.tokens_in == 6_001


async def test_free_models_have_no_ceiling_in_money(settings: Settings, database: Database) -> None:
    turn = budget(settings, database, llm_price_input=0.0, llm_price_output=0.0, llm_day_ceiling_usd=0.0)

    assert (await turn.allow(30_000)).usd == 0


async def test_the_tokens_of_a_turn_end(settings: Settings, database: Database) -> None:
    turn = budget(settings, database, BrainUse(tokens_in=59_000), llm_turn_ceiling_usd=9.0)

    with pytest.raises(GivenUp, match="tokens"):
        await turn.allow(3_000)
    assert await spent(database) == 0


async def test_the_day_ceiling_is_held_by_many_at_once(settings: Settings, database: Database) -> None:
    async def one() -> bool:
        async with database.transaction() as tx:
            return await reports.reserve_spending(tx, DAY, 0.3, ceiling=1.0)

    admitted = await asyncio.gather(*(one() for _ in range(12)))

    assert sum(admitted) == 3
    async with database.transaction() as tx:
        assert await reports.get_spending(tx, DAY) == pytest.approx(0.9)


async def test_a_correction_never_makes_a_day_negative(database: Database) -> None:
    async with database.transaction() as tx:
        assert await reports.reserve_spending(tx, DAY, 0.3, ceiling=1.0)
        await reports.settle_spending(tx, DAY, -5)
        assert await reports.get_spending(tx, DAY) == 0
