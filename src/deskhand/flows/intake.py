"""Intake: a front door stores what came and says yes after the commit; the worker does the rest."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from deskhand import crash, files, inbound, tickets
from deskhand.channels.base import InboundMessage, NewFile, RawMessage
from deskhand.db import Tx
from deskhand.desk import Desk
from deskhand.errors import Conflict
from deskhand.flows.attachments import fit
from deskhand.inbound import Inbound


@dataclass(frozen=True, slots=True)
class Accepted:
    """What a front door may tell its sender. `access_token` is known here only: we keep its hash."""

    inbound_id: UUID
    reference: str | None
    access_token: str | None
    duplicate: bool


def access_hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def derive_access_token(idempotency_key: str) -> str:
    """The same token for the same key, so that a form posted twice gets the same answer twice.

    The key is made by the sender with at least 128 random bits, so what is derived from it is as hard to guess.
    """
    return hashlib.sha256(b"deskhand status page\0" + idempotency_key.encode()).hexdigest()[:43]


def lane_of(channel: str, sender: str) -> str:
    """One sender's messages stay in order; the key is written to logs, so it names nobody."""
    return f"{channel}:{hashlib.sha256(sender.encode()).hexdigest()[:32]}"


async def accept(
    desk: Desk,
    channel: str,
    payload: dict[str, Any],
    *,
    files: Sequence[NewFile] = (),
    promise_reference: bool = False,
    idempotency_key: str = "",
) -> Accepted:
    """Store raw input and publish it in one transaction; returns after the commit.

    A provider id seen before changes nothing and gives back what the first call gave.

    Raises:
        InvalidInput: the payload is no message of this channel.
        Conflict: the sender's key, or the id that a reference was promised for, came before with other content.
        DatabaseUnavailable: nothing was stored; the sender must try again.
    """
    message = desk.channels[channel].parse(payload)
    token = derive_access_token(idempotency_key) if idempotency_key else secrets.token_urlsafe(32)
    accepted: Accepted | None = None
    async with desk.db.transaction() as tx:
        known = await inbound.find_by_provider_id(tx, channel, message.provider_id)
        if known is None:
            reference = None
            if promise_reference:
                reference = await tickets.reserve_reference(
                    tx, prefix=desk.settings.reference_prefix, day=desk.clock.now()
                )
            stored, known = await store(
                desk,
                tx,
                message,
                RawMessage(payload, tuple(files)),
                reference=reference,
                access_hash=access_hash(token) if promise_reference else None,
            )
            if stored is not None:
                accepted = Accepted(stored, reference, token if promise_reference else None, duplicate=False)
    if accepted is not None:
        crash.here("after_intake_commit")
        return accepted
    assert known is not None
    if (promise_reference or idempotency_key) and known.payload != payload:
        raise Conflict("This idempotency key was used for another message.", field="Idempotency-Key")
    return Accepted(known.id, known.reference, token if idempotency_key else None, duplicate=True)


async def store(
    desk: Desk,
    tx: Tx,
    message: InboundMessage,
    raw: RawMessage,
    *,
    reference: str | None = None,
    access_hash: bytes | None = None,
) -> tuple[UUID | None, Inbound | None]:
    """Store and publish one message, with its files: its id, or the row that was there first and stays as it is."""
    kept, left_out = fit(raw.files, desk.settings)
    stored = await inbound.store(
        tx,
        channel=message.channel,
        provider_id=message.provider_id,
        payload=raw.payload,
        reference=reference,
        access_hash=access_hash,
        notes=left_out,
        at=desk.clock.now(),
    )
    if stored is None:
        return None, await inbound.find_by_provider_id(tx, message.channel, message.provider_id)
    for position, file in enumerate(kept, start=1):
        await files.store(
            tx,
            stored,
            position=position,
            name=file.name,
            content_type=file.content_type,
            content=file.content,
            content_id=file.content_id,
        )
    await publish(desk, tx, stored, message)
    return stored, None


async def publish(desk: Desk, tx: Tx, inbound_id: UUID, message: InboundMessage, **more: Any) -> None:
    """Hand stored input to the worker."""
    await desk.transport.publish(
        tx,
        desk.topics.inbound(message.channel),
        lane_of(message.channel, message.sender),
        {"inbound_id": str(inbound_id)} | more,
        dedup_key=str(inbound_id),
    )
