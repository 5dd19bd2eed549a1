"""The consumer: a thread of its own that stays in the group, whatever handlers do, and passes on what it gets."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection
from queue import Empty, SimpleQueue
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from deskhand.log import get_logger
from deskhand.settings import Settings
from deskhand.transport.kafka.brokers import Brokers, Place, report_error
from deskhand.transport.kafka.source import KafkaSource
from deskhand.transport.kafka.wire import Record, decode
from deskhand.transport.outage import backoff

POLL = 0.05
COMMIT_EVERY = 0.2
AT_ONCE = 500  # messages that are handed over together
REVOKE_PATIENCE = 30.0

log = get_logger("transport")


class Member(threading.Thread):
    """One membership in the group, from joining to leaving."""

    def __init__(self, brokers: Brokers, settings: Settings, topics: Collection[str], source: KafkaSource) -> None:
        super().__init__(name="kafka-consumer", daemon=True)
        self._brokers = brokers
        self._topics = [brokers.name(topic) for topic in topics]
        self._source = source
        self._loop = asyncio.get_running_loop()
        self._leave = threading.Event()
        self._positions: SimpleQueue[tuple[Place, int]] = SimpleQueue()
        self._pauses: SimpleQueue[tuple[Place, bool]] = SimpleQueue()
        self._uncommitted: dict[Place, int] = {}
        self._committed_at = 0.0
        session = settings.queue_lease.total_seconds()
        self._config = brokers.config(
            group__id=settings.kafka_group,
            session__timeout__ms=int(session * 1000),
            heartbeat__interval__ms=int(min(3.0, session / 4) * 1000),
            max__poll__interval__ms=int(max(300.0, session) * 1000),
            partition__assignment__strategy="cooperative-sticky",
            auto__offset__reset="earliest",
            enable__auto__commit=False,
            enable__auto__offset__store=False,
            fetch__queue__backoff__ms=10,
            fetch__wait__max__ms=100,  # a partition that is assigned meanwhile is fetched from only after that
            queued__max__messages__kbytes=16_384,
            queued__min__messages=1_000,
            error_cb=report_error,
        )
        self.ended = asyncio.Event()
        source.commit = lambda place, offset: self._positions.put((place, offset))
        source.hold_back = lambda place, pause: self._pauses.put((place, pause))

    async def leave(self) -> None:
        """Commit what is finished, leave the group, and wait until that is done."""
        self._leave.set()
        await self.ended.wait()
        await asyncio.to_thread(self.join)

    # From here on in the thread.

    def run(self) -> None:
        try:
            self._consume()
        except Exception:
            log.exception("consumer_failed")
        finally:
            self._tell(self.ended.set)

    def _consume(self) -> None:
        consumer = Consumer(self._config)
        try:
            consumer.subscribe(self._topics, on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost)
            while not self._leave.is_set():
                self._obey(consumer)
                first = consumer.poll(POLL)
                if first is not None:
                    self._hand_over([first, *consumer.consume(AT_ONCE, timeout=0)])
        finally:
            consumer.close()

    def _hand_over(self, raw: list[Any]) -> None:
        records: defaultdict[str, list[Record]] = defaultdict(list)
        for message in raw:
            error: KafkaError | None = message.error()
            if error is not None:
                report_error(error)
                continue
            topic = self._brokers.topic(message.topic())
            records[topic].append(decode(topic, message))
        taken = threading.Event()
        for topic, of_topic in records.items():
            self._tell(self._source.receive, topic, of_topic)
        self._tell(taken.set)
        while not taken.wait(1.0) and not self._leave.is_set():
            pass  # a loop that is behind gets no more: what waits for it would have no bound

    def _obey(self, consumer: Consumer) -> None:
        for place, pause in _all(self._pauses):
            try:
                consumer.pause([self._at(place)]) if pause else consumer.resume([self._at(place)])
            except KafkaException as error:
                log.debug("pause_refused", detail=str(error))  # the partition is not ours any more
        self._uncommitted.update(_all(self._positions))
        if self._uncommitted and time.monotonic() >= self._committed_at + COMMIT_EVERY:
            self._committed_at = time.monotonic()
            self._commit(consumer, self._uncommitted, wait=False)
            self._uncommitted = {}

    def _commit(self, consumer: Consumer, positions: dict[Place, int], *, wait: bool) -> None:
        if not positions:
            return
        offsets = [self._at(place, offset) for place, offset in positions.items()]
        try:
            consumer.commit(offsets=offsets, asynchronous=not wait)
        except KafkaException as error:
            log.info("commit_refused", detail=str(error))  # what is handled again is found in the inbox

    def _assigned(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        self._tell(self._source.assign, self._places(partitions))

    def _revoked(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        places = self._places(partitions)
        try:
            positions = asyncio.run_coroutine_threadsafe(self._source.give_up(places), self._loop).result(
                REVOKE_PATIENCE
            )
        except (TimeoutError, RuntimeError):
            log.warning("partitions_not_given_up", partitions=len(places))
            return
        self._uncommitted.update(_all(self._positions))
        self._uncommitted = {place: offset for place, offset in self._uncommitted.items() if place not in places}
        self._commit(consumer, positions, wait=True)

    def _lost(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        self._tell(self._source.lose, self._places(partitions))

    def _tell(self, what: Callable[..., None], *arguments: object) -> None:
        try:
            self._loop.call_soon_threadsafe(what, *arguments)
        except RuntimeError:
            self._leave.set()  # the loop is closed: nobody is there any more

    def _places(self, partitions: list[TopicPartition]) -> list[Place]:
        return [(self._brokers.topic(place.topic), place.partition) for place in partitions]

    def _at(self, place: Place, offset: int | None = None) -> TopicPartition:
        name = self._brokers.name(place[0])
        return TopicPartition(name, place[1]) if offset is None else TopicPartition(name, place[1], offset)


def _all(queue: SimpleQueue[Any]) -> list[Any]:
    found: list[Any] = []
    while True:
        try:
            found.append(queue.get_nowait())
        except Empty:
            return found


class Membership:
    """Keeps one member in the group: should a partition turn out to be somebody else's, it leaves and joins anew."""

    def __init__(self, brokers: Brokers, settings: Settings, topics: Collection[str], source: KafkaSource) -> None:
        self._make = lambda: Member(brokers, settings, topics, source)
        self._source = source
        self._member: Member | None = None
        self._closed = False

    async def run(self) -> None:
        joined = 0
        while not self._closed:
            joined += 1
            self._source.stale.clear()
            self._member = self._make()
            self._member.start()
            waiting = [
                asyncio.create_task(self._source.stale.wait()),
                asyncio.create_task(self._member.ended.wait()),
            ]
            try:
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in waiting:
                    task.cancel()
            if not self._closed:
                log.warning("consumer_joins_anew")
                await self._member.leave()
                await asyncio.sleep(backoff(min(joined, 5)))

    async def close(self) -> None:
        self._closed = True
        if self._member is not None:
            await self._member.leave()
        await self._source.close()
