"""Merging: two customers turn out to be one person; evidence is kept, and there is a way back."""

from __future__ import annotations

from uuid import UUID

from deskhand import conversations, customers, tickets
from deskhand.customers import Moved, merging
from deskhand.db import Tx
from deskhand.desk import Desk
from deskhand.errors import Conflict, NotFound
from deskhand.ids import CustomerId
from deskhand.log import get_logger

log = get_logger("merging")


async def merge_customers(desk: Desk, tx: Tx, *, kept: CustomerId, merged: CustomerId, evidence: str) -> UUID | None:
    """Everything of one customer is the other's from now on; None when they are one already."""
    if kept == merged:
        return None
    for customer_id in sorted((kept, merged)):
        await customers.lock(tx, customer_id)
    now = desk.clock.now()
    moved = Moved(
        identifiers=tuple(await merging.move_identifiers(tx, merged, kept)),
        conversations=tuple(await conversations.move_all(tx, merged, kept)),
        tickets=tuple(await tickets.move_all(tx, merged, kept)),
    )
    await merging.set_merged_into(tx, merged, kept, at=now)
    merge_id = await merging.insert_merge(tx, kept=kept, merged=merged, evidence=evidence, moved=moved, at=now)
    log.info("customers_merged", merge_id=str(merge_id), conversations=len(moved.conversations))
    return merge_id


async def unmerge_customers(desk: Desk, merge_id: UUID) -> None:
    """What changed hands goes back; what came in since stays where it is.

    Raises:
        NotFound: there was no such merge.
        Conflict: it has been undone already.
    """
    async with desk.db.transaction() as tx:
        merge = await merging.lock_merge(tx, merge_id)
        if merge is None:
            raise NotFound("There was no such merge.", mend="See `deskhand customers merges`.")
        if merge.undone_at is not None:
            raise Conflict("This merge has been undone already.")
        kept, merged, now = merge.kept_id, merge.merged_id, desk.clock.now()
        for customer_id in sorted((kept, merged)):
            await customers.lock(tx, customer_id)
        await merging.return_identifiers(tx, merge.moved_ids("identifiers"), kept, merged)
        await conversations.move(tx, merge.moved_ids("conversations"), kept, merged)
        await tickets.move(tx, merge.moved_ids("tickets"), kept, merged)
        await merging.set_merged_into(tx, merged, None, at=now)
        await merging.mark_undone(tx, merge.id, at=now)
    log.info("merge_undone", merge_id=str(merge_id))
