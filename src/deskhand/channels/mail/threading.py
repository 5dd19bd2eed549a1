"""Which conversation a mail says it belongs to (RFC 5322, section 3.6.4): candidates, never a proof."""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Final

from deskhand.channels.mail.message import Mail, Thread

_REFERENCE: Final = re.compile(r"\bTF-\d{8}-[0-9A-Z]{4,10}\b")
_DELIVERY_ID: Final = re.compile(r"[A-Za-z0-9-]{1,64}")
_OWN: Final = re.compile(r"<([A-Za-z0-9-]{1,64})\.([0-9a-f]{32})@([^\s<>@]{1,250})>")
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{22,128}")
_MOST_PARENTS: Final = 50


def thread_ids(mail: Mail) -> Thread:
    """Empty and malformed ids are left out, so that they join nothing."""
    nearest = dict.fromkeys((*mail.in_reply_to, *reversed(mail.references)))
    nearest.pop(mail.message_id, None)
    label = _REFERENCE.search(mail.subject)
    return Thread(mail.message_id, tuple(nearest)[:_MOST_PARENTS], label[0] if label else "")


def own_message_id(delivery_id: str, domain: str, secret: bytes) -> str:
    """The Message-ID of a delivery: the same on every try, and nobody else can make one.

    Raises:
        ValueError: the delivery id holds more than letters, digits and hyphens.
    """
    if not _DELIVERY_ID.fullmatch(delivery_id):
        raise ValueError(f"{delivery_id!r} can't stand in a Message-ID")
    return f"<{delivery_id}.{_mark(delivery_id, secret)}@{domain}>"


def own_delivery(message_id: str, domain: str, secret: bytes) -> str | None:
    """The delivery id in a Message-ID of ours, None when we did not make it."""
    found = _OWN.fullmatch(message_id)
    if found is None or found[3].lower() != domain.lower():
        return None
    return found[1] if hmac.compare_digest(found[2], _mark(found[1], secret)) else None


def _mark(delivery_id: str, secret: bytes) -> str:
    return hmac.new(secret, b"message-id:" + delivery_id.encode("ascii"), hashlib.sha256).hexdigest()[:32]


def reply_token(mail: Mail, mailbox: str) -> str | None:
    """The `token` of `mailbox+token@domain` among the addresses that the mail was delivered to.

    It is as given: compare without regard to case, some servers lower it.
    """
    local, _, domain = mailbox.lower().partition("@")
    for address in mail.delivered_to:
        given, _, given_domain = address.partition("@")
        tagged, plus, token = given.partition("+")
        if plus and tagged.lower() == local and given_domain.lower() == domain and _TOKEN.fullmatch(token):
            return token
    return None
