"""One address of ours at Twilio, whatever the channel: reads Twilio's calls, sends, and asks what a send came to."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from deskhand.channels.base import DeliveryUpdate, HookAnswer, HookRequest, NewFile, Outbound, RawMessage, Receipt
from deskhand.channels.fields import StoredMessage, Text, unreadable
from deskhand.channels.text import longest_start, split_at_sentences, units
from deskhand.channels.twilio_api import Sent, TwilioApi
from deskhand.channels.twilio_errors import TOO_LONG, TwilioRefusal, words_of
from deskhand.channels.twilio_media import collect_media
from deskhand.channels.twilio_requests import Call, read_message_call, read_status_call
from deskhand.channels.twilio_settings import TwilioSettings
from deskhand.clock import Clock
from deskhand.errors import ChannelError, Forbidden, WindowClosed

Identify = Callable[[Call], str]

HARD_LIMIT: Final = 1600  # UTF-16 units: Twilio's limit of a body
SMALLER: Final = (800, 400)  # what is tried when Twilio counts otherwise than we do
LONGEST_NAME: Final = 200
CLOCKS_DIFFER: Final = timedelta(seconds=60)
STATES: Final[Mapping[str, Literal["sent", "delivered", "read", "failed"]]] = {
    "sent": "sent",
    "delivered": "delivered",
    "read": "read",
    "undelivered": "failed",
    "failed": "failed",
    "canceled": "failed",
}
ARRIVED: Final = ("delivered", "read")
CONSUMED: Final = frozenset({"AccountSid", "MessageSid", "SmsSid", "SmsMessageSid", "ApiVersion", "SmsStatus", "Body"})
MEDIA_FIELD: Final = re.compile(r"Media(?:Url|ContentType)[0-9]{1,2}")


class Media(BaseModel):
    model_config = ConfigDict(extra="forbid")

    url: Text
    type: Text = ""


class StoredCall(StoredMessage):
    """A message as the front door stores it; what Twilio said beside it stands in `headers` under Twilio's names."""

    media: tuple[Media, ...] = Field((), max_length=10)


@dataclass(frozen=True, slots=True)
class Template:
    """What a channel may send when it may not send free text."""

    content_sid: str
    variables: Mapping[str, str]

    def fields(self, outbound: Outbound) -> dict[str, str]:
        """The template alone: a body beside it would be taken for free text."""
        filled = {
            name: _one_line(shape.replace("{subject}", outbound.subject).replace("{text}", outbound.text))
            for name, shape in self.variables.items()
        }
        given: dict[str, str] = {"content_sid": self.content_sid}
        return given | {"content_variables": json.dumps(filled, ensure_ascii=False)} if filled else given


def _one_line(value: str, most: int = 600) -> str:
    """A variable as WhatsApp takes it: never empty, no line ends, no run of spaces; the whole stays within 1,024."""
    line = " ".join(value.split()) or "-"
    return line if units(line) <= most else line[: longest_start(line, most - 1)].rstrip() + "…"


