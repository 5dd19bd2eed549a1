"""The form's messages and replies on their way through the front door."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from deskhand import inbound
from deskhand.api.schemas import Submitted, SupportMessage
from deskhand.api.status_view import open_row, sla_for_strangers, status_link
from deskhand.channels.base import NewFile
from deskhand.desk import Desk
from deskhand.errors import Conflict
from deskhand.flows import intake
from deskhand.inbound import Inbound
from deskhand.log import get_logger

CHANNEL = "web_form"
TRAPPED = "a field that people don't see was filled in"
log = get_logger("api")


class BeingChecked(Conflict):
    """This message is being checked by a person: nothing can be added to it yet."""


@dataclass(frozen=True, slots=True)
class Sent:
    """How a message was sent: its key, its files, and how long the form was open, if that is known."""

    key: str = ""
    files: Sequence[NewFile] = ()
    open_seconds: float | None = None


def seconds_since(opened_at: str) -> float | None:
    """Since the moment that a page of ours carries, in milliseconds; None for what is no such moment."""
    if not (opened_at.isdecimal() and len(opened_at) <= 15):
        return None
    return time.time() - int(opened_at) / 1000


def now_in_milliseconds() -> str:
    return str(int(time.time() * 1000))


async def accept_message(desk: Desk, message: SupportMessage, sent: Sent) -> Submitted:
    """Through the front door. Raises Conflict and DatabaseUnavailable, as `intake.accept` does."""
    content = {"sender": message.email, "name": message.name, "subject": message.subject, "body": message.message}
    payload: dict[str, Any] = {"provider_id": _provider_id(sent.key), **content, **_fingerprint(sent.files)}
    if message.category is not None:
        payload["notes"] = [f"The sender's page says: {message.category.replace('_', ' ')}"]
    known = await _find_known(desk, payload["provider_id"], sent.key)
    # What a first try was taken for, the same message stays, whenever it is sent again.
    cause = known.payload.get("automatic") if known is not None else _robot_like(desk, message, sent)
    if cause:
        payload["automatic"] = cause
    accepted = await intake.accept(
        desk,
        CHANNEL,
        payload,
        files=sent.files,
        promise_reference=True,
        # With the content in it, the token can't be made from a key that somebody chose badly.
        idempotency_key="\0".join((sent.key, *content.values())) if sent.key else "",
    )
    assert accepted.reference is not None
    assert accepted.access_token is not None
    log.info("form_accepted", reference=accepted.reference, duplicate=accepted.duplicate, files=len(sent.files))
    return Submitted(
        reference=accepted.reference,
        status_url=status_link(desk, accepted.reference, accepted.access_token),
        access_token=accepted.access_token,
        sla=sla_for_strangers(desk),
    )


async def accept_reply(desk: Desk, reference: str, token: str | None, text: str, sent: Sent) -> None:
    """A further message of the same sender in the same conversation.

    Raises:
        NotFound: reference or token are wrong.
        Conflict: the key came before with another reply.
        BeingChecked: the first message waits for a person.
    """
    async with desk.db.transaction() as tx:
        root = await open_row(tx, reference, token)
    first = desk.channels[CHANNEL].parse(root.payload)
    if root.outcome in ("suspended", "failed") or (first.automatic and root.outcome != "filed"):
        raise BeingChecked
    # The page's reference in the key: one key on two pages is two replies.
    provider_id = _provider_id(f"{reference}\0{sent.key}" if sent.key else "")
    payload: dict[str, Any] = {
        "provider_id": provider_id,
        "sender": first.sender,
        "name": first.name,
        "subject": first.subject,
        "body": text,
        "answers": [first.provider_id],
        **_fingerprint(sent.files),
    }
    accepted = await intake.accept(desk, CHANNEL, payload, files=sent.files, idempotency_key=sent.key)
    log.info("form_reply_accepted", reference=reference, duplicate=accepted.duplicate, files=len(sent.files))


def _provider_id(key: str) -> str:
    """The key itself is not kept: who reads the database must not be able to make the token from it."""
    return f"key:{hashlib.sha256(key.encode()).hexdigest()}" if key else f"post:{uuid4().hex}"


def _fingerprint(files: Sequence[NewFile]) -> dict[str, Any]:
    """The same key with other files is another message."""
    if not files:
        return {}
    digest = hashlib.sha256()
    for file in files:
        digest.update(hashlib.sha256(file.name.encode()).digest() + hashlib.sha256(file.content).digest())
    return {"headers": {"Files": digest.hexdigest()}}


def _robot_like(desk: Desk, message: SupportMessage, sent: Sent) -> str | None:
    """Why a program seems to have sent it: such a message is kept, shown and left to a person."""
    least = desk.settings.form_min_fill.total_seconds()
    seconds = message.filled_ms / 1000 if message.filled_ms is not None else sent.open_seconds
    if message.website:
        return TRAPPED
    if seconds is not None and seconds < least:
        return f"sent {max(0.0, seconds):.1f} seconds after the form was opened"
    return None


async def _find_known(desk: Desk, provider_id: str, key: str) -> Inbound | None:
    if not key:
        return None
    async with desk.db.transaction() as tx:
        return await inbound.find_by_provider_id(tx, CHANNEL, provider_id)
