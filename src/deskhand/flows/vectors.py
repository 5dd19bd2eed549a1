"""Vectors: every passage gets those of the wanted model, which then takes over, and an index when they are many."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from deskhand import knowledge
from deskhand.db import Database
from deskhand.inference import Embedder, embedder_of
from deskhand.knowledge.vector_index import EXACT_UP_TO
from deskhand.log import get_logger

BATCH = 32
ROUNDS = 5  # other loads may bring new passages meanwhile

log = get_logger("vectors")

Outcome = Literal["added", "changed", "unchanged", "removed", "skipped", "embedded"]


class Parts(Protocol):
    """What loading needs of a `Desk`."""

    @property
    def db(self) -> Database: ...

    @property
    def embedder(self) -> Embedder: ...


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a load is: `done` of `total` files, and what became of the last one."""

    done: int
    total: int
    name: str
    outcome: Outcome


Report = Callable[[Progress], None]


def silent(progress: Progress) -> None:
    """Reports nothing."""


async def serving_embedder(desk: Parts) -> Embedder:
    """The embedder whose vectors are searched now; the wanted one when that can't be reached with these settings."""
    async with desk.db.transaction() as tx:
        await knowledge.insert_model(tx, desk.embedder.model_id)
        model = await knowledge.find_model(tx)
    return (embedder_of(desk.embedder, model) if model is not None else None) or desk.embedder


async def bring_up_to_date(
    desk: Parts, *, changed: bool, progress: Report = silent, exact_up_to: int = EXACT_UP_TO
) -> int:
    """Embed what lacks vectors, index them when they are many, and let the wanted model take over; how many it were.

    Until it takes over, the vectors of the model before serve. Whatever was cut short goes on where it stopped.
    """
    embedded = await embed_missing(desk, progress=progress)
    if changed or embedded:
        async with desk.db.transaction() as tx:
            await knowledge.refresh_statistics(tx)
    await keep_index(desk, changed=bool(changed or embedded), exact_up_to=exact_up_to)
    for _ in range(ROUNDS):
        if await take_over(desk, exact_up_to=exact_up_to):
            break
        embedded += await embed_missing(desk, progress=progress)
    return embedded


async def embed_missing(desk: Parts, *, progress: Report = silent) -> int:
    """Give every passage that lacks them vectors of the wanted model, and return how many it were."""
    model, tokens = desk.embedder.model_id, knowledge.shows_tokens(desk.embedder)
    async with desk.db.transaction() as tx:
        missing = await knowledge.count_without_vectors(tx, model, tokens=tokens)
    done = 0
    while done < missing:
        async with desk.db.transaction() as tx:
            batch = await knowledge.list_without_vectors(tx, model, tokens=tokens, limit=BATCH)
        if not batch:
            break
        vectors = await knowledge.embed_passages(
            desk.embedder, [knowledge.texts_to_embed(text.title, text.heading, text.body) for text in batch]
        )
        async with desk.db.transaction() as tx:
            for text, embedded in zip(batch, vectors, strict=True):
                await knowledge.upsert_vectors(tx, model, text.passage_id, embedded)
        done += len(batch)
        progress(Progress(min(done, missing), missing, batch[-1].title, "embedded"))
    return done


async def take_over(desk: Parts, *, exact_up_to: int = EXACT_UP_TO) -> bool:
    """In one transaction: the wanted model's vectors are searched from now on, and all others are gone.

    False when a passage lacks them.
    """
    model = desk.embedder.model_id
    async with desk.db.transaction() as tx:
        if await knowledge.count_without_vectors(tx, model, tokens=knowledge.shows_tokens(desk.embedder)):
            return False
        await knowledge.insert_model(tx, model)
        await knowledge.update_model(tx, model)
        removed = await knowledge.delete_other_vectors(tx, model)
    if removed:
        log.info("embedding_model_took_over", model=model, removed=removed)
        await keep_index(desk, changed=False, exact_up_to=exact_up_to)
    return True


async def keep_index(desk: Parts, *, changed: bool, exact_up_to: int = EXACT_UP_TO) -> None:
    """Build the index when the collection has grown past comparing one by one, and drop what nobody searches.

    The connection is one of its own: building runs outside of any transaction, for as long as it takes.
    """
    model, dimensions = desk.embedder.model_id, desk.embedder.dimensions
    async with desk.db.transaction() as tx:
        plan = await knowledge.plan_index(tx, model, dimensions=dimensions, exact_up_to=exact_up_to)
        if plan.is_large and (changed or plan.build):
            await knowledge.count_collection(tx)
    if plan.build or plan.drop or (plan.is_large and changed):
        async with desk.db.listening() as connection:
            await knowledge.carry_out(connection, plan, model, dimensions=dimensions)
