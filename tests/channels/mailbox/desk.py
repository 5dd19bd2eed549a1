"""What stands around a mailbox channel in a test: a store that takes each mail once, and moves the cursor after it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from deskhand.channels.base import Batch, DeliveryUpdate, InboundMessage
from deskhand.channels.email_settings import EmailSettings
from deskhand.channels.mailbox import MailboxChannel
from deskhand.clock import TravelClock
from deskhand.company_folder import Company
from tests.standins.mailbox import PASSWORD, USER, MailServer


def settings_for(server: MailServer, **more: Any) -> EmailSettings:
    given: dict[str, Any] = {
        "provider": "mailbox",
        "address": USER,
        "secret_key": "k" * 40,
        "authserv_id": "mx.google.com",
        "imap_host": "127.0.0.1",
        "imap_port": server.imap_port,
        "imap_security": "none",
        "smtp_host": "127.0.0.1",
        "smtp_port": server.smtp_port,
        "smtp_security": "none",
        "mailbox_password": PASSWORD,
        "timeout": "2s",
        "_env_file": None,
    }
    return EmailSettings(**given | more)


@dataclass
class MailboxDesk:
    channel: MailboxChannel
    server: MailServer
    clock: TravelClock
    cursor: dict[str, Any] = field(default_factory=dict[str, Any])
    messages: dict[str, InboundMessage] = field(default_factory=dict[str, InboundMessage])
    arrivals: list[str] = field(default_factory=list[str])
    updates: list[DeliveryUpdate] = field(default_factory=list[DeliveryUpdate])
    notes: list[str] = field(default_factory=list[str])

    @classmethod
    def connected(cls, server: MailServer, company: Company, **more: Any) -> MailboxDesk:
        clock = TravelClock()
        return cls(MailboxChannel(settings_for(server, **more), company, clock), server, clock)

    async def look(self) -> Batch:
        batch = await self.channel.fetch(self.cursor)
        for raw in batch.messages:
            message = self.channel.parse(raw.payload)
            self.arrivals.append(message.body)
            self.messages.setdefault(message.provider_id, message)
        self.updates += batch.updates
        self.notes += batch.notes
        self.cursor = batch.cursor
        return batch

    async def look_until_done(self) -> None:
        while (await self.look()).more:
            pass
