"""The worker's loop: claim what is due, run handlers side by side, keep their leases, stop in good order.

One slot is one lane under way. The loop claims for the topics that may have something (`_hungry`: after a notice, a
poll, a claim that came back full) and sleeps until something stirs.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Protocol

from structlog.contextvars import bound_contextvars

from deskhand import crash
from deskhand.db import Database
from deskhand.errors import DatabaseUnavailable, LeaseLost
from deskhand.log import get_logger
from deskhand.settings import Settings
from deskhand.transport.base import OnDead, Subscription
from deskhand.transport.delivery import LeasedDelivery
from deskhand.transport.failures import Failures, NotSettled
from deskhand.transport.ledger import Ledger
from deskhand.transport.outage import Outage, backoff
from deskhand.transport.rows import Cause, Lease
from deskhand.transport.shares import divide, topic_cap
from deskhand.transport.wakeups import Wakeups

LAST_WORD = 1.0  # seconds that cancelled handlers have to end, and that giving back their leases may take
TRIES_TO_RECORD = 10

log = get_logger("transport")


class Source(Protocol):
    """Where leases come from, and who keeps them while handlers work."""

    def look_everywhere(self) -> None:
        """Let the next claim overlook nothing, however long it takes."""
        ...

    async def claim(self, shares: Mapping[str, int]) -> list[Lease]:
        """Lease up to so many lanes of each topic.

        Raises:
            DatabaseUnavailable: nothing was leased.
        """
        ...

    def hold(self, delivery: LeasedDelivery, task: asyncio.Task[None] | None) -> None:
        """Keep a lease while its handler works; without a task it merely waits for `release`."""
        ...

    def drop(self, delivery: LeasedDelivery) -> None:
        """The handler has ended by itself."""
        ...

    async def keep_alive(self) -> None:
        """Keep all leases until cancelled."""
        ...

    async def release(self) -> set[str]:
        """Give everything back, no attempt counted, and return the topics."""
        ...


@dataclass(frozen=True, slots=True)
class Backing:
    """What a transport puts behind the loop."""

    db: Database
    settings: Settings
    source: Source
    ledger: Ledger


class Dispatcher:
    def __init__(
        self,
        backing: Backing,
        wakeups: Wakeups,
        subscriptions: Sequence[Subscription],
        on_dead: OnDead | None,
    ) -> None:
        self._backing = backing
        self._settings = settings = backing.settings
        self._wakeups = wakeups
        self._subscriptions = {subscription.topic: subscription for subscription in subscriptions}
        self._failures = Failures(backing.db, settings, on_dead, backing.ledger)
        self._source = backing.source
        self._cap = topic_cap(settings.worker_concurrency, len(self._subscriptions))
        self._hungry: dict[str, None] = {}  # in order: who was served longest ago comes first
        self._tasks: dict[asyncio.Task[None], LeasedDelivery] = {}
        self._stir = asyncio.Event()
        self._stop = asyncio.Event()

    def wake(self, topic: str | None = None) -> None:
        topics = self._subscriptions if topic is None else self._subscriptions.keys() & {topic}
        for name in topics:
            self._hungry.setdefault(name)
        if topics:
            self._stir.set()

    async def run(self, stop: asyncio.Event) -> None:
        log.debug("consuming_started", topics=sorted(self._subscriptions))
        async with asyncio.TaskGroup() as group:
            helpers = [
                group.create_task(self._source.keep_alive()),
                group.create_task(self._wakeups.listen()),
                group.create_task(self._watch(stop)),
            ]
            try:
                with self._wakeups.consumer(self.wake):
                    await self._work()
            finally:
                await self._drain(self._settings.drain if self._stop.is_set() else timedelta(0))
                for helper in helpers:
                    helper.cancel()
        log.debug("consuming_stopped")

    async def _watch(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._stop.set()
        self._stir.set()

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        poll_at = loop.time()
        outage = Outage()
        while not self._stop.is_set():
            if loop.time() >= poll_at:
                poll_at = loop.time() + self._settings.queue_poll.total_seconds() * random.uniform(0.8, 1.2)  # noqa: S311
                self._source.look_everywhere()
                self.wake()
            self._stir.clear()
            shares = self._shares()
            if not shares:
                await self._rest(poll_at - loop.time())
                continue
            try:
                await self._claim(shares)
                outage.end()
            except DatabaseUnavailable as error:
                with suppress(TimeoutError):
                    async with asyncio.timeout(outage.pause(error)):
                        await self._stop.wait()

    def _shares(self) -> dict[str, int]:
        busy = Counter(delivery.lease.topic for delivery in self._tasks.values())
        free = self._settings.worker_concurrency - len(self._tasks)
        return divide(free, list(self._hungry), busy, self._cap)

    async def _rest(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, seconds)):
                await self._stir.wait()

    async def _claim(self, shares: dict[str, int]) -> None:
        for topic in shares:
            del self._hungry[topic]
        try:
            leases = await self._source.claim(shares)
        except BaseException:
            self._hungry = dict.fromkeys(shares) | self._hungry
            raise
        for lease in leases:
            if self._stop.is_set():
                self._source.hold(self._delivery(lease), None)
            else:
                self._start(lease)
        taken = Counter(lease.topic for lease in leases)
        for topic, share in shares.items():
            if taken[topic] >= share:
                self._hungry.setdefault(topic)

    def _delivery(self, lease: Lease) -> LeasedDelivery:
        return LeasedDelivery(self._backing.db, self._backing.ledger, lease)

    def _start(self, lease: Lease) -> None:
        delivery = self._delivery(lease)
        task = asyncio.create_task(self._handle(delivery))
        self._tasks[task] = delivery
        self._source.hold(delivery, task)
        task.add_done_callback(self._finish)

    def _finish(self, task: asyncio.Task[None]) -> None:
        delivery = self._tasks.pop(task)
        self._stir.set()
        if task.cancelled():
            return  # the lease is lost, or about to be released
        self._source.drop(delivery)
        if delivery.lane_goes_on:
            self.wake(delivery.lease.topic)
        if (error := task.exception()) is not None:
            log.error("failure_not_recorded", topic=delivery.lease.topic, exc_info=error)

    async def _handle(self, delivery: LeasedDelivery) -> None:
        lease = delivery.lease
        subscription = self._subscriptions[lease.topic]
        attempts = subscription.attempts or self._settings.queue_attempts
        head = lease.messages[0]
        with bound_contextvars(topic=lease.topic, key=lease.key, message_id=head.id):
            if head.attempt > attempts:
                cause = Cause("worker_fell_silent", lease.last_error, "", head.attempt - 1)
                await self._record(delivery, partial(self._failures.give_up, lease, cause))
                return
            error = await self._call(subscription, delivery)
            if error is not None:
                await self._record(delivery, partial(self._failures.record, lease, error, attempts))

    async def _call(self, subscription: Subscription, delivery: LeasedDelivery) -> BaseException | None:
        """Run the handler and return what went wrong."""
        failure: BaseException | None = None
        crash.here("after_claim")
        try:
            await subscription.handler(delivery)
        except (Exception, asyncio.CancelledError) as error:  # cancelled: by us, or something inside the handler was
            failure = error
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise asyncio.CancelledError
        if failure is None and not delivery.settled:
            failure = NotSettled()
        if delivery.settled:
            if failure is not None:
                log.error("handler_failed_after_settling", error=type(failure).__name__)
            return None
        if delivery.lost:
            log.warning("lease_lost")
            return None
        return failure

    async def _record(self, delivery: LeasedDelivery, write: Callable[[], Awaitable[timedelta]]) -> None:
        """Write a failure down, waiting for the database if need be; if that stays away, the lease runs out."""
        delivery.concluding = True
        for failures in range(1, TRIES_TO_RECORD + 1):
            try:
                pause = await write()
            except DatabaseUnavailable:
                await asyncio.sleep(backoff(failures))
            except LeaseLost:
                log.warning("lease_lost")
                return
            else:
                asyncio.get_running_loop().call_later(pause.total_seconds(), self.wake, delivery.lease.topic)
                return

    async def _drain(self, patience: timedelta) -> None:
        seconds = patience.total_seconds()
        if self._tasks:
            log.info("draining_started", deliveries=len(self._tasks))
            await asyncio.wait(self._tasks, timeout=max(seconds - 2 * LAST_WORD, seconds / 2))
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=LAST_WORD)
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORD):
                for topic in await self._source.release():
                    self._wakeups.announce(topic)
                await self._wakeups.close()
