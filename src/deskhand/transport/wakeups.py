"""Telling consumers that a topic has something new: those of this process directly, others by NOTIFY.

All of it is a hint. What gets lost is found by the next poll.
"""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import timedelta

import psycopg

from deskhand.db import Database
from deskhand.errors import DatabaseUnavailable
from deskhand.log import get_logger

CHANNEL = "deskhand_queue"
LEAST_GAP = 0.005  # seconds between two notices of one topic from one process; 0.015 costs 8 ms of latency at 100/s
PING_AFTER = 30.0  # seconds of silence, after which a half-open connection would show itself
LONGEST_PAUSE = 5.0

Wake = Callable[[str | None], None]  # None: any topic may have something

log = get_logger("transport")


class Wakeups:
    def __init__(self, db: Database, *, listen: bool) -> None:
        self._db = db
        self._use_notices = listen
        self._sender = uuid.uuid4().hex[:12]
        self._consumers: set[Wake] = set()
        self._sent_at: dict[str, float] = {}
        self._due: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @contextmanager
    def consumer(self, wake: Wake) -> Generator[None]:
        self._consumers.add(wake)
        try:
            yield
        finally:
            self._consumers.discard(wake)

    def announce(self, topic: str) -> None:
        """Wake everybody who consumes `topic`. Many announcements in a row make one notice."""
        self._wake_here(topic)
        if self._use_notices and topic not in self._due:
            self._due.add(topic)
            task = asyncio.create_task(self._notify(topic))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def announce_later(self, topic: str, delay: timedelta) -> None:
        """Wake the consumers of this process when a delayed message is due; the others' poll finds it."""
        asyncio.get_running_loop().call_later(delay.total_seconds(), self._wake_here, topic)

    def _wake_here(self, topic: str | None) -> None:
        for wake in self._consumers:
            wake(topic)

    async def _notify(self, topic: str) -> None:
        loop = asyncio.get_running_loop()
        try:
            await asyncio.sleep(self._sent_at.get(topic, 0.0) + LEAST_GAP - loop.time())
            self._sent_at[topic] = loop.time()
        finally:
            self._due.discard(topic)  # before sending: what commits meanwhile needs a notice of its own
        try:
            await self._db.notify(CHANNEL, f"{self._sender} {topic}")
        except (DatabaseUnavailable, psycopg.Error):
            log.debug("notice_lost", topic=topic)

    async def listen(self) -> None:
        """Pass other processes' notices on until cancelled, connecting again whenever the connection is lost."""
        pause = 0.1
        while self._use_notices:
            try:
                async with self._db.listening() as connection:
                    await connection.execute(f"listen {CHANNEL}")
                    pause = 0.1
                    self._wake_here(None)  # notices may have been missed
                    while True:
                        async for notice in connection.notifies(timeout=PING_AFTER):
                            self._receive(notice.payload)
                        await connection.execute("select 1")
            except (DatabaseUnavailable, psycopg.Error):
                log.debug("listener_disconnected", retry_in=pause)
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311  # jitter, not a secret
            pause = min(pause * 2, LONGEST_PAUSE)

    def _receive(self, payload: str) -> None:
        sender, _, topic = payload.partition(" ")
        if sender != self._sender:
            self._wake_here(topic)

    async def close(self) -> None:
        """Wait for the notices under way."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=1.0)
