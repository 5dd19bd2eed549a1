"""E-mail without the network: bytes to a `Mail`, what kind of mail it is, and a reply to bytes.

mail = read_mail(raw)                                    never raises, bounded in time, size and depth
classify(mail, own_addresses)                            why no automatic answer may go out, or None
delivery_reports(mail)                                   which message of ours did not arrive
authenticated(mail, trusted="mx.google.com")             whether the sender is who From says
thread_ids(mail)                                         what may join it to a conversation
compose_reply(OutgoingMail(...))                         the bytes of an answer, safe against injection
"""

from __future__ import annotations

from deskhand.channels.mail.authentication import authenticated
from deskhand.channels.mail.automatic import OUTBOUND_ID_HEADER, classify, wants_silence
from deskhand.channels.mail.bounces import delivery_reports
from deskhand.channels.mail.compose import compose_reply, reply_subject
from deskhand.channels.mail.message import (
    DEFAULT_BOUNDS,
    Address,
    Attachment,
    Authentication,
    Automatic,
    Block,
    Bounds,
    DeliveryReport,
    Flag,
    Mail,
    OutgoingMail,
    Report,
    Thread,
)
from deskhand.channels.mail.mime import read_mail
from deskhand.channels.mail.threading import own_delivery, own_message_id, reply_token, thread_ids

__all__ = [
    "DEFAULT_BOUNDS",
    "OUTBOUND_ID_HEADER",
    "Address",
    "Attachment",
    "Authentication",
    "Automatic",
    "Block",
    "Bounds",
    "DeliveryReport",
    "Flag",
    "Mail",
    "OutgoingMail",
    "Report",
    "Thread",
    "authenticated",
    "classify",
    "compose_reply",
    "delivery_reports",
    "own_delivery",
    "own_message_id",
    "read_mail",
    "reply_subject",
    "reply_token",
    "thread_ids",
    "wants_silence",
]
