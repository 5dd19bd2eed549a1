"""What a consumer has in memory of a partition: its messages by key, and up to where all is done."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field

from deskhand.transport.kafka.wire import Record


class Window:
    """Offsets under way. Only what is finished without a gap may be committed."""

    def __init__(self) -> None:
        self._pending: deque[int] = deque()
        self._finished: set[int] = set()
        self.position: int | None = None

    def __len__(self) -> int:
        return len(self._pending)

    def add(self, offset: int) -> None:
        self._pending.append(offset)

    def finish(self, offset: int) -> bool:
        """Whether the position went on by it."""
        self._finished.add(offset)
        before = self.position
        while self._pending and self._pending[0] in self._finished:
            done = self._pending.popleft()
            self._finished.discard(done)
            self.position = done + 1
        return self.position != before


@dataclass(eq=False, slots=True)
class Lane:
    """The messages of one key, in order. One that was handed out stays first until it is done."""

    topic: str
    key: str
    partition: Partition
    records: deque[Record] = field(default_factory=deque[Record])
    busy: bool = False
    parked: bool = False  # by what was last known
    timer: asyncio.TimerHandle | None = None  # will make it ready


@dataclass(eq=False, slots=True)
class Partition:
    topic: str
    number: int
    epoch: int | None = None  # unset: not acquired yet, so nothing may be handed out
    closing: bool = False
    paused: bool = False
    window: Window = field(default_factory=Window)
    lanes: dict[str, Lane] = field(default_factory=dict[str, Lane])

    @property
    def place(self) -> tuple[str, int]:
        return self.topic, self.number

    @property
    def is_open(self) -> bool:
        return self.epoch is not None and not self.closing

    def lane(self, key: str) -> Lane:
        lane = self.lanes.get(key)
        if lane is None:
            lane = self.lanes[key] = Lane(self.topic, key, self)
        return lane
