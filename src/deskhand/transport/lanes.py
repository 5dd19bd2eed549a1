"""The PostgreSQL transport's source of leases: the table of lanes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from deskhand.db import Database
from deskhand.settings import Settings
from deskhand.transport.base import OnDead, Subscription
from deskhand.transport.claims import Claimer
from deskhand.transport.delivery import LeasedDelivery
from deskhand.transport.dispatch import Backing, Dispatcher
from deskhand.transport.leases import Leases
from deskhand.transport.ledger import PostgresLedger
from deskhand.transport.rows import Lease
from deskhand.transport.wakeups import Wakeups


class LaneSource:
    def __init__(self, db: Database, settings: Settings, batches: Mapping[str, int]) -> None:
        self._claimer = Claimer(db, settings, batches)
        self._leases = Leases(db, settings.queue_lease)

    def look_everywhere(self) -> None:
        self._claimer.forget_bounds()

    async def claim(self, shares: Mapping[str, int]) -> list[Lease]:
        return await self._claimer.claim(shares, self._leases.numbers)

    def hold(self, delivery: LeasedDelivery, task: asyncio.Task[None] | None) -> None:
        self._leases.hold(delivery, task)

    def drop(self, delivery: LeasedDelivery) -> None:
        self._leases.drop(delivery)

    async def keep_alive(self) -> None:
        await self._leases.keep_alive()

    async def release(self) -> set[str]:
        return await self._leases.release()


def lane_dispatcher(
    db: Database,
    settings: Settings,
    wakeups: Wakeups,
    subscriptions: Sequence[Subscription],
    on_dead: OnDead | None,
) -> Dispatcher:
    source = LaneSource(db, settings, {item.topic: item.batch for item in subscriptions})
    return Dispatcher(Backing(db, settings, source, PostgresLedger()), wakeups, subscriptions, on_dead)
