"""The messages that one handler holds, and the transaction that settles them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from deskhand.db import Database, Tx
from deskhand.errors import LeaseLost
from deskhand.transport.base import Message
from deskhand.transport.ledger import Ledger
from deskhand.transport.rows import Lease


class LeasedDelivery:
    def __init__(self, db: Database, ledger: Ledger, lease: Lease) -> None:
        self._db = db
        self._ledger = ledger
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
                try:
                    self.lane_goes_on = await self._ledger.acknowledge(tx, self.lease)
                except LeaseLost:
                    self.lost = True
                    raise
            self.settled = True
        finally:
            self.concluding = False
