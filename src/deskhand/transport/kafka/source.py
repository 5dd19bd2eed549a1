"""The Kafka transport's source of leases: what the consumer received, by key, for as long as the partitions are ours.

Everything here runs in the event loop; the consumer's thread comes in by `receive`, `assign`, `give_up` and `lose`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from contextlib import suppress

from deskhand.db import Database
from deskhand.errors import DatabaseUnavailable
from deskhand.log import get_logger
from deskhand.transport.delivery import LeasedDelivery
from deskhand.transport.kafka import claim_queries
from deskhand.transport.kafka.brokers import Place
from deskhand.transport.kafka.claims import KafkaClaimer, Outcome
from deskhand.transport.kafka.leases import KafkaLease
from deskhand.transport.kafka.ledger import ours
from deskhand.transport.kafka.partitions import Lane, Partition
from deskhand.transport.kafka.wire import Record
from deskhand.transport.outage import backoff
from deskhand.transport.rows import Lease

WINDOW = 1_000  # offsets of a partition under way at the most: what a crash may have handled again
MOST_BYTES = 64_000_000
GRACE = 5.0  # seconds that handlers have to end when their partition goes to another consumer
LAST_WORD = 1.0
LOST_PAUSE = 0.1

log = get_logger("transport")


class KafkaSource:
    def __init__(self, db: Database, claimer: KafkaClaimer) -> None:
        self._db = db
        self._claimer = claimer
        self._partitions: dict[Place, Partition] = {}
        self._ready: dict[str, dict[Lane, None]] = {}
        self._held: dict[LeasedDelivery, asyncio.Task[None] | None] = {}
        self._claiming = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._bytes = 0
        self.stale = asyncio.Event()  # somebody else owns a partition of ours: join the group anew
        self.wake: Callable[[str | None], None] = lambda _: None
        self.commit: Callable[[Place, int], None] = lambda _place, _offset: None
        self.hold_back: Callable[[Place, bool], None] = lambda _place, _pause: None

    # What the consumer tells.

    def receive(self, topic: str, records: Sequence[Record]) -> None:
        for record in records:
            partition = self._partitions.get((topic, record.partition))
            if partition is None or partition.closing:
                continue
            partition.window.add(record.offset)
            self._bytes += record.size
            lane = partition.lane(record.key)
            lane.records.append(record)
            if lane.timer is not None and lane.parked:
                self._end_wait(lane)  # what comes behind a parked message joins it there
            self._make_ready(lane)
        self._hold_back()

    def assign(self, places: Collection[Place]) -> None:
        new = [Partition(topic, number) for topic, number in places]
        self._partitions |= {partition.place: partition for partition in new}
        self._start(self._acquire(new))

    async def give_up(self, places: Collection[Place]) -> dict[Place, int]:
        """Let handlers end, release what they can't finish, and return what may be committed."""
        leaving = [self._partitions[place] for place in places if place in self._partitions]
        for partition in leaving:
            partition.closing = True
        async with self._claiming:  # a claim under way ends first
            tasks = self._tasks_of(leaving)
        if tasks:
            await asyncio.wait(tasks, timeout=GRACE)
        left = self._cut_off(leaving)
        if left:
            await asyncio.wait([task for task in left.values() if task is not None] or tasks, timeout=LAST_WORD)
            await self._release([ours(delivery.lease) for delivery in left])
        return self._forget(leaving)

    def lose(self, places: Collection[Place]) -> None:
        """The partitions are somebody else's already."""
        gone = [self._partitions[place] for place in places if place in self._partitions]
        self._cut_off(gone)
        self._forget(gone)

    def _tasks_of(self, partitions: Collection[Partition]) -> set[asyncio.Task[None]]:
        places = {partition.place for partition in partitions}
        return {
            task
            for delivery, task in self._held.items()
            if task is not None and (delivery.lease.topic, ours(delivery.lease).partition) in places
        }

    def _cut_off(self, partitions: Collection[Partition]) -> dict[LeasedDelivery, asyncio.Task[None] | None]:
        places = {partition.place for partition in partitions}
        left = {
            delivery: task
            for delivery, task in self._held.items()
            if (delivery.lease.topic, ours(delivery.lease).partition) in places and not delivery.settled
        }
        for delivery, task in left.items():
            del self._held[delivery]
            delivery.lost = True
            log.warning("lease_lost", topic=delivery.lease.topic, key=delivery.lease.key)
            if task is not None:
                task.cancel()
        return left

    def _forget(self, partitions: Collection[Partition]) -> dict[Place, int]:
        positions: dict[Place, int] = {}
        for partition in partitions:
            if self._partitions.get(partition.place) is partition:
                del self._partitions[partition.place]
            if partition.window.position is not None:
                positions[partition.place] = partition.window.position
            for lane in partition.lanes.values():
                if lane.timer is not None:
                    lane.timer.cancel()
                self._ready.get(lane.topic, {}).pop(lane, None)
                self._bytes -= sum(record.size for record in lane.records)
        return positions

    async def _acquire(self, partitions: Sequence[Partition]) -> None:
        """Fence the owner before us; only then is anything handed out."""
        places = [partition.place for partition in partitions]
        failures = 0
        while any(self._partitions.get(partition.place) is partition for partition in partitions):
            try:
                async with self._db.transaction() as tx:
                    epochs = await claim_queries.acquire(tx, places, self._claimer.holder)
                break
            except DatabaseUnavailable:
                failures += 1
                await asyncio.sleep(backoff(failures))
        else:
            return
        of = {(topic, number): epoch for topic, number, epoch in epochs}
        for partition in partitions:
            partition.epoch = of[partition.place]
            for lane in partition.lanes.values():
                self._make_ready(lane)
        await self._find_parked()

    # What the dispatcher asks.

    def look_everywhere(self) -> None:
        self._start(self._find_parked())

    async def claim(self, shares: Mapping[str, int]) -> list[Lease]:
        async with self._claiming:
            lanes = [lane for topic, share in shares.items() for lane in self._pick(topic, share)]
            if not lanes:
                return []
            try:
                outcomes = await self._claimer.claim(lanes)
            except BaseException:
                for lane in lanes:
                    lane.busy = False
                    self._make_ready(lane)
                raise
            return [lease for outcome in outcomes if (lease := self._take(outcome)) is not None]

    def _pick(self, topic: str, share: int) -> list[Lane]:
        ready = self._ready.get(topic, {})
        lanes = [lane for lane, _ in zip(ready, range(share), strict=False)]
        for lane in lanes:
            del ready[lane]
            lane.busy = True  # from now on: what arrives meanwhile must not have it claimed twice
        return lanes

    def _take(self, outcome: Outcome) -> KafkaLease | None:
        lane = outcome.lane
        lane.busy = outcome.lease is not None
        if outcome.stale:
            log.warning("partition_lost", topic=lane.topic, partition=lane.partition.number)
            self.stale.set()
            return None
        lane.parked = outcome.parked
        for record in outcome.finished:
            assert lane.records[0] is record
            self._finish(lane)
        if outcome.lease is None:
            if outcome.wait > 0:
                self._wait(lane, outcome.wait)
            else:
                self._go_on(lane)
        return outcome.lease

    def hold(self, delivery: LeasedDelivery, task: asyncio.Task[None] | None) -> None:
        self._held[delivery] = task

    def drop(self, delivery: LeasedDelivery) -> None:
        if delivery not in self._held:
            return  # cut off: its partition went away
        del self._held[delivery]
        lease = ours(delivery.lease)
        lane = lease.lane
        lane.busy = False
        if self._partitions.get(lane.partition.place) is not lane.partition:
            return
        if delivery.lost:
            self._wait(lane, LOST_PAUSE)
            return
        if delivery.settled and not lease.parked:
            for record in lease.records:
                assert lane.records[0] is record
                self._finish(lane)
        # The database knows what comes next of a key that failed or is parked: a try, a pause, or nothing.
        self._go_on(lane, ask=lease.parked or not delivery.settled)

    async def keep_alive(self) -> None:
        """The consumer's thread keeps us in the group."""
        await asyncio.Event().wait()

    async def release(self) -> set[str]:
        leases = [ours(delivery.lease) for delivery in self._held if not delivery.settled]
        self._held.clear()
        await self._release(leases)
        return set()

    async def _release(self, leases: Sequence[KafkaLease]) -> None:
        """Give claims back; what can't be given back counts as an attempt of a worker that fell silent."""
        if leases:
            try:
                async with self._db.transaction() as tx:
                    await claim_queries.release(tx, leases)
            except DatabaseUnavailable:
                log.warning("leases_not_released", count=len(leases))

    # Inside.

    def _go_on(self, lane: Lane, *, ask: bool = False) -> None:
        if lane.records or ask:
            self._make_ready(lane)
        elif lane.partition.lanes.get(lane.key) is lane:
            del lane.partition.lanes[lane.key]

    def _make_ready(self, lane: Lane) -> None:
        if lane.partition.is_open and not lane.busy and lane.timer is None:
            self._ready.setdefault(lane.topic, {}).setdefault(lane)
            self.wake(lane.topic)

    def _wait(self, lane: Lane, seconds: float) -> None:
        if lane.timer is None:
            self._ready.get(lane.topic, {}).pop(lane, None)
            lane.timer = asyncio.get_running_loop().call_later(seconds, self._end_wait, lane)

    def _end_wait(self, lane: Lane) -> None:
        if lane.timer is not None:
            lane.timer.cancel()
            lane.timer = None
        if self._partitions.get(lane.partition.place) is lane.partition:
            self._make_ready(lane)

    def _finish(self, lane: Lane) -> None:
        record = lane.records.popleft()
        partition = lane.partition
        self._bytes -= record.size
        if partition.window.finish(record.offset) and partition.window.position is not None:
            self.commit(partition.place, partition.window.position)
        self._hold_back()

    def _hold_back(self) -> None:
        """Pause what has too much under way, and let it go on when half of that is done."""
        for partition in self._partitions.values():
            limit = WINDOW // 2 if partition.paused else WINDOW
            most = MOST_BYTES // 2 if partition.paused else MOST_BYTES
            full = len(partition.window) >= limit or self._bytes >= most
            if full != partition.paused:
                partition.paused = full
                self.hold_back(partition.place, full)

    async def _find_parked(self) -> None:
        """Parked keys of our partitions become lanes that wait until they are due."""
        places = [partition.place for partition in self._partitions.values() if partition.is_open]
        if not places:
            return
        with suppress(DatabaseUnavailable):
            async with self._db.transaction() as tx:
                heads = await claim_queries.list_parked_keys(tx, places)
            now = asyncio.get_running_loop().time()
            for head in heads:
                partition = self._partitions.get((head.topic, head.partition))
                if partition is not None and partition.is_open:
                    lane = partition.lane(head.key)
                    lane.parked = True
                    if lane.timer is not None and lane.timer.when() > now + head.due_in:
                        self._end_wait(lane)  # somebody brought it forward
                    if head.due_in > 0 and not lane.busy:
                        self._wait(lane, head.due_in)
                    self._make_ready(lane)

    def _start(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
