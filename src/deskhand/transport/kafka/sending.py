"""Sending rows of the outbox to the brokers: all of them in order, waiting for every acknowledgement."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer

from deskhand.transport.kafka.brokers import Brokers, report_error
from deskhand.transport.kafka.wire import OutboxRow, encode_row

TICK = 0.1
# A message that no broker will ever take, however often it is sent.
REFUSED = {
    KafkaError.MSG_SIZE_TOO_LARGE,
    KafkaError.INVALID_MSG,
    KafkaError.INVALID_MSG_SIZE,
    KafkaError.INVALID_RECORD,
    KafkaError.INVALID_TIMESTAMP,
}
NO_SUCH_TOPIC = {
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError.TOPIC_EXCEPTION,
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError._UNKNOWN_TOPIC,
    KafkaError._UNKNOWN_PARTITION,
}


@dataclass(slots=True)
class Report:
    acknowledged: list[int] = field(default_factory=list[int])
    refused: dict[int, str] = field(default_factory=dict[int, str])
    absent: set[str] = field(default_factory=set[str])  # topics that the brokers don't have


class Sender:
    """A producer and what became of its messages. `send` blocks: it is for a thread."""

    def __init__(self, brokers: Brokers) -> None:
        self._brokers = brokers
        self._config = brokers.config(
            enable__idempotence=True,
            acks="all",
            message__timeout__ms=0,  # forever: one given up between two that arrive would break the order
            topic__metadata__propagation__max__ms=10_000,
            queue__buffering__max__ms=0,
            batch__size=65_536,  # what is larger travels alone: brokers refuse a batch as a whole
            compression__type="lz4",
            partitioner="murmur2_random",
            message__max__bytes=1_048_576,
            error_cb=self._note,
        )
        self._producer: Producer | None = None
        self._fatal = False
        self.abandon = threading.Event()

    def send(self, rows: Sequence[OutboxRow]) -> Report:
        """Send, and wait until every row was acknowledged or refused, or `abandon` is set."""
        report = self._send(rows)
        if report.refused and len(rows) > 1:
            for row in [row for row in rows if row.id in report.refused]:  # not each of a batch is to blame
                alone = self._send([row])
                report.acknowledged += alone.acknowledged
                if not alone.refused:
                    del report.refused[row.id]
        return report

    def _send(self, rows: Sequence[OutboxRow]) -> Report:
        if self._producer is None or self._fatal:
            self._fatal, self._producer = False, Producer(self._config)
        producer, report, open_rows = self._producer, Report(), {row.id: row for row in rows}
        for row in rows:
            self._produce(producer, row, partial(self._delivered, row, report, open_rows))
        while open_rows and not self._fatal and not self.abandon.is_set():
            producer.poll(TICK)
        if open_rows:
            producer.purge()
            producer.poll(0)
            self._producer = None  # whatever it still has under way: the rows stay, and are sent again
        return report

    def _produce(self, producer: Producer, row: OutboxRow, delivered: Any) -> None:
        wire = encode_row(row)
        while not self._fatal and not self.abandon.is_set():
            try:
                producer.produce(
                    self._brokers.name(row.topic), wire.value, wire.key, on_delivery=delivered, headers=wire.headers
                )
            except BufferError:
                producer.poll(TICK)
            except KafkaException as error:
                delivered(error.args[0], None)
                return
            else:
                return

    def _delivered(
        self, row: OutboxRow, report: Report, open_rows: dict[int, OutboxRow], error: KafkaError | None, _: Any
    ) -> None:
        open_rows.pop(row.id, None)
        if error is None:
            report.acknowledged.append(row.id)
        elif error.code() in REFUSED:
            report.refused[row.id] = error.str()
        elif error.code() in NO_SUCH_TOPIC:
            report.absent.add(row.topic)

    def _note(self, error: KafkaError) -> None:
        self._fatal = self._fatal or error.fatal()
        report_error(error)

    def close(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            deadline = time.monotonic() + 1
            while len(producer) and time.monotonic() < deadline:
                producer.poll(TICK)
            producer.purge()
