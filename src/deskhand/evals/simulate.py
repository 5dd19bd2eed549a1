"""Plays scenarios through the flow of live traffic, each several times with other wordings."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from deskhand import conversations, customers
from deskhand.clock import TravelClock
from deskhand.customers import IdentifierKind
from deskhand.desk import Desk
from deskhand.errors import DatabaseUnavailable
from deskhand.evals.expectations import Happened, problems
from deskhand.evals.run import Work, while_working, working
from deskhand.evals.scenarios import Scenario, Step
from deskhand.flows import intake
from deskhand.flows.outcome import Outcome, wait_for_outcome
from deskhand.ids import ConversationId

STEP_TIMEOUT_SECONDS = 60
HISTORY_PAGE = 100


@dataclass(frozen=True, slots=True)
class Failure:
    """The step at which a run went wrong, and the decision record of its message."""

    step: int
    said: str
    problems: tuple[str, ...]
    reference: str = ""
    decision: str = ""
    action: str = ""
    record: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Run:
    scenario: Scenario
    number: int
    failure: Failure | None

    @property
    def is_success(self) -> bool:
        return self.failure is None


@dataclass(slots=True)
class _Play:
    """One run under way: who writes, from where, and what has happened."""

    scenario: Scenario
    number: int
    seed: int
    channel: str
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)
    threads: dict[str, ConversationId] = field(default_factory=dict[str, ConversationId])
    reference: str | None = None

    @property
    def verified(self) -> bool:
        return self.channel != "web_form" if self.scenario.verified is None else self.scenario.verified

    @property
    def kind(self) -> IdentifierKind:
        return "whatsapp_id" if self.channel == "whatsapp" else "email"

    @property
    def sender(self) -> str:
        """The same person has one address for mail and form, and a number for WhatsApp."""
        return f"+999{int(self.mark, 16) % 10**12:012d}" if self.kind == "whatsapp_id" else f"{self.mark}@example.com"

    def wording(self, step: int, place: int, wordings: Sequence[str]) -> str:
        """Runs that follow each other take wordings that follow each other, in an order that the seed shuffles."""
        order = list(wordings)
        random.Random(f"{self.seed}/{self.scenario.name}/{step}/{place}").shuffle(order)  # noqa: S311  # no secret
        return order[self.number % len(order)]


async def play_scenarios(
    desk: Desk,
    scenarios: Sequence[Scenario],
    *,
    runs: int,
    seed: int,
    work: Work,
    on_run: Callable[[Run], None],
) -> list[Run]:
    """Every scenario `runs` times, one after the other, each with a customer of its own.

    Raises:
        WorkerEnded: there is nobody left who could handle a message.
    """
    clock = TravelClock()
    desk = replace(desk, clock=clock)
    done: list[Run] = []
    async with working(desk, work) as worker:
        for scenario in scenarios:
            for number in range(runs):
                play = _Play(scenario, number, seed, scenario.channel)
                run = Run(scenario, number, await while_working(worker, _run(desk, clock, play)))
                done.append(run)
                on_run(run)
    return done


async def _run(desk: Desk, clock: TravelClock, play: _Play) -> Failure | None:
    for number, step in enumerate(play.scenario.steps, start=1):
        said: list[str] = []
        try:
            failure = await _take_step(desk, clock, play, number, step, said)
        except DatabaseUnavailable:
            raise
        except Exception as error:  # whatever live traffic would stumble over fails this run and no other
            return Failure(number, " / ".join(said), (f"{type(error).__name__}: {error}",))
        if failure is not None:
            return failure
    return None


async def _take_step(
    desk: Desk, clock: TravelClock, play: _Play, number: int, step: Step, said: list[str]
) -> Failure | None:
    if step.waits is not None:
        clock.advance(step.waits)
        return None
    if step.operator is not None:
        await _operate(desk, play, takes_over=step.operator == "takes over")
        return None
    said += [play.wording(number, place, wordings) for place, wordings in enumerate(step.messages)]
    earlier = play.reference
    outcome = await _say(desk, play, step, said)
    happened = Happened(outcome, await _count_replies(desk, outcome), earlier)
    play.reference = outcome.ticket.reference
    found = problems(step.expect, happened)
    if not found:
        return None
    decision = outcome.decision
    return Failure(
        number,
        " / ".join(said),
        tuple(found),
        outcome.ticket.reference,
        decision.decision,
        decision.action,
        decision.record,
    )


async def _operate(desk: Desk, play: _Play, *, takes_over: bool) -> None:
    conversation_id = play.threads[play.channel]
    async with desk.db.transaction() as tx:
        await conversations.set_handler(tx, conversation_id, "operator" if takes_over else "agent")


async def _say(desk: Desk, play: _Play, step: Step, said: Sequence[str]) -> Outcome:
    """Send the step's messages without waiting in between; returns the last one's outcome."""
    play.channel = step.channel or play.channel
    if step.new_thread:
        play.threads.pop(play.channel, None)
    await _introduce(desk, play)
    accepted: list[UUID] = []
    for words in said:
        payload = _payload(play, step, words, desk.channels[play.channel].is_chat)
        accepted.append((await intake.accept(desk, play.channel, payload)).inbound_id)
    outcomes = [await wait_for_outcome(desk, key, timeout=STEP_TIMEOUT_SECONDS) for key in accepted]
    play.threads[play.channel] = outcomes[-1].decision.conversation_id
    return outcomes[-1]


async def _introduce(desk: Desk, play: _Play) -> None:
    """The plan is a fact of our records, so the customer is put there."""
    async with desk.db.transaction() as tx:
        customer = await customers.find_or_create(tx, play.kind, play.sender, name=play.scenario.customer)
        await customers.set_plan(tx, customer.id, play.scenario.plan)


def _payload(play: _Play, step: Step, words: str, is_chat: bool) -> dict[str, Any]:
    """A mail or form message answers the thread that it has; a chat knows no threads."""
    thread = None if is_chat else play.threads.get(play.channel)
    return {
        "provider_id": f"simulation-{uuid.uuid4()}",
        "sender": play.sender,
        "name": play.scenario.customer,
        "subject": step.subject,
        "body": words,
        "verified": play.verified,
        "thread": str(thread) if thread is not None else None,
    }


async def _count_replies(desk: Desk, outcome: Outcome) -> int:
    async with desk.db.transaction() as tx:
        page = await conversations.page_of_messages(tx, outcome.decision.conversation_id, limit=HISTORY_PAGE)
    return sum(1 for message in page.messages if message.kind == "outbound" and message.author == "agent")
