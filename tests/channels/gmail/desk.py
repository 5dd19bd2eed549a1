"""What stands around a Gmail channel in a test: its settings, its secrets, and a store that takes each mail once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from deskhand.channels.base import Batch, DeliveryUpdate, InboundMessage
from deskhand.channels.email import open_gmail
from deskhand.channels.email_settings import EmailSettings
from deskhand.channels.gmail import GmailChannel
from deskhand.channels.google_api import GmailApi
from deskhand.channels.google_tokens import SCOPES, secret_name
from deskhand.clock import TravelClock
from deskhand.company_folder import Company
from tests.standins.google import GoogleServer
from tests.standins.google_oauth import CLIENT_ID, CLIENT_SECRET
from tests.standins.pubsub_keys import ACCOUNT, AUDIENCE

TOPIC = "projects/standin/topics/gmail"


def settings_for(server: GoogleServer, **more: Any) -> EmailSettings:
    given: dict[str, Any] = {
        "provider": "gmail",
        "address": server.mailbox.address,
        "secret_key": "k" * 40,
        "gmail_client_id": CLIENT_ID,
        "gmail_client_secret": CLIENT_SECRET,
        "gmail_api_url": server.address,
        "gmail_token_url": f"{server.address}/token",
        "gmail_consent_url": f"{server.address}/consent",
        "gmail_certs_url": f"{server.address}/certs",
        "gmail_push_audience": AUDIENCE,
        "gmail_push_account": ACCOUNT,
        "timeout": "2s",
        "_env_file": None,
    }
    return EmailSettings(**given | more)


@dataclass
class Safe:
    """Secrets in memory."""

    kept: dict[str, str] = field(default_factory=dict[str, str])

    async def read(self, name: str) -> str | None:
        return self.kept.get(name)

    async def write(self, name: str, secret: str) -> None:
        self.kept[name] = secret


@dataclass
class GmailDesk:
    """`look` does what the fetch loop does: store, each provider id once, and only then move the cursor."""

    channel: GmailChannel
    server: GoogleServer
    settings: EmailSettings
    safe: Safe
    clock: TravelClock
    pauses: list[float] = field(default_factory=list[float])
    cursor: dict[str, Any] = field(default_factory=dict[str, Any])
    messages: dict[str, InboundMessage] = field(default_factory=dict[str, InboundMessage])
    arrivals: list[str] = field(default_factory=list[str])
    updates: list[DeliveryUpdate] = field(default_factory=list[DeliveryUpdate])
    notes: list[str] = field(default_factory=list[str])

    @classmethod
    def connected(cls, server: GoogleServer, company: Company, clock: TravelClock, **more: Any) -> GmailDesk:
        settings = settings_for(server, **more)
        safe = Safe({secret_name(settings.address): server.oauth.refresh_token(SCOPES)})
        desk = cls(open_gmail(settings, company, safe, clock), server, settings, safe, clock)

        async def no_pause(seconds: float) -> None:
            desk.pauses.append(seconds)
            await asyncio.sleep(0)

        api: GmailApi = desk.channel._api
        api._pause = no_pause
        return desk

    async def look(self) -> Batch:
        batch = await self.channel.fetch(self.cursor)
        for raw in batch.messages:
            message = self.channel.parse(raw.payload)
            if message.provider_id not in self.messages:
                self.arrivals.append(message.provider_id)
            self.messages.setdefault(message.provider_id, message)
        self.updates += batch.updates
        self.notes += batch.notes
        self.cursor = batch.cursor
        return batch

    async def look_until_done(self) -> None:
        while (await self.look()).more:
            pass
