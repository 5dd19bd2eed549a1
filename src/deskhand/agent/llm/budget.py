"""What a turn may spend on a language model: tokens, money of the turn and of the day, and time."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import date

from deskhand import reports
from deskhand.agent.decision import BrainUse
from deskhand.clock import Clock
from deskhand.db import Database
from deskhand.settings import Settings

LEAST_ANSWER = 200  # tokens below which an answer can't hold a tool call
TOKENS_A_BYTE = 1 / 3  # on the high side for every language; a provider that counts more corrects it


class GivenUp(Exception):
    """The model's turn is over without an ending; the words say why, for the decision record."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one request may cost at the most; set aside for the day that is named."""

    prompt_bytes: int
    tokens_in: int
    tokens_out: int
    usd: float
    day: date


class TurnBudget:
    """Guards one turn. Every request is allowed for first and settled afterwards."""

    def __init__(self, settings: Settings, db: Database, clock: Clock, use: BrainUse) -> None:
        self._settings = settings
        self._db = db
        self._clock = clock
        self._use = use
        self._tokens_a_byte = TOKENS_A_BYTE
        self._ends_at = time.monotonic() + settings.llm_timeout.total_seconds()

    @property
    def seconds_left(self) -> float:
        return max(0.0, self._ends_at - time.monotonic())

    async def allow(self, prompt_bytes: int) -> Allowance:
        """Set aside the most that a request with a prompt of this size can cost.

        Raises:
            GivenUp: a ceiling would be passed; nothing was set aside.
        """
        settings, use = self._settings, self._use
        tokens_in = int(prompt_bytes * self._tokens_a_byte) + 1
        tokens_left = settings.llm_max_tokens - use.tokens_in - use.tokens_out - tokens_in
        tokens_out = min(settings.llm_max_output_tokens, tokens_left)
        if tokens_out < LEAST_ANSWER:
            raise GivenUp("the turn's tokens are used up")
        money_left = settings.llm_turn_ceiling_usd - use.cost_usd - self._price(tokens_in, 0)
        if settings.llm_price_output > 0:
            tokens_out = min(tokens_out, int(money_left / settings.llm_price_output * 1_000_000))
        if money_left < 0 or tokens_out < LEAST_ANSWER:
            raise GivenUp("the turn's money is used up")
        usd, day = self._price(tokens_in, tokens_out), self._clock.now().date()
        allowance = Allowance(prompt_bytes, tokens_in, tokens_out, usd, day)
        async with self._db.transaction() as tx:
            set_aside = await reports.reserve_spending(
                tx, allowance.day, allowance.usd, ceiling=settings.llm_day_ceiling_usd
            )
        if not set_aside:
            raise GivenUp("the day's money is used up")
        return allowance

    async def settle(self, allowance: Allowance, *, tokens_in: int, tokens_out: int) -> None:
        """Count what the request used, and give the rest of what was set aside back to the day."""
        cost = self._price(tokens_in, tokens_out)
        self._tokens_a_byte = max(self._tokens_a_byte, tokens_in / allowance.prompt_bytes)
        self._use.requests += 1
        self._use.tokens_in += tokens_in
        self._use.tokens_out += tokens_out
        self._use.cost_usd += cost
        async with self._db.transaction() as tx:
            await reports.settle_spending(tx, allowance.day, cost - allowance.usd)

    async def settle_unanswered(self, allowance: Allowance, *, is_charged: bool) -> None:
        """Count a request without an answer: nothing for one that was refused, the most for one that was cut off."""
        if is_charged:
            await self.settle(allowance, tokens_in=allowance.tokens_in, tokens_out=allowance.tokens_out)
        else:
            await self.settle(allowance, tokens_in=0, tokens_out=0)

    def _price(self, tokens_in: int, tokens_out: int) -> float:
        settings = self._settings
        return (tokens_in * settings.llm_price_input + tokens_out * settings.llm_price_output) / 1_000_000
