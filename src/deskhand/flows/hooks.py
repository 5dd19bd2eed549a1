"""Hooks: what an authentic call of a provider's brought takes effect in one transaction, once."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict

from deskhand import crash, inbound
from deskhand.channels.base import Channel, HookAnswer, Hooked, HookRequest
from deskhand.db import Tx
from deskhand.desk import Desk
from deskhand.errors import Forbidden
from deskhand.flows.keeping import keep_message
from deskhand.flows.receipts import apply_update
from deskhand.flows.waking import wake_mailbox
from deskhand.log import get_logger

log = get_logger("hooks")


def find_hooked(desk: Desk, door: str) -> Channel | None:
    """The channel whose provider posts to this door."""
    return next((item for item in desk.channels.values() if isinstance(item, Hooked) and item.door == door), None)


async def take_call(desk: Desk, channel: Channel, request: HookRequest) -> HookAnswer:
    """Check the call, and commit what it brought; returns after the commit.

    Raises:
        Forbidden: it is not authentic, or it is an authentic one cut up anew.
        Unauthorized: its token is not valid.
        InvalidInput: it is authentic but can't be understood.
        ChannelNotConfigured: no secret to check it by.
        DatabaseUnavailable: nothing took effect; the provider must call again.
    """
    assert isinstance(channel, Hooked)
    answer = await channel.hook(request)
    async with desk.db.transaction() as tx:
        if await _is_replay(desk, tx, channel.door, answer):
            log.info("hook_replayed", door=channel.door)
            return answer
        for raw in answer.messages:
            await keep_message(desk, tx, channel, raw)
        for update in answer.updates:
            await apply_update(desk, tx, channel.name, update)
        if answer.fetch:
            await wake_mailbox(desk, tx, channel.name)
    crash.here("after_intake_commit")
    return answer


async def _is_replay(desk: Desk, tx: Tx, door: str, answer: HookAnswer) -> bool:
    """Raises Forbidden when the same signature came with another content: somebody moves what is signed about."""
    if answer.fingerprint is None:
        return False
    content = content_hash(answer)
    known = await inbound.remember_fingerprint(tx, door, answer.fingerprint, content, at=desk.clock.now())
    if known is not None and known != content:
        log.error("hook_recut", door=door, fingerprint=answer.fingerprint)
        raise Forbidden("The same signature came before with another content.")
    return known is not None


def content_hash(answer: HookAnswer) -> bytes:
    """Of everything in it that takes effect."""
    brought = {
        "messages": [raw.payload for raw in answer.messages],
        "files": [hashlib.sha256(file.content).hexdigest() for raw in answer.messages for file in raw.files],
        "updates": [asdict(update) for update in answer.updates],
        "fetch": answer.fetch,
    }
    return hashlib.sha256(json.dumps(brought, sort_keys=True, default=str).encode()).digest()
