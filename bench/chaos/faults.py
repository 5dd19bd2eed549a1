"""The faults: each is a coroutine that does its harm for so many seconds and has put everything right at its end."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

from bench.chaos.database import How
from bench.chaos.isolation import flood_and_poison
from bench.chaos.processes import Child
from bench.chaos.proxy import Mood, Proxy
from bench.chaos.takeover import take_over
from bench.chaos.world import World
from deskhand.crash import Point
from tests.standins.google import Failure
from tests.standins.language_model_steps import Failure as ModelFailure
from tests.standins.language_model_steps import Garbage, Hang, Step
from tests.standins.twilio import Fault as TwilioMood

Act = Callable[[World, float], Awaitable[None]]
SKEWED: Final = ("bench.chaos.skewed_worker",)


@dataclass(frozen=True, slots=True)
class Fault:
    """`needs` is what a machine or a run must offer for it: nothing, a mounted disk, or the model."""

    name: str
    act: Act
    needs: str = ""
    is_recovery: bool = False  # one of the five scenarios in which the rate must be back within 30 s


async def calm(world: World, seconds: float) -> None:
    await asyncio.sleep(seconds)


async def crash_at(point: Point, world: World, seconds: float) -> None:
    """The first worker dies whenever it has come to this point some times."""
    await _crash(world, world.fleet.workers[0], point, seconds)


async def crash_web(world: World, seconds: float) -> None:
    await _crash(world, world.fleet.web, "after_intake_commit", seconds)


async def _crash(world: World, child: Child, point: Point, seconds: float) -> None:
    child.crash_at(f"{point}:{world.rng.randint(1, 6)}")
    world.fleet.kill(child)
    await asyncio.sleep(seconds)
    child.crash_at("")
    world.fleet.kill(child)


async def kill_in_model_call(world: World, seconds: float) -> None:
    """The worker dies while the model is being asked."""
    await _repeat(world, seconds, lambda kill: setattr(world.model, "on_next", kill))


async def kill_before_the_answer(world: World, seconds: float) -> None:
    """Every worker dies when a provider has taken a message and has not answered."""
    await _repeat(world, seconds, world.on_next_send)


async def _repeat(world: World, seconds: float, arm: Callable[[Callable[[], None]], None]) -> None:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        arm(partial(world.fleet.kill, *world.fleet.workers))
        await asyncio.sleep(min(left, 4.0))
    world.model.on_next = world.twilio.taken.on_next = world.google.taken.on_next = None


async def kill_worker(world: World, seconds: float) -> None:
    """One, once."""
    world.fleet.kill(world.rng.choice(world.fleet.workers))
    await asyncio.sleep(seconds)


async def kill_workers_again_and_again(world: World, seconds: float) -> None:
    await _every(world, seconds, 4.0, lambda: world.fleet.kill(*world.fleet.workers))


async def kill_web(world: World, seconds: float) -> None:
    await _every(world, seconds, 5.0, lambda: world.fleet.kill(world.fleet.web))


async def kill_backends(world: World, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        await world.database.terminate_backends()
        await asyncio.sleep(2.0)


async def _every(world: World, seconds: float, pause: float, act: Callable[[], None]) -> None:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        act()
        await asyncio.sleep(min(left, pause * world.rng.uniform(0.8, 1.2)))


async def stall_worker(world: World, seconds: float) -> None:
    """A worker sleeps past its leases, another takes its work over, then it wakes and goes on."""
    child = world.fleet.workers[0]
    child.send(signal.SIGSTOP)
    await asyncio.sleep(max(seconds, 13.0))
    child.send(signal.SIGCONT)


async def restart_postgres(how: How, world: World, seconds: float) -> None:
    await world.database.restart(how, away=min(2.0, seconds / 4))


async def exhaust_pool(world: World, seconds: float) -> None:
    """The desk's connections end, and the server has none left to give."""
    taking = asyncio.create_task(world.database.exhaust(seconds))
    await asyncio.sleep(0.2)
    await world.database.terminate_backends() if not taking.done() else None
    await taking


async def fill_disk(world: World, seconds: float) -> None:
    world.database.fill_disk()
    try:
        await asyncio.sleep(seconds)
    finally:
        world.database.empty_disk()
    await asyncio.sleep(0.5)
    await world.database.bring_back()


async def cut_network(world: World, seconds: float) -> None:
    """The second worker loses the database, and both lose the providers, again and again."""

    def cut() -> None:
        for proxy in (world.database_proxy, world.twilio_proxy, world.google_proxy):
            proxy.cut()

    await _every(world, seconds, 1.5, cut)


async def bad_network(mood: Mood, world: World, seconds: float) -> None:
    async with _moods(world.database_proxy, world.twilio_proxy, world.google_proxy, mood=mood):
        await asyncio.sleep(seconds)


async def slow_network(world: World, seconds: float) -> None:
    proxies = (world.database_proxy, world.twilio_proxy, world.google_proxy)
    for proxy in proxies:
        proxy.delay = 0.05
    try:
        await asyncio.sleep(seconds)
    finally:
        for proxy in proxies:
            proxy.delay = 0.0


