"""E-mail: formal, greeting and sign-off, at most 400 words; by Gmail, a plain mailbox, or neither."""

from __future__ import annotations

from typing import Any

from deskhand.channels import text
from deskhand.channels.base import Channel, ChannelHealth, InboundMessage, Outbound, Receipt, Reply
from deskhand.channels.email_settings import EmailSettings
from deskhand.channels.fields import read_message
from deskhand.channels.gmail import GmailChannel, GmailParts
from deskhand.channels.google_api import GmailApi
from deskhand.channels.google_push import GoogleKeys, PushDoor
from deskhand.channels.google_tokens import GoogleTokens, Secrets
from deskhand.channels.local_outbox import LocalOutbox
from deskhand.channels.mailbox import MailboxChannel
from deskhand.clock import Clock
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

    async def send(self, outbound: Outbound) -> Receipt:
        if self._outbox is None:
            raise ChannelError("No mailbox is configured for e-mail.", permanent=True)
        return await self._outbox.send(self.name, outbound)

    def health(self) -> ChannelHealth:
        if self._outbox is None:
            return ChannelHealth("not_configured", "no mailbox is configured")
        return ChannelHealth("local", "no mailbox is configured: replies go to the local outbox")


def open_gmail(settings: EmailSettings, company: Company, secrets: Secrets, clock: Clock) -> GmailChannel:
    """Nothing is asked of Google before the first look or send."""
    tokens = GoogleTokens(settings, secrets)
    door = PushDoor(settings, GoogleKeys(settings.gmail_certs_url, clock))
    return GmailChannel(settings, company, GmailParts(GmailApi(settings, tokens, now=clock.now), door, clock))


def open_email(
    settings: EmailSettings, company: Company, outbox: LocalOutbox | None, secrets: Secrets, clock: Clock
) -> Channel:
    """The e-mail channel by its provider; its name is the same whichever that is."""
    match settings.provider:
        case "gmail":
            return open_gmail(settings, company, secrets, clock)
        case "mailbox":
            return MailboxChannel(settings, company, clock)
        case "none":
            return EmailChannel(company, outbox)
