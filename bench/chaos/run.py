"""One run: the plan of faults by its seed, load all the while, then quiet, then the ledger."""

from __future__ import annotations

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import psycopg

from bench.chaos.faults import ALL, SHORT, Fault
from bench.chaos.ledger import Books, Ledger, key_of, read_books, reconcile, spoke_after_takeover
from bench.chaos.load import MIX, Sent
from bench.chaos.recovery import Phase, recovery_seconds
from bench.chaos.world import World, running_world

ACTIVE: Final = 0.45  # of a phase its fault is at work, the rest is for recovery
LONGEST: Final = 20.0
WAITING: Final = """
    select (select count(*) from message_queue), (select count(*) from inbound where outcome = 'received')
"""

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    messages: int
    rate: float
    seed: int
    workers: int = 2
    is_short: bool = False
    only: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        return self.messages / self.rate

    @property
    def patience(self) -> float:
        """For everything that is still under way when the load has ended."""
        return 45.0 if self.is_short else 240.0


@dataclass(frozen=True, slots=True)
class Result:
    plan: Plan
    ledger: Ledger
    phases: list[Phase]
    recovered: dict[str, float | None]
    waits: dict[str, float]  # 95 % of a fault's messages were decided on within so many seconds
    poisons: int
    buried: int
    skipped: dict[str, str]
    spoke: list[str]
    deaths: dict[str, int]
    drains: list[float]
    migration_crashes: int
    unsettled: int
    seconds: float

    @property
    def is_good(self) -> bool:
        return self.ledger.is_clean and not self.spoke and not self.unsettled and self.buried == self.poisons


async def run(plan: Plan, tell: Tell) -> Result:
    began = time.monotonic()
    has_model = not plan.is_short and (not plan.only or any("model" in name or name[:2] == "c3" for name in plan.only))
    async with running_world(plan.seed, workers=plan.workers, has_model=has_model, is_short=plan.is_short) as world:
        tell(f"the desk runs on {world.fleet.address}; its log: {world.log}")
        faults, skipped = choose(plan, has_disk=world.database.is_mounted, has_model=has_model)
        for name, why in skipped.items():
            tell(f"left out: {name} ({why})")
        load = asyncio.create_task(world.load.run(plan.rate, plan.messages, _counting(plan, tell)))
        phases = await _play(world, faults, plan, tell)
        await load
        unsettled = await _wait_for_quiet(world, plan.patience, tell)
        books = await asyncio.to_thread(_books, world)
        ledger = reconcile(world.load.sent, books)
        _show_log(world, tell)
        return Result(
            plan=plan,
            ledger=ledger,
            phases=phases,
            recovered=_recoveries(phases, books, plan.rate),
            waits=waits(world.load.sent, books),
            poisons=world.poisons,
            buried=await asyncio.to_thread(_buried, world),
            skipped=skipped,
            spoke=spoke_after_takeover(books, world.taken_over),
            deaths={child.name: child.deaths for child in world.fleet.children},
            drains=world.drains,
            migration_crashes=world.migration_crashes,
            unsettled=unsettled,
            seconds=time.monotonic() - began,
        )


def choose(plan: Plan, *, has_disk: bool, has_model: bool) -> tuple[list[Fault], dict[str, str]]:
    """The faults in the order of the seed, calm first, and why others are left out."""
    wanted = [fault for fault in ALL if not plan.only or any(part in fault.name for part in plan.only)]
    if plan.is_short and not plan.only:
        wanted = [fault for fault in ALL if fault.name in SHORT]
    offered = {"": True, "disk": has_disk, "model": has_model}
    reasons = {"disk": "no small file system can be mounted here", "model": "this run has no model"}
    skipped = {fault.name: reasons[fault.needs] for fault in wanted if not offered[fault.needs]}
    faults = [fault for fault in wanted if fault.name not in skipped]
    calm = [fault for fault in faults if fault.name == "calm"]
    others = [fault for fault in faults if fault.name != "calm"]
    random.Random(plan.seed).shuffle(others)
    return calm + others, skipped


