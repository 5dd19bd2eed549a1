"""The leases that a worker holds: kept alive while handlers work, given back when they can't finish."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from deskhand.db import Database
from deskhand.errors import DatabaseUnavailable
from deskhand.log import get_logger
from deskhand.transport import lease_queries
from deskhand.transport.delivery import LeasedDelivery

AT_ONCE = timedelta(0)

log = get_logger("transport")


class Leases:
    def __init__(self, db: Database, length: timedelta) -> None:
        self._db = db
        self._length = length
        self._held: dict[tuple[str, str], tuple[LeasedDelivery, asyncio.Task[None] | None]] = {}

    def hold(self, delivery: LeasedDelivery, task: asyncio.Task[None] | None) -> None:
        """Keep a lease; without a task it merely waits for `release`."""
        lane = (delivery.lease.topic, delivery.lease.key)
        self._lose(lane)  # it went to somebody else unnoticed, and came back
        self._held[lane] = (delivery, task)

    def drop(self, delivery: LeasedDelivery) -> None:
        lane = (delivery.lease.topic, delivery.lease.key)
        held = self._held.get(lane)
        if held is not None and held[0] is delivery:
            del self._held[lane]

    async def keep_alive(self) -> None:
        """Extend all leases every third of their length, until cancelled."""
        third = self._length.total_seconds() / 3
        pause = third
        while True:
            await asyncio.sleep(pause)
            pause = third
            if self._held:
                try:
                    await self._extend()
                except DatabaseUnavailable:
                    pause = third / 4

    @property
    def numbers(self) -> list[int]:
        return [delivery.lease.number for delivery, _ in self._held.values()]

    async def _extend(self) -> None:
        leases = [delivery.lease for delivery, _ in self._held.values()]
        async with self._db.transaction() as tx:
            left_out = await lease_queries.extend_leases(tx, leases, self._length)
        asked = {(lease.topic, lease.key): lease for lease in leases}
        locked = [asked[topic, key] for topic, key, lost in left_out if not lost]
        for topic, key, lost in left_out:
            held = self._held.get((topic, key))
            if lost and held is not None and held[0].lease is asked[topic, key]:
                self._lose((topic, key))
        for lease in locked:
            async with self._db.transaction() as tx:
                await lease_queries.limit_lock_wait(tx, self._length / 6 / len(locked))
                await lease_queries.extend_lease(tx, lease, self._length)

    def _lose(self, lane: tuple[str, str]) -> None:
        """Stop a handler whose messages are somebody else's; one that is concluding finds out by itself."""
        delivery, task = self._held.get(lane, (None, None))
        if delivery is None or delivery.settled or delivery.concluding:
            return
        del self._held[lane]
        delivery.lost = True
        log.warning("lease_lost", topic=lane[0], key=lane[1], message_id=delivery.messages[0].id)
        if task is not None:
            task.cancel()

    async def release(self) -> set[str]:
        """Give everything back, no attempt counted, and return the topics. What can't be given back expires."""
        topics: set[str] = set()
        for delivery, _ in list(self._held.values()):
            try:
                async with self._db.transaction() as tx:
                    if await lease_queries.postpone(tx, delivery.lease, AT_ONCE):
                        topics.add(delivery.lease.topic)
            except DatabaseUnavailable:
                log.warning("lease_not_released", topic=delivery.lease.topic, key=delivery.lease.key)
        self._held.clear()
        return topics