@asynccontextmanager
async def _moods(*proxies: Proxy, mood: Mood) -> AsyncGenerator[None]:
    for proxy in proxies:
        proxy.mood = mood
    try:
        yield
    finally:
        for proxy in proxies:
            proxy.mood = "passes"
            proxy.cut()


async def skew_clock(world: World, seconds: float) -> None:
    """The first worker's clock goes two hours ahead, then behind; it dies now and then, and the other takes over."""
    child = world.fleet.workers[0]
    command = child.command
    child.crash_at("after_send:3")
    try:
        for hours in ("2", "-2"):
            child.command = [command[0], "-m", *SKEWED, hours]
            world.fleet.kill(child)
            await asyncio.sleep(max(seconds / 2, 5.0))
    finally:
        child.command = command
        child.crash_at("")
        world.fleet.kill(child)


async def bad_providers(twilio: TwilioMood, google: Failure, world: World, seconds: float) -> None:
    world.twilio.mood, world.google.mood = twilio, google
    try:
        await asyncio.sleep(seconds)
    finally:
        world.twilio.mood = world.google.mood = None
        world.twilio.faults.clear()


async def bad_model(step: Step, world: World, seconds: float) -> None:
    world.model.mood = step
    try:
        await asyncio.sleep(seconds)
    finally:
        world.model.mood = None


async def no_money(world: World, seconds: float) -> None:
    """The day's ceiling is reached: the model is not asked any more, and the desk goes on."""
    child = world.fleet.workers[-1]
    child.extra["DESKHAND_LLM_DAY_CEILING_USD"] = "0"
    world.fleet.kill(child)
    try:
        await asyncio.sleep(max(seconds, 4.0))
    finally:
        child.extra.pop("DESKHAND_LLM_DAY_CEILING_USD")
        world.fleet.kill(child)


async def rolling_restart(world: World, seconds: float) -> None:
    """SIGTERM to one after the other, as a deployment does."""
    pause = seconds / (len(world.fleet.children) + 1)
    for child in [*world.fleet.workers, world.fleet.web]:
        world.drains.append(await child.drain())
        await asyncio.sleep(pause)


def hung(status: int | None = None) -> Failure:
    return Failure(status, hangs=status is None, after=True)


ALL: Final = (
    Fault("calm", calm),
    Fault("c1 web dies after the commit", crash_web),
    Fault("c2 dies after the claim", partial(crash_at, "after_claim")),
    Fault("c3 dies in a model call", kill_in_model_call, "model"),
    Fault("c4 dies before the turn's commit", partial(crash_at, "before_turn_commit")),
    Fault("c5 dies after the turn's commit", partial(crash_at, "after_turn_commit")),
    Fault("c6 dies before the bytes", partial(crash_at, "before_send")),
    Fault("c7 dies before the answer", kill_before_the_answer),
    Fault("c8 dies after the answer", partial(crash_at, "after_send")),
    Fault("c9 dies after the receipt", partial(crash_at, "after_sent_commit")),
    Fault("c10 dies in a mailbox page", partial(crash_at, "in_mailbox_page")),
    Fault("c12 stalls past its lease", stall_worker),
    Fault("worker killed", kill_worker, is_recovery=True),
    Fault("workers killed repeatedly", kill_workers_again_and_again, is_recovery=True),
    Fault("web killed", kill_web),
    Fault("postgres restart, fast", partial(restart_postgres, "fast"), is_recovery=True),
    Fault("postgres restart, immediate", partial(restart_postgres, "immediate"), is_recovery=True),
    Fault("postgres kill -9", partial(restart_postgres, "kill"), is_recovery=True),
    Fault("backends terminated", kill_backends, is_recovery=True),
    Fault("pool exhausted", exhaust_pool, is_recovery=True),
    Fault("disk full", fill_disk, "disk"),
    Fault("network cut", cut_network),
    Fault("network swallows", partial(bad_network, "swallows")),
    Fault("answers dropped", partial(bad_network, "drops-answers")),
    Fault("network slow", slow_network),
    Fault("clock +2 h, -2 h", skew_clock),
    Fault("providers time out after accepting", partial(bad_providers, "hangs-after-accepting", hung())),
    Fault("providers answer 429", partial(bad_providers, "rate-limited", Failure(429, "rateLimitExceeded"))),
    Fault("providers answer 5xx", partial(bad_providers, "failing", Failure(503, "backendError"))),
    Fault("providers answer garbage", partial(bad_providers, "garbage", Failure(200, body=b"<html>", after=True))),
    Fault("model times out", partial(bad_model, Hang()), "model"),
    Fault("model answers 429", partial(bad_model, ModelFailure(429, 1)), "model"),
    Fault("model answers garbage", partial(bad_model, Garbage(b"<html>502 Bad Gateway</html>")), "model"),
    Fault("no money for the model", no_money, "model"),
    Fault("operators take over", take_over),
    Fault("rolling restart", rolling_restart),
    Fault("a flood, and poison", flood_and_poison),
)  # fmt: skip
SHORT: Final = (
    "calm",
    "worker killed",
    "web killed",
    "postgres restart, immediate",
    "backends terminated",
    "providers time out after accepting",
    "c8 dies after the answer",
)
