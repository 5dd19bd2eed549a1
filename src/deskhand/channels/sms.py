"""SMS through Twilio: plain text, about 300 characters a message; there when its account is configured."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, ClassVar, Final

from pydantic_settings import SettingsConfigDict

from deskhand.channels import text
from deskhand.channels.base import (
    ChannelHealth,
    HookAnswer,
    HookRequest,
    InboundMessage,
    NewFile,
    Outbound,
    Receipt,
    Reply,
)
from deskhand.channels.twilio_line import HARD_LIMIT, TwilioLine, read_stored
from deskhand.channels.twilio_requests import Call
from deskhand.channels.twilio_settings import TwilioSettings, read_account
from deskhand.clock import Clock, SystemClock
from deskhand.company_folder import Company
from deskhand.customers import normalise
from deskhand.errors import ChannelError, InvalidInput
from deskhand.settings import Settings

PREFERRED: Final = 300


class SmsSettings(TwilioSettings):
    """Every field is a variable `DESKHAND_SMS_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix="DESKHAND_SMS_")

    label: ClassVar[str] = "SMS"
    door: ClassVar[str] = "sms"
    sender_form: ClassVar[re.Pattern[str]] = re.compile(r"\+[0-9]{5,20}|[0-9]{3,8}")
    sender_example: ClassVar[str] = "+14155238886"


class SmsChannel:
    name = "sms"
    label = "SMS"
    door = "sms"
    is_chat = True

    def __init__(self, company: Company, account: SmsSettings, clock: Clock | None = None) -> None:
        self._company = company
        self._line = TwilioLine(account, clock or SystemClock())

    @classmethod
    def build(cls, settings: Settings, company: Company, clock: Clock | None = None) -> tuple[SmsChannel, ...]:
        """The channel, or none when nothing is configured. Raises SetupInvalid when the account is half configured."""
        account = read_account(SmsSettings, settings)
        return () if account is None else (cls(company, account, clock),)

    async def hook(self, request: HookRequest) -> HookAnswer:
        return self._line.read(request, _sender_of)

    def parse(self, payload: dict[str, Any]) -> InboundMessage:
        stored = read_stored(payload)
        return InboundMessage(
            channel=self.name,
            provider_id=stored.provider_id,
            sender_kind="phone",
            sender=normalise("phone", stored.sender),
            name=stored.name,
            subject=stored.subject,
            body=stored.body,
            verified=stored.verified,
            thread=stored.thread,
            headers=stored.headers,
            hold="a file without words" if stored.media and not stored.body.strip() else None,
        )

    async def collect(self, payload: dict[str, Any]) -> tuple[tuple[NewFile, ...], tuple[str, ...]]:
        return await self._line.collect(payload)

    def format(self, reply: Reply) -> tuple[str, ...]:
        voice = self._company.voice.channels[self.name]
        link = reply.links[0][1] if reply.links else ""
        pieces = [text.greeting(reply, voice), text.plain(reply.text), link, reply.disclosure or ""]
        body = "\n".join(piece for piece in pieces if piece)
        return text.split_at_sentences(body, voice.preferred_characters or PREFERRED, HARD_LIMIT)

    async def send(self, outbound: Outbound) -> Receipt:
        return await self._line.send(_number_of(outbound), outbound, template=None, window_open=True)

    async def find_sent(self, outbound: Outbound, since: datetime) -> Receipt | None:
        return await self._line.find_sent(_number_of(outbound), outbound, since, may_be_template=False)

    def health(self) -> ChannelHealth:
        return ChannelHealth("ready", f"Twilio, as {self._line.account.sender}")


def _sender_of(call: Call) -> str:
    return call.get("From")


def _number_of(outbound: Outbound) -> str:
    try:
        return normalise("phone", outbound.recipient)
    except InvalidInput as error:
        raise ChannelError("The recipient is no phone number.", permanent=True) from error
