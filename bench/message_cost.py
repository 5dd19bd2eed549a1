"""What one message costs: milliseconds by step and memory, offline, through the flow of live traffic.

    python -m bench.message_cost [--json] [SET]

Runs in a process of its own, so that the memory is that of a worker: both models, the database's pool, one company.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from deskhand.desk import Desk
from deskhand.evals.figures import percentile
from deskhand.evals.results import Result
from deskhand.evals.run import evaluation_desk, run_tickets
from deskhand.evals.tickets import read_tickets
from deskhand.settings import load_settings
from deskhand.worker import run_worker

STEPS = "select (record -> 'ms') from decisions"
DEFAULT = Path("evals/mixed-1.jsonl")


@dataclass(frozen=True, slots=True)
class Cost:
    """Milliseconds of the turn (triage, search, composing, gate) and megabytes of the process."""

    n: int
    median_ms: float
    p95_ms: float
    triage_median_ms: float
    search_median_ms: float
    cpu_ms: float
    memory_mb: int


def memory_mb() -> int:
    """Proportional set size: memory shared with other processes counts by its share. Linux only."""
    for line in Path("/proc/self/smaps_rollup").read_text("utf-8").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) // 1024
    raise RuntimeError("the kernel tells no Pss")


async def measure(path: Path) -> Cost:
    settings = load_settings()
    async with evaluation_desk(settings) as desk:
        tickets = read_tickets(path, rules=[rule.name for rule in desk.company.escalation.rules]).tickets
        began = time.process_time()
        await run_tickets(desk, tickets, work=run_worker, on_result=_ignore)
        spent = time.process_time() - began
        steps = await _steps(desk)
        turns = [step["turn"] for step in steps]
        return Cost(
            n=len(turns),
            median_ms=round(percentile(turns, 0.5) or 0, 1),
            p95_ms=round(percentile(turns, 0.95) or 0, 1),
            triage_median_ms=round(percentile([step["triage"] for step in steps], 0.5) or 0, 1),
            search_median_ms=round(
                percentile([step["search_knowledge_base"] for step in steps if "search_knowledge_base" in step], 0.5)
                or 0,
                1,
            ),
            cpu_ms=round(1000 * spent / max(1, len(turns)), 1),
            memory_mb=memory_mb(),
        )


def _ignore(_: Result) -> None: ...


async def _steps(desk: Desk) -> list[dict[str, float]]:
    async with desk.db.transaction() as tx:
        cursor = await tx.execute(STEPS)
        return [row[0] for row in await cursor.fetchall()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("set", type=Path, nargs="?", default=DEFAULT)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    cost = asyncio.run(measure(given.set))
    if given.json:
        sys.stdout.write(json.dumps(asdict(cost)) + "\n")
        return
    for name, value in asdict(cost).items():
        sys.stdout.write(f"{name:18} {value}\n")


if __name__ == "__main__":
    main()