async def _play(world: World, faults: Sequence[Fault], plan: Plan, tell: Tell) -> list[Phase]:
    """The load's time is divided evenly; a fault that takes longer shortens nobody's but its own recovery."""
    phases: list[Phase] = []
    began = time.monotonic()
    length = plan.seconds / len(faults)
    for number, fault in enumerate(faults):
        over = began + (number + 1) * length
        world.load.fault = fault.name
        start = time.time()
        tell(f"{number + 1}/{len(faults)} {fault.name}")
        await fault.act(world, min(LONGEST, ACTIVE * length))
        ended = time.time()
        if await world.database.bring_back():
            tell("the database had ended and was started again")
        await asyncio.sleep(max(0.0, over - time.monotonic()))
        phases.append(Phase(fault.name, start, ended, time.time()))
    return phases


def _counting(plan: Plan, tell: Tell) -> Callable[[int], None]:
    step = max(1, plan.messages // 10 // len(MIX)) * len(MIX)

    def on_sent(count: int) -> None:
        if count % step == 0:
            tell(f"{count} of {plan.messages} messages written")

    return on_sent


async def _wait_for_quiet(world: World, patience: float, tell: Tell) -> int:
    """Until nothing is queued any more; returns what still is when the patience has ended."""
    tell("waiting until everything is settled")
    until = time.monotonic() + patience
    waiting = -1
    quiet = 0
    while time.monotonic() < until and quiet < 2:
        with suppress(psycopg.Error):
            found = await asyncio.to_thread(_waiting, world)
            if found != waiting:
                tell(f"{found} still under way")
            waiting = found
            quiet = quiet + 1 if waiting == 0 else 0
        await asyncio.sleep(1.0)
    return waiting


def _waiting(world: World) -> int:
    with world.database.connect() as connection:
        queued, unfiled = connection.execute(WAITING).fetchone() or (0, 0)
        return max(queued, unfiled, _unread(world, connection))


def _unread(world: World, connection: psycopg.Connection) -> int:
    """Mail that lies in the mailbox and has no inbound row yet."""
    written = sum(message.channel == "email" for message in world.load.sent)
    found = connection.execute("select count(*) from inbound where channel = 'email'").fetchone()
    return written - (found[0] if found else 0)


def _books(world: World) -> Books:
    with world.database.connect() as connection:
        return read_books(connection, world.taken)


def _recoveries(phases: Sequence[Phase], books: Books, rate: float) -> dict[str, float | None]:
    done = sorted(row.decided_at.timestamp() for row in books.rows if row.decided_at is not None)
    return {phase.fault: recovery_seconds(phase, done, rate) for phase in phases}


def waits(sent: Sequence[Sent], books: Books) -> dict[str, float]:
    """From the yes to the decision, by fault."""
    decided = {key_of(row): row.decided_at.timestamp() for row in books.rows if row.decided_at is not None}
    found: defaultdict[str, list[float]] = defaultdict(list)
    for message in sent:
        at = decided.get((message.channel, message.key))
        if at is not None and message.accepted_at is not None:
            found[message.fault].append(at - message.accepted_at)
    return {fault: sorted(times)[int(len(times) * 0.95)] for fault, times in found.items()}


def _buried(world: World) -> int:
    with world.database.connect() as connection:
        found = connection.execute("select count(*) from dead_letters").fetchone()
        return found[0] if found else 0


def _show_log(world: World, tell: Tell) -> None:
    """The last words of a kind, once each: what went wrong in the processes, beside what was meant to."""
    kinds: dict[str, int] = {}
    for line in world.log.read_text("utf-8", "replace").splitlines():
        if "error" in line.lower() or "Traceback" in line:
            kind = " ".join(line.split()[1:4])
            kinds[kind] = kinds.get(kind, 0) + 1
    for kind, count in sorted(kinds.items(), key=lambda item: -item[1])[:12]:
        tell(f"log: {count} x {kind}")
