"""What becomes of a message whose handler failed: another try after a pause, or the dead letters."""

from __future__ import annotations

import random
import traceback
from datetime import timedelta

import psycopg

from deskhand.db import Database, Tx
from deskhand.errors import ChannelError, DatabaseUnavailable, DeskhandError, LeaseLost
from deskhand.log import get_logger
from deskhand.settings import Settings
from deskhand.transport.base import DeadLetter, OnDead, Postpone
from deskhand.transport.envelope import clean
from deskhand.transport.ledger import Ledger, PostgresLedger
from deskhand.transport.rows import Cause, Lease

LONGEST_ERROR = 1_000
LONGEST_TRACE = 6_000
AT_ONCE = timedelta(0)

log = get_logger("transport")


class NotSettled(Exception):
    """The handler returned without settling its delivery."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


def is_permanent(error: BaseException) -> bool:
    """Whether the error itself says that another try is of no use."""
    if isinstance(error, ChannelError):
        return error.permanent
    return isinstance(error, DeskhandError) and not error.retryable and not isinstance(error, LeaseLost)


def describe(error: BaseException) -> str:
    return clean(f"{type(error).__name__}: {error}", LONGEST_ERROR)


def shorten_trace(error: BaseException) -> str:
    return clean("".join(traceback.format_exception(error, limit=-12)), LONGEST_TRACE)


class Failures:
    def __init__(self, db: Database, settings: Settings, on_dead: OnDead | None, ledger: Ledger | None = None) -> None:
        self._db = db
        self._ledger = ledger or PostgresLedger()
        self._base = settings.queue_backoff
        self._cap = settings.queue_backoff_cap
        self._on_dead = on_dead

    async def record(self, lease: Lease, error: BaseException, attempts: int) -> timedelta:
        """Write down that a handler failed, and return the pause until the lane is due again.

        Raises:
            LeaseLost: the messages are somebody else's by now.
            DatabaseUnavailable: nothing was written.
        """
        if isinstance(error, Postpone):
            return await self._give_back(lease, error.delay)
        head = lease.messages[0]
        alone = lease.count == 1
        if alone and (is_permanent(error) or head.attempt >= attempts):
            cause = Cause(type(error).__name__, describe(error), shorten_trace(error), head.attempt)
            return await self.give_up(lease, cause)
        # Of several, any may be to blame for a permanent error: each is tried again by itself.
        pause = AT_ONCE if is_permanent(error) else self._pause(head.attempt)
        await self._try_again(lease, error, pause)
        log.info("delivery_failed", error=type(error).__name__, attempt=head.attempt, retry_in=pause.total_seconds())
        return pause

    async def give_up(self, lease: Lease, cause: Cause) -> timedelta:
        """Move the only message of the lease to the dead letters and free the lane."""
        async with self._db.transaction() as tx:
            letter = await self._ledger.bury(tx, lease, cause)
            if letter is not None:
                await self.tell(tx, letter)
            await self._ledger.acknowledge(tx, lease)
        log.warning("message_died", error=cause.kind, attempts=cause.attempts)
        return AT_ONCE

    async def tell(self, tx: Tx, letter: DeadLetter) -> None:
        """Run the hook. A fault of the database has everything repeated; any other must not keep the lane blocked."""
        if self._on_dead is None:
            return
        try:
            async with tx.transaction():
                await self._on_dead(tx, letter)
        except (psycopg.OperationalError, DatabaseUnavailable):
            raise
        except Exception:
            log.exception("dead_letter_hook_failed", letter_id=letter.id)

    async def _give_back(self, lease: Lease, pause: timedelta) -> timedelta:
        async with self._db.transaction() as tx:
            await self._ledger.postpone(tx, lease, pause)
        log.info("delivery_postponed", retry_in=pause.total_seconds())
        return pause

    async def _try_again(self, lease: Lease, error: BaseException, pause: timedelta) -> None:
        async with self._db.transaction() as tx:
            await self._ledger.record_attempt(tx, lease, describe(error))
            await self._ledger.postpone(tx, lease, pause)

    def _pause(self, attempt: int) -> timedelta:
        """Exponential with full jitter: anything between nothing and twice what the attempt before had at most."""
        longest = min(self._cap, self._base * 2 ** min(attempt - 1, 30))
        return longest * random.random()  # noqa: S311  # jitter, not a secret
