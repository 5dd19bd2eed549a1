"""When vectors are compared one by one and when an index picks the candidates; see docs/decisions/0010."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from deskhand.db import Tx
from deskhand.knowledge import vector_queries
from deskhand.knowledge.models import Candidate
from deskhand.knowledge.queries import list_candidates
from deskhand.knowledge.query import Query
from deskhand.log import get_logger

EXACT_UP_TO: Final = 3_000
LONGEST: Final = 4_000  # dimensions that an index over half vectors takes
_DROP_BELOW: Final = 0.5  # of the limit, so that a collection around it does not build and drop by turns

log = get_logger("vector_index")


@dataclass(frozen=True, slots=True)
class IndexPlan:
    """What should be done about the indexes: one to build, and those that serve nobody; `is_large`: one is wanted."""

    is_large: bool
    build: bool
    drop: tuple[str, ...]
    megabytes: int


async def plan_index(tx: Tx, model: str, *, dimensions: int, exact_up_to: int = EXACT_UP_TO) -> IndexPlan:
    count = await vector_queries.count_vectors(tx, model)
    name = vector_queries.index_name(model)
    existing = await vector_queries.list_indexes(tx)
    ready = await vector_queries.is_index_ready(tx, model)
    least = exact_up_to * _DROP_BELOW if ready else exact_up_to
    wanted = count > least and dimensions <= LONGEST and await vector_queries.is_index_supported(tx)
    serving = await vector_queries.find_model(tx)
    keep = {name} if wanted and ready else set[str]()
    if serving is not None and serving != model:
        keep.add(vector_queries.index_name(serving))
    drop = tuple(other for other in existing if other not in keep)
    megabytes = max(64, min(1024, count * (dimensions * 2 + 300) * 3 // 2 // 1_000_000))
    return IndexPlan(wanted, wanted and not ready, drop, megabytes)


async def carry_out(connection: AsyncConnection[TupleRow], plan: IndexPlan, model: str, *, dimensions: int) -> bool:
    """False: another process is at it, or the database refused; search compares one by one until a later load.

    `connection` is in no transaction. A build that was cut short has left an index that is not valid: it is dropped
    and made anew.
    """
    try:
        if not await vector_queries.try_lock(connection):
            return False
        for name in plan.drop:
            await vector_queries.drop_index(connection, name)
        if plan.is_large:
            await vector_queries.vacuum(connection)
        if plan.build:
            await vector_queries.prepare_build(connection, megabytes=plan.megabytes)
            await vector_queries.create_index(connection, model, dimensions=dimensions)
            log.info("vector_index_built", model=model, dimensions=dimensions)
    except psycopg.Error as error:
        log.warning("vector_index_not_built", model=model, error=str(error).splitlines()[0])
        return False
    return True


async def count_collection(tx: Tx) -> None:
    """What the indexed search must know of all passages."""
    await vector_queries.lock_statistics(tx)
    await vector_queries.delete_collection_statistics(tx)
    await vector_queries.insert_collection_statistics(tx)
    await vector_queries.delete_term_statistics(tx)
    await vector_queries.insert_term_statistics(tx)
    await vector_queries.analyze_statistics(tx)


async def find_candidates(tx: Tx, query: Query, *, language: str, product: str, limit: int) -> list[Candidate]:
    """By the index where there is one, else by comparing every vector."""
    given = (list(query.terms), list(query.vectors))
    if await vector_queries.is_index_ready(tx, query.model):
        await vector_queries.configure_scan(tx)
        return await vector_queries.list_near_candidates(
            tx, *given, model=query.model, language=language, product=product, limit=limit
        )
    return await list_candidates(tx, *given, model=query.model, language=language, product=product, limit=limit)
