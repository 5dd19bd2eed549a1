"""The web form: semi-formal, at most 300 words, answered on the ticket's status page."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from deskhand.channels import text
from deskhand.channels.base import ChannelHealth, InboundMessage, Outbound, Receipt, Reply
from deskhand.channels.fields import read_message
from deskhand.company_folder import Company


class WebFormChannel:
    name = "web_form"
    label = "Web form"
    is_chat = False

    def __init__(self, company: Company) -> None:
        self._company = company

    def parse(self, payload: dict[str, Any]) -> InboundMessage:
        return read_message(self.name, "email", payload)

    def format(self, reply: Reply) -> tuple[str, ...]:
        return (text.letter(reply, self._company, self.name),)

    async def send(self, outbound: Outbound) -> Receipt:
        """The status page reads the stored reply, so it is with the customer as soon as it is committed."""
        return Receipt("delivered", f"page:{outbound.delivery_id}", "shown on the status page")

    async def find_sent(self, outbound: Outbound, since: datetime) -> Receipt | None:
        """What is stored is shown, whether or not a worker lived to say so."""
        return await self.send(outbound)

    def health(self) -> ChannelHealth:
        return ChannelHealth("ready", "answers are shown on the status page")
