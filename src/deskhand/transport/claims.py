"""Claiming: one short transaction that leases due lanes and reads their first messages."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby

from deskhand.db import Database, Tx
from deskhand.log import get_logger
from deskhand.settings import Settings
from deskhand.transport import lease_queries
from deskhand.transport.base import Message
from deskhand.transport.rows import DueLane, Lease, LeasedMessage, Want

SLACK = timedelta(seconds=2)

log = get_logger("transport")


class Claimer:
    """Takes lanes for one worker.

    Remembers for each topic up to where nothing was due, and claims only above: an old snapshot somewhere keeps dead
    index entries from being removed, and every claim would walk over all of them. What may hide below (an expired
    lease, a lane that was locked at that moment) is found by the claim after `forget_bounds`.
    """

    def __init__(self, db: Database, settings: Settings, batches: Mapping[str, int]) -> None:
        self._db = db
        self._length = settings.queue_lease
        self._batches = batches
        self._holder = f"{socket.gethostname()}:{os.getpid()}"
        self._since: dict[str, datetime] = {}
        self._doubtful: list[int] = []  # leases of which the commit was not confirmed: the connection broke

    def forget_bounds(self) -> None:
        self._since.clear()

    async def claim(self, shares: Mapping[str, int], held: Sequence[int]) -> list[Lease]:
        """Lease up to so many lanes of each topic, but none whose lease is in `held`.

        After a stall or an outage our own leases may have run out; they are extended, not taken from our handlers.

        Raises:
            DatabaseUnavailable: nothing was leased.
        """
        wants = [Want(topic, lanes, self._since.get(topic)) for topic, lanes in shares.items()]
        number = secrets.randbits(62) + 1
        self._doubtful.append(number)
        async with self._db.transaction() as tx:
            if len(self._doubtful) > 1:
                await lease_queries.abandon(tx, list(self._batches), self._doubtful[:-1])
            due, now = await lease_queries.lock_due_lanes(tx, wants, held)
            leases = await self._lease(tx, due, number) if due else []
        self._doubtful.clear()
        for want in wants:
            places = [lane.due_at for lane in due if lane.topic == want.topic]
            self._since[want.topic] = (max(places) if len(places) == want.lanes else now) - SLACK
        return leases

    async def _lease(self, tx: Tx, due: Sequence[DueLane], number: int) -> list[Lease]:
        broken = [lane for lane in due if lane.lease]
        if broken:
            await lease_queries.count_broken_attempts(tx, broken)
            for lane in broken:
                log.warning("lease_expired", topic=lane.topic, key=lane.key, holder=lane.holder)
        rows = await lease_queries.lease_heads(
            tx,
            [(lane.topic, lane.key, self._batches[lane.topic]) for lane in due],
            lease=number,
            holder=self._holder,
            length=self._length,
        )
        leases = [_lease(number, list(group)) for _, group in groupby(rows, key=lambda row: (row.topic, row.key))]
        if len(leases) < len(due):
            await self._remove_empty(tx, due, leases)
        return leases

    async def _remove_empty(self, tx: Tx, due: Sequence[DueLane], leases: Sequence[Lease]) -> None:
        filled = {(lease.topic, lease.key) for lease in leases}
        for lane in due:
            if (lane.topic, lane.key) not in filled:
                await lease_queries.delete_empty_lane(tx, lane.topic, lane.key)
                log.warning("empty_lane_removed", topic=lane.topic, key=lane.key)


def _lease(number: int, rows: Sequence[LeasedMessage]) -> Lease:
    messages = tuple(
        Message(row.id, row.topic, row.key, row.payload, row.headers, row.attempts + 1, row.published_at)
        for row in rows
    )
    return Lease(rows[0].topic, rows[0].key, number, messages, rows[0].last_error)
