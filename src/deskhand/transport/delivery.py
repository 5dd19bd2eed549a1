"""The messages that one handler holds, and the transaction that settles them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from deskhand.db import Database, Tx
from deskhand.errors import LeaseLost
from deskhand.transport import lease_queries
from deskhand.transport.base import Message
from deskhand.transport.rows import Lease


class PostgresDelivery:
    def __init__(self, db: Database, lease: Lease) -> None:
        self._db = db
        self.lease = lease
        self.settled = False
        self.concluding = False  # settling, or recording a failure: the database decides whether the lease still counts
        self.lost = False
        self.lane_goes_on = False  # once settled: the key has more messages

    @property
    def messages(self) -> tuple[Message, ...]:
        return self.lease.messages

    @asynccontextmanager
    async def settle(self) -> AsyncGenerator[Tx]:
        if self.settled:
            raise RuntimeError("this delivery is settled already")
        self.concluding = True
        try:
            async with self._db.transaction() as tx:
                yield tx
                if not await lease_queries.acknowledge(tx, self.lease):
                    self.lane_goes_on = await lease_queries.free_lane(tx, self.lease)
                    if not self.lane_goes_on:
                        self.lost = True
                        raise LeaseLost
            self.settled = True
        finally:
            self.concluding = False
