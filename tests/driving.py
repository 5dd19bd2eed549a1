"""Driving a desk in a test: a customer writes, the worker runs, the outcome is read."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID

from deskhand.desk import Desk
from deskhand.flows import intake
from deskhand.flows.outcome import Outcome, wait_for_outcome
from deskhand.worker import run_worker
from tests.fakes import FakeChannel

COUNT = itertools.count(1)
SENDERS = {
    "email": "dana@example.com",
    "web_form": "dana@example.com",
    "whatsapp": "+491701234567",
    "sms": "+491701234567",
}
PATIENCE = 20.0


def payload(body: str, *, channel: str = "email", **more: Any) -> dict[str, Any]:
    """What a front door stores."""
    return {
        "provider_id": f"provider-{next(COUNT)}",
        "sender": SENDERS[channel],
        "name": "Dana Fox",
        "body": body,
        "verified": channel != "web_form",
    } | more


async def say(desk: Desk, body: str, *, channel: str = "email", **more: Any) -> UUID:
    """A customer's message goes through the front door; returns its inbound id."""
    return (await intake.accept(desk, channel, payload(body, channel=channel, **more))).inbound_id


@asynccontextmanager
async def working(desk: Desk) -> AsyncGenerator[None]:
    """A worker runs inside the block and has drained behind it."""
    stop = asyncio.Event()
    worker = asyncio.create_task(run_worker(desk, stop))
    try:
        yield
    finally:
        stop.set()
        await worker


async def settle(desk: Desk, *inbound_ids: UUID) -> list[Outcome]:
    """Run a worker until all these messages have their outcome."""
    async with working(desk):
        return [await wait_for_outcome(desk, inbound_id, timeout=PATIENCE) for inbound_id in inbound_ids]


async def ask(desk: Desk, body: str, *, channel: str = "email", **more: Any) -> Outcome:
    """One message from the front door to its outcome."""
    return (await settle(desk, await say(desk, body, channel=channel, **more)))[0]


def with_channel(desk: Desk, name: str, **script: Any) -> tuple[Desk, FakeChannel]:
    """The desk with one channel's provider scripted."""
    fake = FakeChannel(desk.channels[name], **script)
    return replace(desk, channels=dict(desk.channels) | {name: fake}), fake