class TwilioLine:
    """Raises `ChannelError` from `send` and `find_sent`, and what `Hooked` names from `read`."""

    def __init__(self, account: TwilioSettings, clock: Clock) -> None:
        self.account = account
        self._clock = clock
        self._api = TwilioApi(account)

    def read(self, request: HookRequest, identify: Identify) -> HookAnswer:
        """A call of Twilio's: a customer's message at the door itself, a report on one of ours at `/status`."""
        path = request.path.rstrip("/")
        if path == "":
            call = read_message_call(request, self.account)
            return HookAnswer((RawMessage(self._stored(call, identify(call))),), fingerprint=call.fingerprint)
        if path == "/status":
            call = read_status_call(request, self.account)
            return HookAnswer(updates=_updates(call), fingerprint=call.fingerprint)
        raise Forbidden("There is no such door.")

    def _stored(self, call: Call, sender: str) -> dict[str, Any]:
        media = [
            {"url": url, "type": call.get(f"MediaContentType{number}")}
            for number in range(int(call.get("NumMedia")))
            if (url := call.get(f"MediaUrl{number}"))
        ]
        beside = {
            name: value
            for name, value in call.fields.items()
            if name not in CONSUMED and not MEDIA_FIELD.fullmatch(name) and value
        }
        name = " ".join(call.get("ProfileName").split())[:LONGEST_NAME]
        return {
            "provider_id": call.get("MessageSid"),
            "sender": sender,
            "name": name,
            "body": call.get("Body").replace("\r\n", "\n"),
            "verified": True,
            "headers": beside,
            "media": media,
        }

    async def collect(self, payload: dict[str, Any]) -> tuple[tuple[NewFile, ...], tuple[str, ...]]:
        media = [item.model_dump() for item in read_stored(payload).media]
        return await collect_media(self.account, media, self._api.verify) if media else ((), ())

    async def send(self, to: str, outbound: Outbound, *, template: Template | None, window_open: bool) -> Receipt:
        """One provider message; a template when the window is closed or Twilio says that it is."""
        if window_open:
            try:
                return await self._send_text(to, outbound)
            except WindowClosed:
                if template is None:
                    raise
        if template is None:
            raise WindowClosed
        sent = await self._api.create(to, **self._route(outbound), **template.fields(outbound))
        return _receipt(sent, f"the 24-hour window is closed: sent as template {template.content_sid}")

    async def _send_text(self, to: str, outbound: Outbound) -> Receipt:
        if units(outbound.text) > HARD_LIMIT:
            raise ChannelError(f"The message is longer than {HARD_LIMIT} characters.", permanent=True)
        refusal: TwilioRefusal | None = None
        for most in (HARD_LIMIT, *SMALLER):
            pieces = split_at_sentences(outbound.text, most, most) if refusal else (outbound.text,)
            try:
                return await self._send_pieces(to, pieces, outbound)
            except TwilioRefusal as error:
                if error.number != TOO_LONG:
                    raise
                refusal = error
        assert refusal is not None
        raise refusal

    async def _send_pieces(self, to: str, pieces: tuple[str, ...], outbound: Outbound) -> Receipt:
        sent: list[Sent] = []
        for piece in pieces:
            try:
                sent.append(await self._api.create(to, body=piece, **self._route(outbound)))
            except ChannelError as error:
                if not sent:
                    raise
                words = f"{len(sent)} of {len(pieces)} pieces were sent, then: {error.message}"
                raise ChannelError(words, permanent=True, was_sent=None) from error
        first, *others = sent
        detail = f"Twilio found it too long: sent in {len(sent)} pieces" if others else ""
        return _receipt(first, detail, also_known_as=tuple(other.sid for other in others))

    def _route(self, outbound: Outbound) -> dict[str, str]:
        """Who writes, and where Twilio reports: the report's address carries our id."""
        route = {"from_": self.account.sender or "", "status_callback": self._report_to(outbound.delivery_id)}
        if self.account.messaging_service_sid is not None:
            route["messaging_service_sid"] = self.account.messaging_service_sid
        return route

    def _report_to(self, delivery_id: str) -> str:
        address, mark, fragment = (self.account.status_url or "").partition("#")
        return f"{address}{'&' if '?' in address else '?'}o={delivery_id}{mark}{fragment}"

    async def find_sent(self, to: str, outbound: Outbound, since: datetime, *, may_be_template: bool) -> Receipt | None:
        """Twilio does not give our id back, so the text and the time tell; of a template neither does."""
        unclear = 0
        async for sent in self._api.list_to(to):
            if sent.created_at is not None and sent.created_at < since - CLOCKS_DIFFER:
                break
            if sent.direction == "inbound" or not self._is_ours(sent) or sent.sid in outbound.others:
                continue
            if sent.body.strip() == outbound.text.strip():
                return _receipt(sent, "found at Twilio")
            unclear += 1
        if unclear and may_be_template:
            words = "Twilio has messages of that time, and a template's text is not ours."
            raise ChannelError(words, permanent=True, was_sent=None)
        wait = since + self.account.list_delay - self._clock.now()
        if wait > timedelta():
            raise ChannelError("It is too early to ask Twilio.", permanent=False, retry_after=wait, was_sent=None)
        return None

    def _is_ours(self, sent: Sent) -> bool:
        """A Messaging Service picks the sender out of its pool."""
        return self.account.messaging_service_sid is not None or sent.sender == self.account.sender


def read_stored(payload: dict[str, Any]) -> StoredCall:
    """Raises InvalidInput when the payload is not what the front door stores."""
    try:
        return StoredCall.model_validate(payload)
    except ValidationError as error:
        raise unreadable(error) from error


def _updates(call: Call) -> tuple[DeliveryUpdate, ...]:
    """What the report says; nothing when it is only on its way."""
    state = STATES.get(call.get("MessageStatus"))
    if state is None:
        return ()
    code = call.get("ErrorCode").strip("0") and call.get("ErrorCode")
    said = call.get("ChannelStatusMessage") or call.get("ErrorMessage")
    parts = (words_of(int(code)) if code else "", said if state == "failed" else "")
    return (
        DeliveryUpdate(
            state=state,
            provider_id=call.get("MessageSid"),
            delivery_id=call.delivery_id,
            detail="; ".join(part for part in parts if part)[:500],
            code=code,
        ),
    )


def _receipt(sent: Sent, detail: str = "", *, also_known_as: tuple[str, ...] = ()) -> Receipt:
    if sent.status in ("failed", "undelivered", "canceled"):
        failed = words_of(sent.error_code) if sent.error_code else "no code"
        detail = "; ".join(part for part in (detail, f"Twilio says {sent.status}, {failed}") if part)
    state = "delivered" if sent.status in ARRIVED else "sent"
    return Receipt(state, sent.sid, detail or f"Twilio says {sent.status}", also_known_as=also_known_as)
