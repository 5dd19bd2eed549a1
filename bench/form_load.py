"""Form submissions at a steady rate against the running desk: each with exactly one outcome, and how long it took.

    .venv/bin/python -m bench.form_load [--count 200] [--rate 20] [--json]

Starts the whole product on a data folder of its own, posts to the real form endpoint, waits until each accepted form
has its outcome and counts the replies to each. Times run from the moment a form was accepted to the moment its reply
was delivered.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import statistics
import tempfile
import time
import uuid
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import httpx

from deskhand import conversations, inbound
from deskhand.cli.processes import Processes
from deskhand.composition import open_desk
from deskhand.desk import Desk
from deskhand.flows.outcome import Outcome, find_outcome
from deskhand.settings import load_settings

WAIT_SECONDS = 120.0

QUESTIONS = (
    "How can I bring a new colleague into our workspace?",
    "Where do I find last month's invoice as a PDF?",
    "I can't remember my password, what now?",
    "Which keyboard shortcut opens a new task?",
    "Does the mobile app work without a connection?",
    "We were billed two times in March, please send one payment back.",
    "Someone from an unknown place has signed in to my account.",
    "Could a person from your team phone me, please?",
    "All comments that we wrote yesterday have disappeared.",
    "How do I set a task so that it comes back every week?",
)


@dataclass(frozen=True, slots=True)
class Ledger:
    """Every accepted form against its outcome; times in seconds from accepted to replied."""

    sent: int
    accepted: int
    actions: dict[str, int]
    lost: int
    doubled: int
    p50: float
    p95: float
    longest: float


async def post_all(address: str, count: int, rate: float) -> list[str]:
    """Post `count` forms, one each 1/`rate` seconds, and return the references of the accepted ones."""
    run = uuid.uuid4().hex[:8]
    started = time.perf_counter()
    async with httpx.AsyncClient(base_url=address, timeout=30) as client:

        async def post(number: int) -> str | None:
            await asyncio.sleep(max(0.0, started + number / rate - time.perf_counter()))
            body = {
                "name": f"Customer {number}",
                "email": f"load-{run}-{number}@example.com",
                "subject": "",
                "message": QUESTIONS[number % len(QUESTIONS)],
            }
            answer = await client.post("/support/submit", json=body)
            return str(answer.json()["reference"]) if answer.status_code == 202 else None

        return [reference for reference in await asyncio.gather(*map(post, range(count))) if reference]


async def outcomes_of(desk: Desk, references: list[str]) -> dict[str, Outcome]:
    """Wait until every form is settled, or the time is up, and return what there is."""
    found: dict[str, Outcome] = {}
    deadline = time.perf_counter() + WAIT_SECONDS
    while len(found) < len(references) and time.perf_counter() < deadline:
        async with desk.db.transaction() as tx:
            for reference in references:
                if reference in found:
                    continue
                row = await inbound.find_by_reference(tx, reference)
                outcome = await find_outcome(tx, row.id) if row is not None else None
                if outcome is not None and outcome.is_settled:
                    found[reference] = outcome
        await asyncio.sleep(0.5)
    return found


async def measure(count: int, rate: float) -> Ledger:
    with tempfile.TemporaryDirectory(prefix="deskhand-load-") as folder:
        Path(folder).chmod(0o711)
        settings = load_settings(data_dir=Path(folder) / "data", port=0)
        async with (
            Processes.running(settings, announce=lambda _: None) as processes,
            open_desk(settings, processes.conninfo) as desk,
        ):
            references = await post_all(processes.address, count, rate)
            outcomes = await outcomes_of(desk, references)
            return await _reconcile(desk, count, references, outcomes)


async def _reconcile(desk: Desk, count: int, references: list[str], outcomes: dict[str, Outcome]) -> Ledger:
    seconds: list[float] = []
    extra_replies = 0
    async with desk.db.transaction() as tx:
        for reference, outcome in outcomes.items():
            row = await inbound.find_by_reference(tx, reference)
            if row is not None and outcome.delivery is not None:
                seconds.append((outcome.delivery.updated_at - row.received_at).total_seconds())
            page = await conversations.page_of_messages(tx, outcome.decision.conversation_id)
            extra_replies += max(0, sum(1 for message in page.messages if message.kind == "outbound") - 1)
    ordered = sorted(seconds)
    return Ledger(
        sent=count,
        accepted=len(references),
        actions=dict(Counter(outcome.decision.action for outcome in outcomes.values())),
        lost=len(references) - len(outcomes),
        doubled=extra_replies,
        p50=statistics.median(ordered),
        p95=ordered[int(len(ordered) * 0.95) - 1],
        longest=ordered[-1],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--rate", type=float, default=20.0, help="forms a second")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    ledger = asyncio.run(measure(given.count, given.rate))
    if given.json:
        print(json.dumps({name: getattr(ledger, name) for name in Ledger.__slots__}))
        return
    print(f"{ledger.sent} forms at {given.rate:g} a second on {platform.machine()}, Python {platform.python_version()}")
    print(f"accepted {ledger.accepted}, lost {ledger.lost}, doubled {ledger.doubled}: {ledger.actions}")
    print(f"accepted to replied: p50 {ledger.p50:.3f} s, p95 {ledger.p95:.3f} s, longest {ledger.longest:.3f} s")


if __name__ == "__main__":
    main()
