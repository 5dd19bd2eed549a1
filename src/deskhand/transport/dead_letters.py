"""Dead letters: listed, published again, deleted; the same for every transport."""

from __future__ import annotations

from collections.abc import Collection

from deskhand.db import Database
from deskhand.transport import queries
from deskhand.transport.base import REPLAYED_FROM, DeadLetter, Transport

PAGE = 100


class DeadLetters:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def list(self, topic: str | None, *, limit: int, before_id: int | None) -> list[DeadLetter]:
        async with self._db.transaction() as tx:
            return await queries.list_dead_letters(tx, topic, limit=limit, before_id=before_id)

    async def replay(self, transport: Transport, *, ids: Collection[int] | None, topic: str | None) -> int:
        if ids is None and topic is None:
            raise ValueError("replay takes ids or a topic")
        wanted = None if ids is None else [*ids]
        replayed = above = 0
        while True:
            async with self._db.transaction() as tx:
                letters = await queries.take_dead_letters(tx, ids=wanted, topic=topic, limit=PAGE, above=above)
                for letter_id, its_topic, key, payload, headers, dedup_key in letters:
                    marked = {REPLAYED_FROM: str(letter_id)} | headers
                    replayed += await transport.publish(
                        tx, its_topic, key, payload, dedup_key=dedup_key, headers=marked
                    )
                    above = letter_id
            if len(letters) < PAGE:
                return replayed

    async def purge(self, topic: str) -> int:
        async with self._db.transaction() as tx:
            return await queries.delete_dead_letters(tx, topic)
