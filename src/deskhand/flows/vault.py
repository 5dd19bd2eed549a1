"""The vault: credentials by name, sealed in the database, opened for the channel that asks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from deskhand import credentials
from deskhand.clock import Clock
from deskhand.db import Database


class Vault:
    """Each call is a transaction of its own: none is open while a provider is asked."""

    def __init__(self, database: Database, keys: Sequence[str], clock: Clock) -> None:
        self._database = database
        self._keys = tuple(keys)
        self._clock = clock

    async def read(self, name: str) -> str | None:
        """Raises SetupInvalid when it was sealed with a key that is not given."""
        async with self._database.transaction() as tx:
            found = await credentials.find_sealed(tx, name)
        return None if found is None else credentials.Seal(self._keys).open(found[0])

    async def write(self, name: str, secret: str) -> None:
        """Raises SetupInvalid without a key to seal it with."""
        sealed = credentials.Seal(self._keys).close(secret)
        async with self._database.transaction() as tx:
            await credentials.store_sealed(tx, name, sealed, self._clock.now())

    async def forget(self, name: str) -> None:
        async with self._database.transaction() as tx:
            await credentials.delete(tx, name)

    async def stored_at(self, name: str) -> datetime | None:
        async with self._database.transaction() as tx:
            found = await credentials.find_sealed(tx, name)
        return None if found is None else found[1]
