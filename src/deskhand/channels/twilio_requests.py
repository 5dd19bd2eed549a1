"""A call by Twilio, checked: signed by our account, for an address of ours, each field in the form that Twilio uses.

The signature covers names and values run together, without what separates them, so that a captured call can be cut into
others that carry the same one. What stands against that: every name and every field of a fixed form is checked, the
fields that we go by must be there once, and the hash of the signed text goes along for the flows to compare.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from deskhand.channels.base import HookRequest
from deskhand.channels.twilio_settings import TwilioSettings, without_fragment
from deskhand.channels.twilio_signature import BODY_HASH, Pairs, find_signed, has_body_hash
from deskhand.errors import Forbidden, InvalidInput
from deskhand.log import get_logger

log = get_logger("twilio")

LARGEST_BODY: Final = 262_144
MOST_FIELDS: Final = 200
FORM: Final = "application/x-www-form-urlencoded"
NAME: Final = re.compile(r"[A-Z][A-Za-z0-9_.]{0,63}")
SID: Final = re.compile(r"(SM|MM)[0-9a-f]{32}")
PLACE: Final = re.compile(r"[A-Za-z0-9:+._@ -]{1,180}")
WORD: Final = re.compile(r"[a-z_]{1,32}")
SHAPES: Final[Mapping[str, re.Pattern[str]]] = {
    "AccountSid": re.compile(r"AC[0-9a-f]{32}"),
    "ApiVersion": re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"),
    "ErrorCode": re.compile(r"[0-9]{0,6}"),
    "From": PLACE,
    "MessageSid": SID,
    "MessageStatus": WORD,
    "MessagingServiceSid": re.compile(r"MG[0-9a-f]{32}"),
    "NumMedia": re.compile(r"[0-9]|10"),
    "NumSegments": re.compile(r"[0-9]{1,3}"),
    "SmsMessageSid": SID,
    "SmsSid": SID,
    "SmsStatus": WORD,
    "To": PLACE,
    "WaId": re.compile(r"[A-Za-z0-9.]{0,140}"),
}
MESSAGE: Final = ("AccountSid", "From", "MessageSid", "NumMedia", "To")
STATUS: Final = ("AccountSid", "MessageSid", "MessageStatus")
HALF: Final = re.compile(r"[\ud800-\udfff]")
DELIVERY_ID: Final = re.compile(r"[0-9A-Za-z_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Call:
    """An authentic call: its fields, the hash of what was signed, and the id of ours that a status URL carries."""

    fields: Mapping[str, str]
    fingerprint: str
    delivery_id: str | None = None

    def get(self, name: str) -> str:
        return self.fields.get(name, "")


class _Refused(Exception):
    """Why a call is not authentic: for our log, never for the caller."""


def read_message_call(request: HookRequest, account: TwilioSettings) -> Call:
    """A customer's message.

    Raises:
        Forbidden: it is not authentic or not for us; the answer never says why.
        InvalidInput: it is authentic, but no form.
    """
    return _guarded(request, account, account.webhook_url or "", MESSAGE)


def read_status_call(request: HookRequest, account: TwilioSettings) -> Call:
    """A report on a message of ours. Raises as `read_message_call` does."""
    return _guarded(request, account, account.status_url or "", STATUS)


def _guarded(request: HookRequest, account: TwilioSettings, configured: str, needed: tuple[str, ...]) -> Call:
    try:
        if request.method != "POST" or len(request.body) > LARGEST_BODY:
            raise _Refused("no post, or too large")
        kind = (request.one("Content-Type") or "").partition(";")[0].strip().lower()
        if kind == FORM:
            return _read_form(request, account, configured, needed)
        _check_body(request, account, configured)
    except _Refused as refusal:
        log.warning("webhook_refused", door=account.door, reason=str(refusal))
        raise Forbidden("This call is not authentic.") from None
    raise InvalidInput("Only forms are understood here.")


def _read_form(request: HookRequest, account: TwilioSettings, configured: str, needed: tuple[str, ...]) -> Call:
    pairs = _pairs(request.body)
    fields = _fields(pairs)
    _check_shape(fields, needed)
    _check_ours(fields, account, needed)
    delivery_id = _delivery_id(request.query, configured, is_status=needed is STATUS)
    fingerprint = find_signed(_called(request, configured), pairs, _signature(request), account.tokens)
    if fingerprint is None:
        raise _Refused("the signature does not match")
    return Call({name: clean(", ".join(values)) for name, values in fields.items()}, fingerprint, delivery_id)


def _check_body(request: HookRequest, account: TwilioSettings, configured: str) -> None:
    """A body that is no form is signed by its hash in the URL."""
    if not has_body_hash(request.query, request.body):
        raise _Refused("the body does not match its hash")
    if find_signed(_called(request, configured), (), _signature(request), account.tokens) is None:
        raise _Refused("the signature does not match")


def _called(request: HookRequest, configured: str) -> str:
    """The address as it is configured at Twilio, with the query that came: no header has a say in it."""
    address = without_fragment(configured).partition("?")[0]
    return f"{address}?{request.query}" if request.query else address


def _signature(request: HookRequest) -> str:
    signature = request.one("X-Twilio-Signature")
    if signature is None:
        raise _Refused("no signature, or more than one")
    return signature


def _pairs(body: bytes) -> list[tuple[str, str]]:
    """The form, with every byte kept: what is no UTF-8 is signed as it came and cleaned later."""
    try:
        return parse_qsl(
            body.decode("utf-8", "surrogateescape"),
            keep_blank_values=True,
            errors="surrogateescape",
            max_num_fields=MOST_FIELDS,
        )
    except ValueError as error:
        raise _Refused("too many fields") from error


def _fields(pairs: Pairs) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = {}
    for name, value in sorted(set(pairs)):
        if not NAME.fullmatch(name):
            raise _Refused("a field's name is none of Twilio's")
        fields.setdefault(name, []).append(value)
    return fields


def _check_shape(fields: Mapping[str, list[str]], needed: tuple[str, ...]) -> None:
    for name in needed:
        if name not in fields:
            raise _Refused(f"{name} is missing")
    for name, shape in SHAPES.items():
        if name in fields and not (len(fields[name]) == 1 and shape.fullmatch(fields[name][0])):
            raise _Refused(f"{name} has another form")
    if len(fields.get("Body", ())) > 1:
        raise _Refused("there are two bodies")


def _check_ours(fields: Mapping[str, list[str]], account: TwilioSettings, needed: tuple[str, ...]) -> None:
    """The account is ours, and so is the address: one that is configured, or one of our Messaging Service's pool."""
    if fields["AccountSid"] != [account.account_sid]:
        raise _Refused("AccountSid is another's")
    pool = account.messaging_service_sid
    if pool is not None and fields.get("MessagingServiceSid") == [pool]:
        return
    ours = "To" if needed is MESSAGE else "From"
    if ours in fields and fields[ours][0] not in account.senders:
        raise _Refused(f"{ours} is no address of ours")


def _delivery_id(query: str, configured: str, *, is_status: bool) -> str | None:
    """The query holds what was configured and, on a report, our own id: nothing that belongs into the form."""
    came = parse_qsl(query, keep_blank_values=True)
    for pair in parse_qsl(without_fragment(configured).partition("?")[2], keep_blank_values=True):
        if pair not in came:
            raise _Refused("the query is not the configured one")
        came.remove(pair)
    came = [(name, value) for name, value in came if name != BODY_HASH]
    if not came:
        return None
    if not is_status or len(came) > 1 or came[0][0] != "o" or not DELIVERY_ID.fullmatch(came[0][1]):
        raise _Refused("the query is not the configured one")
    return came[0][1]


def clean(value: str) -> str:
    """Text that can be stored: no NUL, and a mark in place of what is half a character or no UTF-8."""
    return HALF.sub("\N{REPLACEMENT CHARACTER}", value.replace("\0", ""))
