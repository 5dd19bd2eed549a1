"""Pushes as they come over the wire."""

from __future__ import annotations

from deskhand.channels.base import HookRequest
from tests.channels.gmail.desk import GmailDesk
from tests.standins.pubsub_keys import notice


def push(gmail: GmailDesk, token: str | None = None, body: bytes | None = None, **headers: str) -> HookRequest:
    """A push with a good token and this mailbox in its body, unless told otherwise."""
    token = gmail.server.keys.token() if token is None else token
    given = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"} | headers
    content = notice(gmail.server.mailbox.address, gmail.server.mailbox.history_id) if body is None else body
    return HookRequest("POST", "", "", tuple(given.items()), content)
