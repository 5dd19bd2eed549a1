"""Several transactions that are certain to be open at the same instant."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from deskhand.db import Database, Tx

SIDE_BY_SIDE = 10  # the size of the tests' pool

ResultT = TypeVar("ResultT")


async def at_once(database: Database, times: int, work: Callable[[Tx], Awaitable[ResultT]]) -> list[ResultT]:
    """Do it in so many transactions: ten at a time have all begun before the first of them does its work."""
    assert times % SIDE_BY_SIDE == 0
    start = asyncio.Barrier(SIDE_BY_SIDE)

    async def run() -> ResultT:
        async with database.transaction() as tx:
            await tx.execute("select 1")
            await start.wait()
            return await work(tx)

    return await asyncio.gather(*(run() for _ in range(times)))
