"""WhatsApp: conversational, about 300 characters a message, 1,600 at the most, split at sentence ends."""

from __future__ import annotations

from typing import Any

from deskhand.channels import text
from deskhand.channels.base import ChannelHealth, InboundMessage, Receipt, Reply
from deskhand.channels.fields import read_message
from deskhand.channels.local_outbox import LocalOutbox
from deskhand.company_folder import Company
from deskhand.errors import ChannelError

HARD_LIMIT = 1600
PREFERRED = 300


class WhatsAppChannel:
    """Without a configured account it writes to the local outbox, in development only."""

    name = "whatsapp"
    label = "WhatsApp"
    is_chat = True

    def __init__(self, company: Company, outbox: LocalOutbox | None) -> None:
        self._company = company
        self._outbox = outbox

    def parse(self, payload: dict[str, Any]) -> InboundMessage:
        return read_message(self.name, "phone", payload)

    def format(self, reply: Reply) -> tuple[str, ...]:
        voice = self._company.voice.channels[self.name]
        pieces = [text.greeting(reply, voice), text.plain(reply.text)]
        if reply.links:
            pieces.append("👉 " + reply.links[0][1])
        if reply.disclosure:
            pieces.append(reply.disclosure)
        body = "\n".join(piece for piece in pieces if piece)
        return text.split_at_sentences(body, voice.preferred_characters or PREFERRED, HARD_LIMIT)

    async def send(self, recipient: str, parts: tuple[str, ...], *, delivery_id: str) -> Receipt:
        if self._outbox is None:
            raise ChannelError("No account is configured for WhatsApp.", permanent=True)
        return await self._outbox.send(self.name, recipient, parts, delivery_id=delivery_id)

    def health(self) -> ChannelHealth:
        if self._outbox is None:
            return ChannelHealth("not_configured", "no Twilio account is configured")
        return ChannelHealth("local", "no Twilio account is configured: replies go to the local outbox")
