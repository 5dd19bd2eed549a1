"""Claiming: one short transaction that makes sure of the order, and of once only, before messages are handed out."""

from __future__ import annotations

import dataclasses
import os
import secrets
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from deskhand.db import Database, Tx
from deskhand.log import get_logger
from deskhand.transport.kafka import claim_queries
from deskhand.transport.kafka.claim_queries import KeyState, Known
from deskhand.transport.kafka.leases import KafkaLease
from deskhand.transport.kafka.ledger import KafkaLedger
from deskhand.transport.kafka.partitions import Lane
from deskhand.transport.kafka.wire import Record

LOOK_AHEAD = 100  # messages of a key that a claim may find to be done already
BUSY_PAUSE = 0.5

log = get_logger("transport")


@dataclass(slots=True)
class Outcome:
    """What became of a lane that was ready."""

    lane: Lane
    stale: bool = False  # the partition is somebody else's
    finished: list[Record] = field(default_factory=list[Record])  # handled before, or parked: the offset is done
    lease: KafkaLease | None = None
    parked: bool = False
    wait: float = 0.0  # seconds until the first message may be handed out


class KafkaClaimer:
    def __init__(self, db: Database, ledger: KafkaLedger, batches: Mapping[str, int]) -> None:
        self._db = db
        self._ledger = ledger
        self._batches = batches
        self.holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"

    async def claim(self, lanes: Sequence[Lane]) -> list[Outcome]:
        """Lease the first messages of each lane, unless there is a reason not to.

        Raises:
            DatabaseUnavailable: nothing was leased.
        """
        places = sorted({(lane.topic, lane.partition.number, lane.partition.epoch or 0) for lane in lanes})
        async with self._db.transaction() as tx:
            owned = await claim_queries.lock_owned(tx, places)
            outcomes = [Outcome(lane, stale=lane.partition.place not in owned) for lane in lanes]
            valid = [outcome for outcome in outcomes if not outcome.stale]
            if valid:
                await self._look(tx, valid)
            leases = [outcome.lease for outcome in outcomes if outcome.lease is not None]
            if leases:
                await claim_queries.claim(tx, leases, self.holder)
        return outcomes

    async def _look(self, tx: Tx, outcomes: Sequence[Outcome]) -> None:
        keys = [(outcome.lane.topic, outcome.lane.key) for outcome in outcomes]
        states = {(state.topic, state.key): state for state in await claim_queries.read_keys(tx, keys)}
        await self._break(tx, [(states[key], outcome.lane) for key, outcome in zip(keys, outcomes, strict=True)])
        heads: list[tuple[Outcome, list[Record]]] = []
        for outcome in outcomes:
            state = states[outcome.lane.topic, outcome.lane.key]
            outcome.parked = state.parked
            if state.busy or (state.partition is not None and state.partition != outcome.lane.partition.number):
                outcome.wait = BUSY_PAUSE
            else:
                heads.append((outcome, await self._heads(tx, outcome)))
        ids = [record.message.id for _, records in heads for record in records if not record.fault]
        known = await claim_queries.read_messages(tx, ids)
        for outcome, records in heads:
            left = await self._strike_off(tx, outcome, records, known)
            self._lease(outcome, left, known)

    async def _break(self, tx: Tx, found: Sequence[tuple[KeyState, Lane]]) -> None:
        broken = [
            state
            for state, lane in found
            if state.holder not in (None, self.holder) and not state.busy and state.partition == lane.partition.number
        ]
        if broken:
            await claim_queries.break_claims(tx, [state.topic for state in broken], broken)
            for state in broken:
                log.warning("claim_broken", topic=state.topic, key=state.key, holder=state.holder)

    async def _heads(self, tx: Tx, outcome: Outcome) -> list[Record]:
        """The first messages of a key; of one that is parked those in the table, and what is in memory joins them."""
        lane, batch = outcome.lane, self._batches[outcome.lane.topic]
        if not outcome.parked:
            return list(islice(lane.records, max(batch, LOOK_AHEAD)))
        ours = [record for record in lane.records if not record.fault]
        if ours:
            await claim_queries.park(tx, lane.topic, ours)
        for record in lane.records:
            if record.fault:
                await self._ledger.bury_foreign(tx, lane.topic, record)
        outcome.finished += lane.records
        return await claim_queries.read_parked(tx, lane.topic, lane.key, batch)

    async def _strike_off(
        self, tx: Tx, outcome: Outcome, records: Sequence[Record], known: Mapping[int, Known]
    ) -> list[Record]:
        """Drop what was handled before from the front, and bury there what is none of ours."""
        for place, record in enumerate(records):
            if record.fault:
                await self._ledger.bury_foreign(tx, outcome.lane.topic, record)
            elif not known[record.message.id].handled:
                return list(records[place:])
            if not outcome.parked:
                outcome.finished.append(record)
        return []

    def _lease(self, outcome: Outcome, records: Sequence[Record], known: Mapping[int, Known]) -> None:
        if not records:
            return
        outcome.wait = known[records[0].message.id].due_in
        if outcome.wait > 0:
            return
        lane = outcome.lane
        handed = _batch(records[: self._batches[lane.topic]], known)
        messages = tuple(
            dataclasses.replace(record.message, attempt=known[record.message.id].attempts + 1) for record in handed
        )
        outcome.lease = KafkaLease(
            topic=lane.topic,
            key=lane.key,
            number=secrets.randbits(62) + 1,
            messages=messages,
            last_error=known[messages[0].id].last_error,
            partition=lane.partition.number,
            offsets=tuple(record.offset for record in handed),
            dedup_keys=tuple(record.dedup_key for record in handed),
            parked=outcome.parked,
            records=tuple(handed),
            lane=lane,
        )


def _batch(records: Sequence[Record], known: Mapping[int, Known]) -> list[Record]:
    """What may travel together: a message that was tried before travels alone, and none twice."""
    if known[records[0].message.id].attempts:
        return list(records[:1])
    together: list[Record] = []
    seen: set[int] = set()
    for record in records:
        if record.fault or record.message.id in seen:
            break
        state = known[record.message.id]
        if state.handled or state.attempts or state.due_in > 0:
            break
        seen.add(record.message.id)
        together.append(record)
    return together
