"""The worker process: consumes every topic until it is told to stop, then finishes what is under way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from deskhand.db import Tx
from deskhand.desk import Desk
from deskhand.flows import delivery, fetching, filing, handoff, linking, metrics, turn
from deskhand.log import get_logger
from deskhand.transport.base import DeadLetter, Delivery, Subscription

log = get_logger("worker")

Consumer = Callable[[Desk, Delivery], Awaitable[None]]
Mourner = Callable[[Desk, Tx, DeadLetter], Awaitable[None]]


def consumers(desk: Desk) -> dict[str, tuple[Consumer, Mourner | None, int]]:
    """For each topic: what handles a message, what records one that was given up, and the batch size."""
    topics = desk.topics
    return {
        **{topics.inbound(name): (filing.file_message, filing.record_failure, 10) for name in topics.channels},
        topics.mailboxes: (fetching.look_into_mailbox, None, 1),
        topics.tickets_incoming: (turn.take_turn, turn.record_failure, 1),
        topics.deliveries: (delivery.deliver, delivery.record_failure, 1),
        topics.escalations: (handoff.notify_owner, handoff.record_failure, 1),
        topics.link_codes: (linking.mail_code, None, 1),
        topics.metrics: (metrics.record_figures, None, 100),
    }


def subscriptions(desk: Desk) -> list[Subscription]:
    tries = dict.fromkeys((desk.topics.deliveries, desk.topics.escalations), desk.settings.delivery_attempts)
    return [
        Subscription(topic, partial(handle, desk), batch, tries.get(topic))
        for topic, (handle, _, batch) in consumers(desk).items()
    ]


async def record_dead(desk: Desk, tx: Tx, letter: DeadLetter) -> None:
    """In the transaction that buries a message: mark what it stood for, so that nobody is forgotten."""
    entry = consumers(desk).get(letter.topic)
    if entry is not None and entry[1] is not None:
        await entry[1](desk, tx, letter)


async def run_worker(desk: Desk, stop: asyncio.Event) -> None:
    """Consume until `stop` is set, then drain.

    Raises:
        SetupInvalid: a topic that is published to has no consumer.
    """
    wanted = subscriptions(desk)
    await desk.transport.check(subscribed={item.topic for item in wanted}, published=desk.topics.consumed)
    log.info("worker_started", topics=len(wanted), concurrency=desk.settings.worker_concurrency)
    waking = asyncio.create_task(fetching.keep_waking(desk, stop), name="mailboxes")
    try:
        await desk.transport.run(wanted, stop, on_dead=partial(record_dead, desk))
    finally:
        waking.cancel()
        await asyncio.gather(waking, return_exceptions=True)
    log.info("worker_stopped")
