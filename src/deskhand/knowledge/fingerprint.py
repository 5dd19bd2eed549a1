"""Which articles, in which versions, a turn stood on: one hash, cheap enough for every turn."""

from __future__ import annotations

from deskhand.db import Tx
from deskhand.knowledge import queries
from deskhand.knowledge.models import LiveArticles


class Fingerprint:
    """Remembers the last hash, and makes a new one only when articles were added, changed or retired."""

    def __init__(self) -> None:
        self._seen: LiveArticles | None = None
        self._hash = ""

    async def read(self, tx: Tx) -> str:
        """SHA-256 over slug and version of every article in use."""
        live = await queries.count_live(tx)
        if live != self._seen:
            self._hash = await queries.hash_live(tx)
            self._seen = live
        return self._hash
