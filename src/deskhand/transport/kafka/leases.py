"""A claim on messages of one key, as the consumer's process holds it."""

from __future__ import annotations

from dataclasses import dataclass

from deskhand.transport.kafka.partitions import Lane
from deskhand.transport.kafka.wire import Record
from deskhand.transport.rows import Lease


@dataclass(frozen=True, slots=True)
class KafkaLease(Lease):
    partition: int
    offsets: tuple[int, ...]
    dedup_keys: tuple[str | None, ...]
    parked: bool  # the messages stand in `kafka_parked`, and their offsets are done with
    records: tuple[Record, ...]
    lane: Lane
