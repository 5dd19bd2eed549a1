"""E-mail through Gmail: read from a cursor, hurried by pushes, answered in the customer's thread."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from deskhand.channels import text
from deskhand.channels.base import (
    Batch,
    ChannelHealth,
    HookAnswer,
    HookRequest,
    InboundMessage,
    Outbound,
    Receipt,
    Reply,
)
from deskhand.channels.correspondence import Correspondence
from deskhand.channels.email_settings import EmailSettings
from deskhand.channels.fields import read_message
from deskhand.channels.gmail_sending import GmailSending
from deskhand.channels.gmail_sync import GmailSync
from deskhand.channels.google_api import GmailApi, GmailSession, Missing
from deskhand.channels.google_push import PushDoor
from deskhand.clock import Clock
from deskhand.company_folder import Company
from deskhand.errors import ChannelError


@dataclass(frozen=True, slots=True)
class GmailParts:
    """What the channel is put together from."""

    api: GmailApi
    door: PushDoor
    clock: Clock


class GmailChannel:
    """`door` is the name under which pushes come in."""

    name = "email"
    label = "E-mail"
    is_chat = False
    door = "gmail"

    def __init__(self, settings: EmailSettings, company: Company, parts: GmailParts) -> None:
        correspondence = Correspondence(settings, company.profile.team)
        self._settings = settings
        self._company = company
        self._api = parts.api
        self._push = parts.door
        self._clock = parts.clock
        self._sync = GmailSync(settings, correspondence)
        self._sending = GmailSending(correspondence)

    @property
    def fetch_every(self) -> timedelta:
        return self._settings.fetch_every

    def parse(self, payload: dict[str, Any]) -> InboundMessage:
        return read_message(self.name, "email", payload)

    def format(self, reply: Reply) -> tuple[str, ...]:
        return (text.letter(reply, self._company, self.name),)

    def health(self) -> ChannelHealth:
        return ChannelHealth("ready", f"Gmail, {self._settings.address}")

    async def fetch(self, cursor: dict[str, Any]) -> Batch:
        async with self._asking() as session:
            return await self._sync.look(session, cursor, self._clock.now())

    async def hook(self, request: HookRequest) -> HookAnswer:
        return await self._push.answer(request)

    async def send(self, outbound: Outbound) -> Receipt:
        async with self._asking() as session:
            return await self._sending.send(session, outbound, self._clock.now())

    async def find_sent(self, outbound: Outbound, since: datetime) -> Receipt | None:
        async with self._asking() as session:
            return await self._sending.find(session, outbound, since)

    async def watch(self) -> datetime:
        """Ask for pushes now; returns when they end. Raises ChannelError."""
        topic = self._settings.gmail_topic
        if topic is None:
            raise ChannelError("DESKHAND_EMAIL_GMAIL_TOPIC is not set: mail is fetched by looking.", permanent=True)
        async with self._asking() as session:
            return await session.watch(topic)

    async def unwatch(self) -> None:
        async with self._asking() as session:
            await session.stop()

    @asynccontextmanager
    async def _asking(self) -> AsyncGenerator[GmailSession]:
        """An answer without the fields that it must have is the provider's error, not ours."""
        try:
            async with self._api.open() as session:
                yield session
        except Missing as error:
            raise ChannelError("Gmail knows no such mailbox or message.", permanent=True) from error
        except (KeyError, TypeError, ValueError) as error:
            raise ChannelError(
                f"Gmail's answer can't be read ({type(error).__name__}).", permanent=False, was_sent=None
            ) from error
