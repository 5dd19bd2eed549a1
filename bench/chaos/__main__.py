"""Faults under load, and a ledger of what became of every message.

    .venv/bin/python -m bench.chaos [--short] [--messages N] [--rate R] [--seed S] [--only NAME ...] [--json]

Ends with 1 when a message was lost or doubled, when a reply left after a takeover, or when something never settled.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
import time
from dataclasses import asdict
from typing import Final

from rich.console import Console
from rich.table import Table

from bench.chaos.ledger import Line
from bench.chaos.run import Plan, Result, run

COLUMNS: Final = ("in", "out", "replied", "escalated", "quiet", "failed", "unknown", "lost", "doubled")
MOST_WRONG: Final = 20
BOUND: Final = 30.0  # seconds for a recovery


def main() -> int:
    plan, as_json = _arguments()
    began = time.monotonic()

    def tell(words: str) -> None:
        sys.stderr.write(f"{time.monotonic() - began:7.1f} s  {words}\n")
        sys.stderr.flush()

    result = asyncio.run(run(plan, tell))
    if as_json:
        print(json.dumps(as_object(result), indent=2))
    else:
        show(result)
    return 0 if result.is_good else 1


def _arguments() -> tuple[Plan, bool]:
    parser = argparse.ArgumentParser(prog="python -m bench.chaos", description=__doc__)
    parser.add_argument("--short", action="store_true", help="the most important faults, in less than a minute")
    parser.add_argument("--messages", type=int, help="messages written in all (4,000; 140 with --short)")
    parser.add_argument("--rate", type=float, help="messages a second (12; 6 with --short)")
    parser.add_argument("--seed", type=int, default=1, help="the order of the faults and everything random (1)")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", nargs="+", default=[], help="faults whose names hold one of these words")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    plan = Plan(
        messages=given.messages or (140 if given.short else 4_000),
        rate=given.rate or (6.0 if given.short else 12.0),
        seed=given.seed,
        workers=given.workers,
        is_short=given.short,
        only=tuple(given.only),
    )
    return plan, given.json


def machine() -> str:
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"


def show(result: Result) -> None:
    console, ledger = Console(width=150), result.ledger
    table = Table(title=f"{result.plan.messages} messages, seed {result.plan.seed}, {machine()}")
    table.add_column("")
    for name in (*COLUMNS, "95 % in", "back in"):
        table.add_column(name, justify="right")
    for name, line in ledger.channels.items():
        table.add_row(name, *_cells(line), "", "")
    table.add_section()
    for name, line in ledger.faults.items():
        wait, back = result.waits.get(name), result.recovered.get(name)
        table.add_row(name, *_cells(line), _seconds(wait), _seconds(back))
    table.add_section()
    table.add_row("all", *_cells(ledger.total), "", "")
    console.print(table)
    for words in _remarks(result):
        console.print(words, highlight=False)


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} s"


def _cells(line: Line) -> list[str]:
    counts = (line.came_in, line.went_out, line.replied, line.escalated, line.quiet)
    return [str(count) for count in (*counts, line.failed, line.unknown, line.lost, line.doubled)]


def _remarks(result: Result) -> list[str]:
    ledger = result.ledger
    words = [
        f"{result.seconds:.0f} s; killed or crashed: {', '.join(f'{n} {c}' for n, c in result.deaths.items())}; "
        f"migrations killed: {result.migration_crashes}",
        f"notices to owners: {ledger.notices}, doubled {ledger.notices_doubled}; "
        f"messages at providers without a record: {ledger.strangers}; never accepted: {ledger.refused}; "
        f"replies after a takeover: {len(result.spoke)}; never settled: {result.unsettled}",
        f"poison sown: {result.poisons}, dead letters: {result.buried}; '95 % in' is from the yes to the decision, "
        "'back in' from the fault's end to 95 % of the rate",
    ]
    if result.drains:
        words.append(f"drained within {max(result.drains):.1f} s")
    words += [f"left out: {name} ({why})" for name, why in result.skipped.items()]
    words += result.spoke[:MOST_WRONG] + ledger.wrong[:MOST_WRONG]
    words.append("0 lost, 0 doubled" if result.is_good else "NOT CLEAN")
    return words


def as_object(result: Result) -> dict[str, object]:
    ledger = result.ledger
    return {
        "messages": result.plan.messages,
        "rate": result.plan.rate,
        "seed": result.plan.seed,
        "machine": machine(),
        "seconds": round(result.seconds),
        "total": asdict(ledger.total),
        "channels": {name: asdict(line) for name, line in ledger.channels.items()},
        "faults": {name: asdict(line) for name, line in ledger.faults.items()},
        "recovered": result.recovered,
        "waits_p95": result.waits,
        "poisons": result.poisons,
        "dead_letters": result.buried,
        "skipped": result.skipped,
        "deaths": result.deaths,
        "drains": result.drains,
        "migration_crashes": result.migration_crashes,
        "notices": ledger.notices,
        "notices_doubled": ledger.notices_doubled,
        "strangers": ledger.strangers,
        "never_accepted": ledger.refused,
        "after_takeover": result.spoke,
        "unsettled": result.unsettled,
        "wrong": ledger.wrong,
        "good": result.is_good,
    }


if __name__ == "__main__":
    raise SystemExit(main())
