"""Bytes to a `Mail` (RFC 2045 to 2047, 5322)."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from deskhand.channels.mail.addresses import AddressList, is_address, looks_alike, parse_addresses
from deskhand.channels.mail.content import Content, readable
from deskhand.channels.mail.header_text import header_text
from deskhand.channels.mail.message import DEFAULT_BOUNDS, Address, Bounds, Flag, Mail
from deskhand.channels.mail.message_ids import message_id, message_ids
from deskhand.channels.mail.quotes import fold
from deskhand.channels.mail.structure import Part, split_mail

# Where a mail says whom it was delivered to, the surest first.
_RECIPIENTS: Final = (
    *("x-gm-original-to", "delivered-to", "x-original-to", "envelope-to", "resent-to", "resent-cc", "to", "cc"),
)
_LONGEST_SUBJECT: Final = 255
_LONGEST_DATE: Final = 100
_ANSWERS: Final = re.compile(
    r"\s*(?:re|aw|sv|vs|antw|odp|ynt|rif|res|回复|回覆|答复|答覆)\s?(?:\[\d{1,3}\])?\s?[:：]", re.I
)
_PGP: Final = "-----BEGIN PGP MESSAGE-----"


def read_mail(raw: bytes, bounds: Bounds = DEFAULT_BOUNDS) -> Mail:
    """Never raises: what can't be read is flagged, and `is_readable` is False when it should be suspended."""
    flags: set[Flag] = set()
    size, digest = len(raw), hashlib.sha256(raw).hexdigest()
    if size > bounds.size:
        flags.add("too_large")
        raw = raw[: bounds.headers + bounds.text]
    if b"\n" not in raw[: bounds.header] and b"\r" in raw:
        raw = raw.replace(b"\r", b"\n")
    root = split_mail(raw, bounds, flags)
    content = Content(raw, bounds, flags)
    body, hidden = readable(content.read(root), flags)
    if _PGP in body[:2_000]:
        flags.add("encrypted")
    if not any(char.isalnum() or char > "\u2100" for char in body):  # a lone emoji is an answer
        flags.add("no_text")
    headers = tuple((name, header_text(value, flags)) for name, value in root.headers)
    subject = header_text(root.header("subject"), flags)[:_LONGEST_SUBJECT]
    in_reply_to = message_ids(_ascii(root.header("in-reply-to")))
    references = message_ids(_ascii(root.header("references")))
    is_reply = bool(in_reply_to or references or _ANSWERS.match(subject))
    return Mail(
        size=size,
        digest=digest,
        headers=headers,
        message_id=message_id(_ascii(root.header("message-id"))),
        in_reply_to=in_reply_to,
        references=references,
        sender=_sender(root, flags),
        reply_to=next(iter(_addresses(root, "reply-to", flags).addresses), None),
        to=_addresses(root, "to", flags).addresses,
        cc=_addresses(root, "cc", flags).addresses,
        delivered_to=_delivered_to(root, flags),
        subject=subject,
        sent_at=_date(_ascii(root.header("date"))),
        body=body,
        blocks=fold(body, is_reply=is_reply),
        hidden_text=hidden,
        attachments=tuple(content.attachments),
        report=content.report(),
        content_type=root.content_type,
        flags=frozenset(flags),
    )


def _ascii(value: bytes) -> str:
    return value.decode("ascii", "replace")


def _addresses(root: Part, name: str, flags: set[Flag]) -> AddressList:
    value = root.header(name)
    return parse_addresses(value, flags) if value else AddressList((), is_sound=True)


def _sender(root: Part, flags: set[Flag]) -> Address | None:
    """One From field with one plain address, or `unclear_sender`."""
    fields = [value for name, value in root.headers if name == "from"]
    found = parse_addresses(fields[0], flags) if fields else AddressList((), is_sound=False)
    if len(fields) != 1 or len(found.addresses) != 1 or not found.is_sound:
        flags.add("unclear_sender")
    sender = next((address for address in found.addresses if is_address(address.address)), None)
    if sender is not None and looks_alike(sender):
        flags.add("look_alike_sender")
    return sender


def _delivered_to(root: Part, flags: set[Flag]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for wanted in _RECIPIENTS:
        for name, value in root.headers:
            if name == wanted:
                found.update((address.address, None) for address in parse_addresses(value, flags).addresses)
    return tuple(address for address in found if is_address(address))[:100]


def _date(value: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(value[:_LONGEST_DATE])
        if not 1970 <= found.year <= 2100:
            return None
        return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
