"""Where the state of leased messages is written; every implementation has the same words for it."""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol

from deskhand.db import Tx
from deskhand.errors import LeaseLost
from deskhand.transport import lease_queries, queries
from deskhand.transport.base import DeadLetter
from deskhand.transport.rows import Cause, Lease


class Ledger(Protocol):
    async def acknowledge(self, tx: Tx, lease: Lease) -> bool:
        """Strike the lease's messages off and free the key. True: the key has more.

        Raises:
            LeaseLost: somebody else owns them by now.
        """
        ...

    async def record_attempt(self, tx: Tx, lease: Lease, error: str) -> None:
        """Count an attempt for every message of the lease."""
        ...

    async def postpone(self, tx: Tx, lease: Lease, pause: timedelta) -> None:
        """Give the messages back, due after `pause`.

        Raises:
            LeaseLost: somebody else owns them by now.
        """
        ...

    async def bury(self, tx: Tx, lease: Lease, cause: Cause) -> DeadLetter | None:
        """Write the lease's first message to the dead letters; it is still to be acknowledged."""
        ...


class PostgresLedger:
    async def acknowledge(self, tx: Tx, lease: Lease) -> bool:
        if await lease_queries.acknowledge(tx, lease):
            return False
        if not await lease_queries.free_lane(tx, lease):
            raise LeaseLost
        return True

    async def record_attempt(self, tx: Tx, lease: Lease, error: str) -> None:
        await lease_queries.record_attempt(tx, lease, error)

    async def postpone(self, tx: Tx, lease: Lease, pause: timedelta) -> None:
        if not await lease_queries.postpone(tx, lease, pause):
            raise LeaseLost

    async def bury(self, tx: Tx, lease: Lease, cause: Cause) -> DeadLetter | None:
        return await queries.bury(tx, lease.messages[0], cause)
