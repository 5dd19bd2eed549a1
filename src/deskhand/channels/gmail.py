"""E-mail: formal, greeting and sign-off, one message of at most 400 words."""

from __future__ import annotations

from typing import Any

from deskhand.channels import text
from deskhand.channels.base import ChannelHealth, InboundMessage, Receipt, Reply
from deskhand.channels.fields import read_message
from deskhand.channels.local_outbox import LocalOutbox
from deskhand.company_folder import Company
from deskhand.errors import ChannelError


class EmailChannel:
    """Without a configured mailbox it writes to the local outbox, in development only."""

    name = "email"
    label = "E-mail"
    is_chat = False

    def __init__(self, company: Company, outbox: LocalOutbox | None) -> None:
        self._company = company
        self._outbox = outbox

    def parse(self, payload: dict[str, Any]) -> InboundMessage:
        return read_message(self.name, "email", payload)

    def format(self, reply: Reply) -> tuple[str, ...]:
        return (text.letter(reply, self._company, self.name),)

    async def send(self, recipient: str, parts: tuple[str, ...], *, delivery_id: str) -> Receipt:
        if self._outbox is None:
            raise ChannelError("No mailbox is configured for e-mail.", permanent=True)
        return await self._outbox.send(self.name, recipient, parts, delivery_id=delivery_id)

    def health(self) -> ChannelHealth:
        if self._outbox is None:
            return ChannelHealth("not_configured", "no mailbox is configured")
        return ChannelHealth("local", "no mailbox is configured: replies go to the local outbox")
