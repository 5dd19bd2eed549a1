"""An account, a channel that has it, and calls as Twilio makes them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from pydantic import SecretStr

from deskhand.channels.base import HookRequest
from deskhand.channels.local_outbox import LocalOutbox
from deskhand.channels.whatsapp import WhatsAppChannel, WhatsAppSettings
from deskhand.clock import Clock
from tests.fakes import shipped_company
from tests.standins import twilio_calls as calls

PAYLOADS = Path(__file__).parents[1] / "payloads" / "whatsapp"
TOKEN = "12345"
ACCOUNT = "AC" + "1" * 32
SENDER = "whatsapp:+14155238886"
URL = "https://support.example.com/webhooks/whatsapp"
STATUS_URL = f"{URL}/status"
SERVICE = "MG" + "5" * 32
TEMPLATE = "HX" + "7" * 32


def vectors() -> list[dict[str, Any]]:
    return json.loads((PAYLOADS / "signatures.json").read_text("utf-8"))["vectors"]


def recorded(name: str) -> list[tuple[str, str]]:
    """A recorded form of Twilio's."""
    return parse_qsl((PAYLOADS / f"{name}.txt").read_text("utf-8").strip(), keep_blank_values=True)


def account(**more: Any) -> WhatsAppSettings:
    given: dict[str, Any] = {
        "account_sid": ACCOUNT,
        "auth_token": SecretStr(TOKEN),
        "sender": SENDER,
        "webhook_url": URL,
        "status_url": STATUS_URL,
    }
    return WhatsAppSettings(_env_file=None, **given | more)  # pyright: ignore[reportCallIssue]  # pydantic-settings' own


def channel(*, outbox: LocalOutbox | None = None, clock: Clock | None = None, **more: Any) -> WhatsAppChannel:
    return WhatsAppChannel(shipped_company(), outbox, account(**more), clock)


def call(form: calls.Form, *, url: str = URL, token: str = TOKEN, signature: str | None = None) -> HookRequest:
    """A signed call of this URL, as the route hands it over."""
    address, _, query = calls.called_url(url).partition("?")
    given = calls.signature(calls.called_url(url), form, token) if signature is None else signature
    return HookRequest(
        "POST",
        address.removeprefix(URL),
        query,
        (
            ("host", "internal:8000"),
            ("content-type", "application/x-www-form-urlencoded; charset=UTF-8"),
            ("x-twilio-signature", given),
        ),
        calls.encode(form),
    )


def with_header(request: HookRequest, name: str, *values: str) -> HookRequest:
    """The call with these values of one header instead of its own."""
    kept = tuple((key, value) for key, value in request.headers if key != name)
    return replace(request, headers=(*kept, *((name, value) for value in values)))


def changed(form: calls.Form, **fields: str | None) -> list[tuple[str, str]]:
    """The form with these fields instead of its own; None takes one away."""
    kept = [(name, value) for name, value in form if name not in fields]
    return [*kept, *((name, value) for name, value in fields.items() if value is not None)]
