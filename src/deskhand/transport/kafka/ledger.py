"""What becomes of claimed messages, as the database keeps it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from deskhand.db import Tx
from deskhand.errors import LeaseLost
from deskhand.log import get_logger
from deskhand.transport.base import DeadLetter
from deskhand.transport.envelope import encode
from deskhand.transport.kafka import claim_queries, outbox_queries
from deskhand.transport.kafka.leases import KafkaLease
from deskhand.transport.kafka.wire import Record
from deskhand.transport.rows import Cause, Lease, Outgoing

HELD_IN_MEMORY = timedelta(
    seconds=5
)  # longer pauses are parked: a held message keeps its partition from being committed
AT_ONCE = timedelta(0)

log = get_logger("transport")


def ours(lease: Lease) -> KafkaLease:
    assert isinstance(lease, KafkaLease)
    return lease


class KafkaLedger:
    def __init__(self, dlq: str, announce: Callable[[str], None]) -> None:
        self._dlq = dlq
        self._announce = announce

    async def acknowledge(self, tx: Tx, lease: Lease) -> bool:
        if not await claim_queries.acknowledge(tx, ours(lease)):
            raise LeaseLost
        return False  # the source knows whether the key has more

    async def record_attempt(self, tx: Tx, lease: Lease, error: str) -> None:
        await claim_queries.record_attempt(tx, ours(lease), error)

    async def postpone(self, tx: Tx, lease: Lease, pause: timedelta) -> None:
        if not await claim_queries.release(tx, [ours(lease)]):
            raise LeaseLost
        if pause > AT_ONCE:
            await claim_queries.delay(tx, ours(lease), pause)
        if pause > HELD_IN_MEMORY and not ours(lease).parked:
            await claim_queries.park(tx, lease.topic, ours(lease).records)

    async def bury(self, tx: Tx, lease: Lease, cause: Cause) -> DeadLetter | None:
        letter = await claim_queries.bury(tx, ours(lease), cause)
        if letter is not None:
            await self.publish_letter(tx, letter, f"{ours(lease).partition}:{ours(lease).offsets[0]}")
        return letter

    async def bury_foreign(self, tx: Tx, topic: str, record: Record) -> None:
        letter = await claim_queries.bury_foreign(tx, topic, record)
        if letter is not None:
            await self.publish_letter(tx, letter, f"{record.partition}:{record.offset}")
            log.warning("foreign_message_died", topic=topic, partition=record.partition, offset=record.offset)

    async def publish_letter(self, tx: Tx, letter: DeadLetter, place: str = "") -> None:
        """The letter goes to the topic of dead letters too, for whoever reads there."""
        told = {"topic": letter.topic, "place": place, "letter": str(letter.id), "attempts": str(letter.attempts)}
        message = Outgoing(
            topic=self._dlq,
            key=letter.key,
            payload=encode(letter.payload),
            headers=encode({**letter.headers, **told, "error": letter.error, "trace": letter.trace}),
            dedup_key=None,
            delay=AT_ONCE,
        )
        await outbox_queries.publish(tx, message)

        async def announce() -> None:
            self._announce(self._dlq)

        tx.after_commit(f"queue {self._dlq}", announce)
