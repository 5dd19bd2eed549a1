"""Evaluation without a database: triage and policy alone, as fast as they are."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from deskhand.agent import policy
from deskhand.agent.triage import TriageEngine, TriageInput
from deskhand.company_folder import Company
from deskhand.evals.grading import Grading, grade
from deskhand.evals.results import Result, from_triage
from deskhand.evals.tickets import Ticket


def _no_progress(_: Result) -> None: ...


async def score_triage(
    company: Company,
    triage: TriageEngine,
    tickets: Sequence[Ticket],
    *,
    on_result: Callable[[Result], None] = _no_progress,
) -> Grading:
    """Grade what the policy makes of each ticket's triage. Nothing is stored, searched or composed."""
    await triage.load()
    results: list[Result] = []
    for ticket in tickets:
        began = time.perf_counter()
        found = await triage.read(
            TriageInput(subject=ticket.subject, body=ticket.message, channel=ticket.channel, plan=ticket.plan)
        )
        verdict = policy.decide(found)
        result = from_triage(ticket.id, found, verdict, ms=(time.perf_counter() - began) * 1000)
        results.append(result)
        on_result(result)
    return grade(company, tickets, results)
