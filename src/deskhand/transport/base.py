"""What every transport promises: at least once, in order by key and one at a time, acknowledged with the work."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeAlias

from deskhand.db import Tx

JsonObject: TypeAlias = Mapping[str, Any]

REPLAYED_FROM = "replayed-from"


@dataclass(frozen=True, slots=True)
class Message:
    id: int
    topic: str
    key: str
    payload: JsonObject
    headers: Mapping[str, str]
    attempt: int  # 1 = the first
    published_at: datetime


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that was given up, with the reason."""

    id: int  # the message's own
    topic: str
    key: str
    payload: JsonObject
    headers: Mapping[str, str]
    attempts: int
    error: str
    trace: str
    published_at: datetime
    died_at: datetime


@dataclass(frozen=True, slots=True)
class TopicLag:
    """How far consumers are behind."""

    topic: str
    pending: int  # everything not acknowledged; the next two are parts of it
    in_flight: int
    waiting_retry: int  # the key waits for a retry or a delay, and all behind it with it
    oldest_age_seconds: float
    dead: int


class Delivery(Protocol):
    """One or more messages of one key, in publish order, leased to one handler."""

    @property
    def messages(self) -> tuple[Message, ...]: ...

    def settle(self) -> AbstractAsyncContextManager[Tx]:
        """The transaction of the work: its rows and the acknowledgement of all messages commit together.

            async with delivery.settle() as tx:
                await tickets.open_ticket(tx, ...)

        Keep network and model calls outside of it. A handler settles once, as its last act; if the block raises,
        nothing has happened and the messages stay.

        Raises:
            LeaseLost: on leaving the block; somebody else owns the messages by now, all is rolled back. Let it pass.
        """
        ...


Handler: TypeAlias = Callable[[Delivery], Awaitable[None]]
OnDead: TypeAlias = Callable[[Tx, DeadLetter], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Subscription:
    topic: str
    handler: Handler
    batch: int = 1  # so many messages of one key at the most are handed over together
    attempts: int | None = None  # unset: settings.queue_attempts


class Postpone(Exception):
    """A handler raises it to have its messages again after `delay`; this counts as no attempt.

    For work that can't be done now through no fault of the message: an open circuit breaker, a Retry-After.
    """

    def __init__(self, delay: timedelta) -> None:
        super().__init__(f"postponed by {delay}")
        self.delay = delay


class Transport(Protocol):
    async def publish(
        self,
        tx: Tx,
        topic: str,
        key: str | None,
        payload: JsonObject,
        *,
        dedup_key: str | None = None,
        headers: Mapping[str, str] | None = None,
        delay: timedelta | None = None,
    ) -> bool:
        """Publish with the commit of `tx`. Messages of one key are handed out in the order of the commits.

        `key` None means that order doesn't matter. While a message of the same topic and `dedup_key` waits to be
        handled, a second one is dropped and the result is False. A delayed message holds up the later ones of its key.

        Raises:
            InvalidInput: the payload is too large or can't be stored.
        """
        ...

    async def run(
        self, subscriptions: Sequence[Subscription], stop: asyncio.Event, *, on_dead: OnDead | None = None
    ) -> None:
        """Consume until `stop` is set, then finish what is under way.

        What is not finished after `settings.drain` goes back without counting as an attempt. A handler that raises is
        given its messages again after a pause; at the last attempt, or at once when the error says that a retry is of
        no use, the message becomes a dead letter and `on_dead` runs in the transaction that makes it one.
        """
        ...

    async def check(self, *, subscribed: Collection[str], published: Collection[str]) -> None:
        """Refuse to start with a topic that nobody consumes.

        Raises:
            SetupInvalid: names the topic.
        """
        ...

    async def lag(self) -> list[TopicLag]: ...

    async def list_dead_letters(
        self, topic: str | None = None, *, limit: int = 50, before_id: int | None = None
    ) -> list[DeadLetter]:
        """Newest first; `before_id` continues behind the last one seen."""
        ...

    async def replay(self, *, ids: Collection[int] | None = None, topic: str | None = None) -> int:
        """Publish dead letters again, with fresh attempts and their first id in the header `replayed-from`."""
        ...

    async def purge(self, topic: str, *, dead: bool) -> int:
        """Delete a topic's dead letters, or all that waits in it, work under way included."""
        ...

    async def close(self) -> None:
        """Let go of what publishing has opened."""
        ...
