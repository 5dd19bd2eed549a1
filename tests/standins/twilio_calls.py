"""What Twilio posts to us: signed by its published recipe, written a second time so that the two can be compared."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

Form = Sequence[tuple[str, str]]


def signature(url: str, form: Form, token: str) -> str:
    names: dict[str, set[str]] = {}
    for name, value in form:
        names.setdefault(name, set()).add(value)
    text = url
    for name in sorted(names):
        for value in sorted(names[name]):
            text += name + value
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()


def called_url(configured: str) -> str:
    """What follows `#` is for Twilio: it is neither sent nor signed."""
    return configured.partition("#")[0]


def headers(url: str, form: Form, token: str) -> dict[str, str]:
    return {
        "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
        "X-Twilio-Signature": signature(url, form, token),
        "I-Twilio-Idempotency-Token": hashlib.md5(url.encode()).hexdigest(),
        "User-Agent": "TwilioProxy/1.1",
    }


def encode(form: Form) -> bytes:
    return urlencode(form).encode()


def inbound_form(account_sid: str, sid: str, sender: str, to: str, body: str, **more: str) -> list[tuple[str, str]]:
    """A customer's message as Twilio describes it."""
    fields: dict[str, str] = {
        "AccountSid": account_sid,
        "ApiVersion": "2010-04-01",
        "Body": body,
        "From": sender,
        "MessageSid": sid,
        "NumMedia": "0",
        "NumSegments": "1",
        "SmsMessageSid": sid,
        "SmsSid": sid,
        "SmsStatus": "received",
        "To": to,
    }
    if sender.startswith("whatsapp:"):
        fields |= {"ProfileName": "Dana Fox", "MessageType": "text", "ChannelMetadata": '{"type":"whatsapp"}'}
        if sender.startswith("whatsapp:+"):
            fields["WaId"] = sender.removeprefix("whatsapp:+")
    return list((fields | more).items())


def status_form(message: Mapping[str, Any], status: str, code: int | None = None) -> list[tuple[str, str]]:
    fields = {
        "AccountSid": message["account_sid"],
        "ApiVersion": "2010-04-01",
        "From": message["from"],
        "MessageSid": message["sid"],
        "MessageStatus": status,
        "SmsSid": message["sid"],
        "SmsStatus": status,
        "To": message["to"],
    }
    if message["to"].startswith("whatsapp:"):
        fields |= {"ChannelPrefix": "whatsapp", "ChannelInstallSid": "XE" + "3" * 32}
    if message["messaging_service_sid"]:
        fields["MessagingServiceSid"] = message["messaging_service_sid"]
    if status == "read":
        fields["EventType"] = "READ"
    if code is not None:
        fields |= {"ErrorCode": str(code), "ChannelStatusMessage": "as the script says"}
    return list(fields.items())
