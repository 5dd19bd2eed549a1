"""Writes docs/reference/evaluation.md: every method on every set, with n and interval, and how the failures spread.

    python -m bench.evaluation [--set FILE ...] [--skip-flow]

The sets of the repository are always measured; `--set` adds others, such as tickets that may not be copied into it.
About five minutes on two cores.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from bench.triage_methods import NAMES, Methods, as_result, learn, with_thresholds
from deskhand.agent.decision import Triage
from deskhand.company_folder import Company, load_company
from deskhand.evals.figures import Share
from deskhand.evals.grading import Grading, grade
from deskhand.evals.results import Result
from deskhand.evals.run import evaluation_desk, run_tickets
from deskhand.evals.tickets import TicketSet, read_tickets
from deskhand.settings import COMPANY_THAT_SHIPS, load_settings
from deskhand.worker import run_worker

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "reference" / "evaluation.md"
OWN = ("blind", "mixed-1", "styles", "languages", "rules-always", "rules-likely")
GRID = tuple(round(0.2 + 0.05 * step, 2) for step in range(11))
HEAD = "| method | right | 95 % interval | ALWAYS missed | escalation precision | escalation recall | owner |"
LINE = "| --- | --- | --- | --- | --- | --- | --- |"


@dataclass(frozen=True, slots=True)
class Measured:
    """One set with the grading of each method, of the live flow, and the triage that the shipped method read."""

    tickets: TicketSet
    methods: Mapping[str, Grading]
    flow: Grading | None
    read: Sequence[Triage]

    @property
    def name(self) -> str:
        return self.tickets.name.removesuffix(".jsonl")

    @property
    def best(self) -> Grading:
        return self.flow or self.methods[NAMES[-1]]


def percent(share: Share) -> str:
    return "–" if share.value is None else f"{100 * share.value:.1f} %"


def row(name: str, grading: Grading) -> str:
    low, high = grading.accuracy.interval
    cells = [
        f"{grading.accuracy.hits} of {grading.accuracy.n} ({percent(grading.accuracy)})",
        f"{100 * low:.1f}–{100 * high:.1f} %",
        f"{grading.always_missed.hits} of {grading.always_missed.n}",
        percent(grading.escalation_precision),
        percent(grading.escalation_recall),
        f"{grading.owner.hits} of {grading.owner.n}",
    ]
    return f"| {name} | {' | '.join(cells)} |"


async def measure(methods: Methods, sets: Sequence[TicketSet], *, flow: bool) -> list[Measured]:
    company = methods.company
    graded = {tickets.name: await methods.decide(tickets.tickets) for tickets in sets}
    flows = await _through_the_flow(sets) if flow else {}
    found: list[Measured] = []
    for tickets in sets:
        by_method = {name: grade(company, tickets.tickets, graded[tickets.name][name]) for name in NAMES}
        lived = flows.get(tickets.name)
        found.append(
            Measured(
                tickets,
                by_method,
                grade(company, tickets.tickets, lived) if lived else None,
                await methods.read(tickets.tickets),
            )
        )
    return found


async def _through_the_flow(sets: Sequence[TicketSet]) -> dict[str, list[Result]]:
    async with evaluation_desk(load_settings()) as desk:
        return {
            tickets.name: await run_tickets(desk, tickets.tickets, work=run_worker, on_result=lambda _: None)
            for tickets in sets
        }


def across(company: Company, tuned_on: Measured, measured_on: Measured) -> str:
    """Thresholds of the two tiers chosen on one set, measured on the other."""

    def graded(measured: Measured, thresholds: tuple[float, float]) -> Grading:
        tickets = measured.tickets.tickets
        verdicts = [with_thresholds(triage, *thresholds) for triage in measured.read]
        return grade(company, tickets, [as_result(*pair) for pair in zip(tickets, verdicts, strict=True)])

    best = max(product(GRID, GRID), key=lambda pair: (graded(tuned_on, pair).accuracy.hits, -abs(pair[0] - 0.35)))
    name = f"chosen on {tuned_on.name} ({best[0]:.2f} / {best[1]:.2f}), measured on {measured_on.name}"
    return row(name, graded(measured_on, best))


def failures(measured: Measured) -> str:
    """How the failures are spread: what was due, and what was done."""
    kinds = Counter(
        f"{' + '.join(item.ticket.expect.rules) or item.ticket.expect.decision} → "
        f"{' + '.join(item.result.rules) or item.result.decision}"
        for item in measured.best.failures
    )
    told = ", ".join(f"{kind} ({count})" if count > 1 else kind for kind, count in kinds.most_common())
    ids = ", ".join(item.ticket.id for item in measured.best.failures)
    return f"- **{measured.name}**: {told or 'none'}." + (f" Tickets: {ids}." if ids else "")


def page(company: Company, found: Sequence[Measured], cost: Mapping[str, Any] | None, notes: str) -> str:
    parts = ["# Evaluation\n", notes]
    for measured in found:
        parts += [f"\n## {measured.name} (n = {len(measured.tickets.tickets)})\n", HEAD, LINE]
        parts += [row(name, grading) for name, grading in measured.methods.items()]
        if measured.flow is not None:
            parts.append(row("**live flow**", measured.flow))
    named = {measured.name: measured for measured in found}
    pair = [named[name] for name in ("eval-dev-119", "eval-62") if name in named]
    if len(pair) == 2:
        parts += [
            "\n## Thresholds chosen on one set, measured on the other\n",
            HEAD.replace("method", "ALWAYS / LIKELY"),
        ]
        parts += [LINE, across(company, pair[0], pair[1]), across(company, pair[1], pair[0])]
    parts += ["\n## Failures\n", "What was due → what was done.\n", *(failures(measured) for measured in found)]
    if cost is not None:
        parts += ["\n## What a message costs\n", _cost(cost)]
    return "\n".join(parts) + "\n"


def _cost(cost: Mapping[str, Any]) -> str:
    return (
        f"`python -m bench.message_cost` on {cost['n']} tickets, offline brain, {platform.machine()}, two shared "
        f"cores: a turn (triage, search, composing, gate) takes {cost['median_ms']} ms in the median and "
        f"{cost['p95_ms']} ms at p95; triage {cost['triage_median_ms']} ms, search {cost['search_median_ms']} ms; "
        f"{cost['cpu_ms']} ms of processor for everything around it, intake and delivery included. "
        f"Memory of the process: {cost['memory_mb']} MB."
    )


def cost_of_a_message() -> dict[str, Any]:
    """Measured in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.message_cost", "--json"], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return json.loads(done.stdout.strip().splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", type=Path, action="append", default=[], dest="sets")
    parser.add_argument("--skip-flow", action="store_true", help="triage alone: a third of the time")
    parser.add_argument("--page", type=Path, default=PAGE)
    given = parser.parse_args()
    company = load_company(COMPANY_THAT_SHIPS)
    rules = [rule.name for rule in company.escalation.rules]
    paths = [*given.sets, *(path for name in OWN if (path := ROOT / "evals" / f"{name}.jsonl").exists())]
    sets = [read_tickets(path, rules=rules) for path in paths]
    cost = None if given.skip_flow else cost_of_a_message()

    async def run() -> list[Measured]:
        return await measure(await learn(company), sets, flow=not given.skip_flow)

    found = asyncio.run(run())
    notes = (Path(__file__).parent / "evaluation-notes.md").read_text("utf-8")
    given.page.write_text(page(company, found, cost, notes), "utf-8")
    sys.stdout.write(f"wrote {given.page}\n")


if __name__ == "__main__":
    main()
