"""What Twilio's message API checks, and the JSON that it answers with."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import count
from typing import Any
from urllib.parse import urlsplit

API = "/2010-04-01"
LIMIT = 1600
WINDOW = timedelta(hours=24)
NUMBER = re.compile(r"\+[1-9]\d{6,14}")
SCOPED_ID = re.compile(r"[A-Z]{2}\.[A-Za-z0-9.]{1,128}")
KNOWN = {"To", "From", "Body", "MessagingServiceSid", "StatusCallback", "MediaUrl", "ContentSid", "ContentVariables"}
STEPS = ("accepted", "queued", "sending", "sent", "delivered", "read")


class Refused(Exception):
    """Twilio's answer to a call that it does not take."""

    def __init__(self, status: int, code: int, message: str, *, retry_after: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after
        self.body: dict[str, Any] = {
            "code": code,
            "message": message,
            "more_info": f"https://www.twilio.com/docs/errors/{code}",
            "status": status,
        }


@dataclass
class Account:
    """One account: its secrets, its senders, and what WhatsApp knows of the people who write to it."""

    sid: str = "AC" + "1" * 32
    token: str = "0123456789abcdef0123456789abcdef"
    keys: dict[str, str] = field(default_factory=dict[str, str])
    senders: set[str] = field(default_factory=lambda: {"whatsapp:+14155238886", "+14155238886"})
    services: set[str] = field(default_factory=lambda: {"MG" + "5" * 32})
    templates: dict[str, str] = field(default_factory=lambda: {"HX" + "7" * 32: "We have an answer: {{1}}"})
    opted_out: set[str] = field(default_factory=set[str])
    wrote_at: dict[str, datetime] = field(default_factory=dict[str, datetime])
    checks_window: bool = True
    limit: int = LIMIT
    numbers: Any = field(default_factory=lambda: count(1))

    def new_sid(self, prefix: str = "SM") -> str:
        return f"{prefix}{next(self.numbers):032x}"


def check_user(account: Account, user: tuple[str, str] | None) -> None:
    if user != (account.sid, account.token) and (user is None or account.keys.get(user[0]) != user[1]):
        raise Refused(401, 20003, "Authenticate")


def read_message(account: Account, form: Mapping[str, list[str]], now: datetime) -> dict[str, Any]:
    """A message resource for this order. Raises Refused with the code that Twilio would give."""
    given = {name: values[0] for name, values in form.items()}
    if unknown := set(form) - KNOWN:
        raise Refused(400, 21602, f"this stand-in is strict: {sorted(unknown)} is no parameter")
    to, sender = given.get("To", ""), given.get("From", "")
    _check_places(account, to, sender, given.get("MessagingServiceSid"))
    _check_callback(given.get("StatusCallback"))
    body = _body_of(account, given)
    if to.startswith("whatsapp:") and account.checks_window and not _is_open(account, to, now) and "Body" in given:
        raise Refused(400, 63016, "Failed to send freeform message because you are outside the allowed window.")
    sid = account.new_sid()
    return {
        "account_sid": account.sid,
        "api_version": "2010-04-01",
        "body": body,
        "date_created": format_datetime(now),
        "date_sent": None,
        "date_updated": format_datetime(now),
        "direction": "outbound-api",
        "error_code": None,
        "error_message": None,
        "from": sender or next(iter(sorted(account.senders))),
        "messaging_service_sid": given.get("MessagingServiceSid"),
        "num_media": "0",
        "num_segments": "1",
        "price": None,
        "price_unit": None,
        "sid": sid,
        "status": "accepted" if "MessagingServiceSid" in given else "queued",
        "subresource_uris": {"media": f"{API}/Accounts/{account.sid}/Messages/{sid}/Media.json"},
        "to": to,
        "uri": f"{API}/Accounts/{account.sid}/Messages/{sid}.json",
    }


def _check_places(account: Account, to: str, sender: str, service: str | None) -> None:
    if not to:
        raise Refused(400, 21604, "A 'To' phone number is required.")
    bare = to.removeprefix("whatsapp:")
    if not NUMBER.fullmatch(bare) and not (to.startswith("whatsapp:") and SCOPED_ID.fullmatch(bare)):
        raise Refused(400, 21211, f"Invalid 'To' Phone Number: {to}")
    if not sender and not service:
        raise Refused(400, 21603, "A 'From' phone number is required.")
    if service and service not in account.services:
        raise Refused(404, 20404, "The Messaging Service was not found")
    if sender and sender not in account.senders:
        raise Refused(400, 63007, "Twilio could not find a Channel with the specified From address")
    if sender and sender.startswith("whatsapp:") != to.startswith("whatsapp:"):
        raise Refused(400, 21910, "Invalid 'From' and 'To' pair. They should be of the same channel")
    if to in account.opted_out:
        raise Refused(400, 21610, "Attempt to send to unsubscribed recipient")


def _check_callback(url: str | None) -> None:
    if url is None:
        return
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or "_" in parts.hostname:
        raise Refused(400, 21609, f"The 'StatusCallback' URL {url} is not a valid URL.")


def _body_of(account: Account, given: Mapping[str, str]) -> str:
    if "ContentSid" in given:
        return _fill(account, given)
    body = given.get("Body", "")
    if not body and "MediaUrl" not in given:
        raise Refused(400, 21619, "A text message body or media urls must be specified.")
    if len(body.encode("utf-16-le")) // 2 > account.limit:
        raise Refused(400, 21617, "The concatenated message body exceeds the 1600 character limit")
    return body


def _fill(account: Account, given: Mapping[str, str]) -> str:
    template = account.templates.get(given["ContentSid"])
    if template is None:
        raise Refused(404, 20404, "The Content was not found")
    if "Body" in given or "MediaUrl" in given:
        raise Refused(400, 63016, "a template goes without Body and MediaUrl")
    try:
        variables = json.loads(given.get("ContentVariables", "{}"))
    except ValueError as error:
        raise Refused(400, 21656, "The ContentVariables parameter is invalid.") from error
    if set(variables) != set(re.findall(r"\{\{(\w+)\}\}", template)):
        raise Refused(400, 21656, "The ContentVariables parameter is invalid.")
    for value in variables.values():
        if not value.strip() or "\n" in value or "     " in value:
            raise Refused(400, 63013, "This message send failed because it violates the channel provider's policy")
    filled = re.sub(r"\{\{(\w+)\}\}", lambda found: variables[found[1]], template)
    if len(filled) > 1024:
        raise Refused(400, 63021, "Channel invalid content error")
    return filled


def _is_open(account: Account, to: str, now: datetime) -> bool:
    return to in account.wrote_at and now - account.wrote_at[to] < WINDOW


def page_of(path: str, messages: list[dict[str, Any]], query: Mapping[str, list[str]]) -> dict[str, Any]:
    """One page of the list, newest first, by Twilio's filters."""
    found = [
        message
        for message in reversed(messages)
        if message["to"] == query.get("To", [message["to"]])[0]
        and message["from"] == query.get("From", [message["from"]])[0]
    ]
    size, page = int(query.get("PageSize", ["50"])[0]), int(query.get("Page", ["0"])[0])
    if not 1 <= size <= 1000:
        raise Refused(400, 20001, "Page size is out of range")
    shown = found[page * size : (page + 1) * size]
    more = len(found) > (page + 1) * size
    following = f"{path}?{'&'.join(f'{k}={v[0]}' for k, v in query.items() if k != 'Page')}&Page={page + 1}"
    return {
        "messages": shown,
        "page": page,
        "page_size": size,
        "start": page * size,
        "end": page * size + len(shown) - 1,
        "first_page_uri": f"{path}?PageSize={size}&Page=0",
        "next_page_uri": following.replace("+", "%2B") if more else None,
        "previous_page_uri": None,
        "uri": path,
    }


def utc_now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
