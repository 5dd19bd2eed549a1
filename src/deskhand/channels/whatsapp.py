"""WhatsApp through Twilio: about 300 characters a message, 1,600 at most, free text for 24 hours, then a template."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final

from pydantic import Field, TypeAdapter, ValidationError, field_validator
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
from deskhand.channels.local_outbox import LocalOutbox
from deskhand.channels.twilio_line import HARD_LIMIT, StoredCall, Template, TwilioLine, read_stored
from deskhand.channels.twilio_requests import SID, Call
from deskhand.channels.twilio_settings import TwilioSettings, read_account
from deskhand.clock import Clock, SystemClock
from deskhand.company_folder import Company
from deskhand.errors import ChannelError, ChannelNotConfigured, InvalidInput
from deskhand.settings import Settings

PREFERRED: Final = 300
WINDOW: Final = timedelta(hours=24)
NUMBER: Final = re.compile(r"\+?([0-9]{5,20})")
SCOPED_ID: Final = re.compile(r"[A-Z]{2}\.[A-Za-z0-9.]{1,125}")  # of a person whose number WhatsApp keeps to itself
ADDRESS: Final = "whatsapp:"
WORDS: Final = TypeAdapter(dict[str, str])


class WhatsAppSettings(TwilioSettings):
    """Every field is a variable `DESKHAND_WHATSAPP_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix="DESKHAND_WHATSAPP_")

    label: ClassVar[str] = "WhatsApp"
    door: ClassVar[str] = "whatsapp"
    sender_form: ClassVar[re.Pattern[str]] = re.compile(r"whatsapp:\+[0-9]{5,20}")
    sender_example: ClassVar[str] = "whatsapp:+14155238886"

    template_content_sid: str | None = Field(
        None, pattern=r"^HX[0-9a-f]{32}$", description="approved template for customers who wrote over 24 hours ago"
    )
    template_variables: str = Field(
        "", description='what its variables hold, as JSON: {"1": "{text}"}; {text} and {subject} are filled in'
    )

    @field_validator("template_variables")
    @classmethod
    def _is_an_object_of_words(cls, value: str) -> str:
        if value:
            read_variables(value)
        return value

    @property
    def template(self) -> Template | None:
        if self.template_content_sid is None:
            return None
        return Template(self.template_content_sid, read_variables(self.template_variables or "{}"))


def read_variables(value: str) -> dict[str, str]:
    """Raises ValueError."""
    try:
        given = WORDS.validate_json(value)
    except ValidationError as error:
        raise ValueError('write a JSON object of words such as {"1": "{text}"}') from error
    if not all(one.strip() for one in given.values()):
        raise ValueError("each variable holds words: Twilio refuses empty ones")
    return given


class WhatsAppChannel:
    """Without a configured account it writes to the local outbox, in development only."""

    name = "whatsapp"
    label = "WhatsApp"
    door = "whatsapp"
    is_chat = True

    def __init__(
        self,
        company: Company,
        outbox: LocalOutbox | None,
        account: WhatsAppSettings | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._company = company
        self._outbox = outbox
        self._clock = clock or SystemClock()
        self._template = account.template if account is not None else None
        self._line = TwilioLine(account, self._clock) if account is not None else None

    @classmethod
    def build(
        cls, settings: Settings, company: Company, outbox: LocalOutbox | None, clock: Clock | None = None
    ) -> WhatsAppChannel:
        """Raises SetupInvalid when the account is half configured."""
        return cls(company, outbox, read_account(WhatsAppSettings, settings), clock)

    async def hook(self, request: HookRequest) -> HookAnswer:
        if self._line is None:
            raise ChannelNotConfigured(
                "WhatsApp is not configured: a Twilio account, its auth token and a sender are missing."
            )
        return self._line.read(request, _sender_of)

    def parse(self, payload: dict[str, Any]) -> InboundMessage:
        stored = read_stored(payload)
        headers = dict(stored.headers)
        phone = NUMBER.fullmatch(headers.get("From", "").removeprefix(ADDRESS))
        if phone is not None:
            headers["Phone"] = f"+{phone[1]}"
        answered = headers.get("OriginalRepliedMessageSid", "")
        body = stored.body if stored.body.strip() else _place(headers)
        return InboundMessage(
            channel=self.name,
            provider_id=stored.provider_id,
            sender_kind="whatsapp_id",
            sender=_whatsapp_id(stored.sender),
            name=stored.name,
            subject=stored.subject,
            body=body,
            verified=stored.verified,
            thread=stored.thread,
            headers=headers,
            answers=(answered,) if SID.fullmatch(answered) else (),
            hold=_hold(stored, body),
        )

    async def collect(self, payload: dict[str, Any]) -> tuple[tuple[NewFile, ...], tuple[str, ...]]:
        return await self._line.collect(payload) if self._line is not None else ((), ())

    def format(self, reply: Reply) -> tuple[str, ...]:
        voice = self._company.voice.channels[self.name]
        pieces = [text.greeting(reply, voice), text.plain(reply.text)]
        if reply.links:
            pieces.append("👉 " + reply.links[0][1])
        if reply.disclosure:
            pieces.append(reply.disclosure)
        body = "\n".join(piece for piece in pieces if piece)
        return text.split_at_sentences(body, voice.preferred_characters or PREFERRED, HARD_LIMIT)

    async def send(self, outbound: Outbound) -> Receipt:
        if self._line is not None:
            to = _address_of(outbound.recipient)
            return await self._line.send(to, outbound, template=self._template, window_open=self._is_open(outbound))
        if self._outbox is None:
            raise ChannelError("No account is configured for WhatsApp.", permanent=True)
        return await self._outbox.send(self.name, outbound)

    async def find_sent(self, outbound: Outbound, since: datetime) -> Receipt | None:
        if self._line is None:
            raise ChannelError("No account is configured for WhatsApp.", permanent=True, was_sent=None)
        to = _address_of(outbound.recipient)
        return await self._line.find_sent(to, outbound, since, may_be_template=self._template is not None)

    def _is_open(self, outbound: Outbound) -> bool:
        """Free text for 24 hours. When we don't know since when, Twilio does and says so."""
        wrote_at = outbound.customer_wrote_at
        return wrote_at is None or self._clock.now() - wrote_at < WINDOW

    def health(self) -> ChannelHealth:
        if self._line is not None:
            return ChannelHealth("ready", f"Twilio, as {self._line.account.sender}")
        if self._outbox is None:
            return ChannelHealth("not_configured", "no Twilio account is configured")
        return ChannelHealth("local", "no Twilio account is configured: replies go to the local outbox")


def _sender_of(call: Call) -> str:
    """The person's WhatsApp id, or, when WhatsApp keeps the number to itself, the id that it made for us."""
    for given in (call.get("WaId"), call.get("From").removeprefix(ADDRESS), call.get("ExternalUserId")):
        if NUMBER.fullmatch(given) or SCOPED_ID.fullmatch(given):
            return _whatsapp_id(given)
    return call.get("From")  # nobody whom we could answer: the message is kept all the same, and `parse` says why


def _whatsapp_id(given: str) -> str:
    """One written form: a number with its `+`, an id that WhatsApp made as it is. Raises InvalidInput."""
    bare = given.strip().removeprefix(ADDRESS)
    number = NUMBER.fullmatch(bare)
    if number is None and not SCOPED_ID.fullmatch(bare):
        raise InvalidInput("This is not a WhatsApp id.", field="sender")
    return f"+{number[1]}" if number else bare


def _address_of(recipient: str) -> str:
    try:
        return ADDRESS + _whatsapp_id(recipient)
    except InvalidInput as error:
        raise ChannelError("The recipient is no WhatsApp id.", permanent=True) from error


def _place(headers: dict[str, str]) -> str:
    """A shared place in words; it comes without a body."""
    where = ", ".join(part for part in (headers.get("Latitude"), headers.get("Longitude")) if part)
    words = " ".join(part for part in (headers.get("Label"), headers.get("Address")) if part)
    return f"Location: {where} {words}".strip() if where else ""


def _hold(stored: StoredCall, body: str) -> str | None:
    return "a file without words" if stored.media and not body.strip() else None
