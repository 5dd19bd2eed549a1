"""Keeping: what a provider hands us is stored whatever it is; what can't be read is kept with the cause."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from deskhand import inbound
from deskhand.channels.base import Channel, RawMessage
from deskhand.db import Tx
from deskhand.desk import Desk
from deskhand.errors import InvalidInput
from deskhand.flows import intake
from deskhand.log import get_logger

log = get_logger("keeping")


async def keep_message(desk: Desk, tx: Tx, channel: Channel, raw: RawMessage) -> None:
    """One broken message must stop neither the mailbox nor the messages that came with it."""
    try:
        message = channel.parse(raw.payload)
    except Exception as error:  # whatever it is, a person must get to see it
        await _keep_unreadable(desk, tx, channel.name, raw, error)
        return
    try:
        async with tx.transaction():
            stored, _ = await intake.store(desk, tx, message, raw)
    except InvalidInput as error:
        await _keep_unreadable(desk, tx, channel.name, raw, error)
        return
    log.debug("provider_message_kept", channel=channel.name, is_new=stored is not None)


async def _keep_unreadable(desk: Desk, tx: Tx, channel: str, raw: RawMessage, error: Exception) -> None:
    cause = str(error) if isinstance(error, InvalidInput) else f"{type(error).__name__}: {error}"
    payload = _storable(raw.payload)
    stored = await inbound.store(
        tx,
        channel=channel,
        provider_id=_name_of(payload),
        payload=payload,
        reference=None,
        access_hash=None,
        at=desk.clock.now(),
    )
    if stored is not None:
        await inbound.settle(
            tx, stored, outcome="failed", detail=_clean(cause)[:500], message_id=None, at=desk.clock.now()
        )
        log.error("provider_message_unreadable", channel=channel, inbound_id=str(stored), error=type(error).__name__)


def _name_of(payload: dict[str, Any]) -> str:
    given = payload.get("provider_id")
    if isinstance(given, str) and given.strip():
        return given
    return f"unreadable:{hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()}"


def _storable(payload: dict[str, Any]) -> dict[str, Any]:
    """The payload as JSON that PostgreSQL takes: without NUL and half characters, and what is no JSON as text."""
    text = json.dumps(payload, default=str, ensure_ascii=False).replace("\\u0000", "")
    return json.loads(_clean(text))


def _clean(text: str) -> str:
    return text.replace("\0", "").encode("utf-8", "replace").decode()
