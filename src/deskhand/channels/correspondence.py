"""What a mail is to the desk, and what a message of the desk is as a mail: shared by Gmail and the plain mailbox."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from deskhand.channels.base import DeliveryUpdate, NewFile, Outbound, RawMessage
from deskhand.channels.email_settings import EmailSettings
from deskhand.channels.mail import (
    OUTBOUND_ID_HEADER,
    Address,
    Automatic,
    Flag,
    Mail,
    OutgoingMail,
    authenticated,
    classify,
    compose_reply,
    delivery_reports,
    own_message_id,
    read_mail,
    reply_subject,
    thread_ids,
)
from deskhand.credentials import derive
from deskhand.customers import normalise
from deskhand.errors import ChannelError, InvalidInput
from deskhand.log import get_logger

KEPT_HEADERS: Final = (
    *("Message-ID", "In-Reply-To", "References", "Date", "To", "Cc", "Reply-To", "Auto-Submitted", "Precedence"),
    *("X-Auto-Response-Suppress", "Authentication-Results"),
)
LONGEST_HEADER: Final = 4_000
# A person wrote it, and only a person may answer.
HOLDS: Final[dict[Flag, str]] = {
    "encrypted": "encrypted",
    "opaque": "opaque",
    "no_text": "no_text",
    "unclear_sender": "unclear_sender",
    "look_alike_sender": "look_alike_sender",
    "too_large": "unreadable",
    "too_deep": "unreadable",
    "too_many_parts": "unreadable",
}
NOTES: Final[dict[Flag, str]] = {
    "too_large": "the mail is over the size limit: only its start was read",
    "too_deep": "parts of the mail nest too deep to be followed",
    "too_many_parts": "the mail has too many parts",
    "header_cut": "headers were cut",
    "text_cut": "the text was cut",
    "broken_encoding": "a part is not encoded as it says",
    "unknown_charset": "a part has an unknown character set",
    "charset_repaired": "a part has another character set than it says",
    "replaced_characters": "some characters could not be read",
    "bidirectional_marks": "marks that turn the direction of text were taken out",
    "invisible_characters": "the text holds invisible characters",
    "hidden_text": "the mail hides text from its reader",
    "unclear_sender": "the sender is missing, doubled or malformed",
    "look_alike_sender": "the sender's domain mixes scripts",
    "encrypted": "the mail is encrypted",
    "opaque": "the mail's content is in a format that can't be read",
    "no_text": "the mail has no text",
}
NOBODY: Final = "unknown-sender.invalid"  # RFC 2606: no mail ever reaches it

log = get_logger("channels.email")


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the mailbox says of a mail, not the mail itself."""

    provider_id: str
    provider_thread: str | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """A mail as the flows take it: it is stored whatever it is, and a delivery report speaks of deliveries too."""

    message: RawMessage
    updates: tuple[DeliveryUpdate, ...]


@dataclass(frozen=True, slots=True)
class Draft:
    """A mail ready to leave: the same id on every try."""

    message_id: str
    raw: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Parent:
    """The mail that is answered."""

    message_id: str = ""
    references: tuple[str, ...] = ()
    thread: str | None = None


class Correspondence:
    """One support address: who we are, whom we believe, and how our mails are signed."""

    def __init__(self, settings: EmailSettings, team: str) -> None:
        self._own = settings.own_addresses
        self._trusted = settings.trusted_server
        self._sender = Address(settings.address, settings.from_name or team)
        self._domain = settings.address.rpartition("@")[2]
        self._secret = derive(settings.secret_keys[0], "message ids")

    def message_id(self, delivery_id: str) -> str:
        return own_message_id(delivery_id, self._domain, self._secret)

    def take_in(self, raw: bytes, envelope: Envelope) -> Taken:
        """Bounded, but it may take a second of computing: call it in a thread. A mail that breaks it is held."""
        try:
            mail = read_mail(raw)
            return Taken(
                RawMessage(self._payload(mail, envelope), (_as_file(raw), *_files(mail))), tuple(_updates(mail))
            )
        except Exception as error:
            log.exception("mail_unreadable", provider_id=envelope.provider_id)
            return Taken(unreadable(envelope, f"it can't be read ({type(error).__name__})", raw), ())

    def _payload(self, mail: Mail, envelope: Envelope) -> dict[str, Any]:
        automatic, hold = _treatment(mail, classify(mail, self._own))
        sender = _storable_sender(mail)
        if sender is None:
            hold = hold or "unclear_sender"
        thread = thread_ids(mail)
        verdict = authenticated(mail, self._trusted) if self._trusted else None
        return {
            "provider_id": envelope.provider_id,
            "sender": sender or _stand_in_sender(envelope),
            "name": mail.sender.name if mail.sender else "",
            "subject": mail.subject,
            "body": mail.text,
            "folded": mail.folded,
            "verified": sender is not None and verdict is not None and verdict.verified,
            "known_as": mail.message_id or None,
            "answers": list(thread.parents),
            "provider_thread": envelope.provider_thread,
            "automatic": automatic,
            "hold": hold,
            "headers": _headers(mail),
            "notes": _notes(mail),
        }

    def write(self, outbound: Outbound, parent: Parent, at: datetime) -> Draft:
        """Raises ChannelError, permanent, when no mail can be made of it."""
        message_id = self.message_id(outbound.delivery_id)
        references = tuple(one for one in parent.references if one != parent.message_id)
        try:
            raw = compose_reply(
                OutgoingMail(
                    sender=self._sender,
                    recipient=outbound.recipient,
                    subject=reply_subject(outbound.subject) if parent.message_id else outbound.subject,
                    text=outbound.text,
                    message_id=message_id,
                    outbound_id=outbound.delivery_id,
                    sent_at=at,
                    in_reply_to=parent.message_id,
                    references=references,
                    automatic="auto-replied" if outbound.is_automatic else None,
                )
            )
        except InvalidInput as error:
            raise ChannelError(str(error), permanent=True) from error
        return Draft(message_id, raw)


def _treatment(mail: Mail, found: Automatic | None) -> tuple[str | None, str | None]:
    """(why no person wrote it, why only a person may answer): what is merely flagged may be a person's."""
    hold = next((cause for flag, cause in HOLDS.items() if flag in mail.flags), None)
    if found is None:
        return None, hold
    return (None, hold or found.cause) if found.handling == "flag" else (found.cause, hold)


def _storable_sender(mail: Mail) -> str | None:
    try:
        return normalise("email", mail.sender.address) if mail.sender else None
    except InvalidInput:
        return None


def _stand_in_sender(envelope: Envelope) -> str:
    """One for each mail: what has no sender is never taken for one customer's."""
    name = "".join(char for char in envelope.provider_id if char.isascii() and char.isalnum())[:60]
    return f"{name.lower() or 'mail'}@{NOBODY}"


def _headers(mail: Mail) -> dict[str, str]:
    """The topmost value of each: further ones may be forged."""
    found = {name: mail.header(name) for name in KEPT_HEADERS}
    found["Message-ID"] = mail.message_id  # well-formed, or not there
    return {name: _clean(value)[:LONGEST_HEADER] for name, value in found.items() if value}


def _clean(value: str) -> str:
    return value.replace("\0", "").encode("utf-8", "replace").decode()


def _notes(mail: Mail) -> list[str]:
    left_out = [file for file in mail.attachments if file.content is None]
    told = [NOTES[flag] for flag in sorted(mail.flags) if flag in NOTES]
    return told + [f"a file of {file.size} bytes was left out: {file.name[:100]}" for file in left_out]


def _files(mail: Mail) -> Iterator[NewFile]:
    for file in mail.attachments:
        if file.content is not None:
            yield NewFile(file.name, file.sniffed_type or file.declared_type, file.content, file.content_id)


def _as_file(raw: bytes) -> NewFile:
    return NewFile("raw.eml", "message/rfc822", raw)


def unreadable(envelope: Envelope, why: str, raw: bytes | None = None) -> RawMessage:
    """A mail that nobody can read is shown all the same: a person looks at it where it lies."""
    payload: dict[str, Any] = {
        "provider_id": envelope.provider_id,
        "sender": _stand_in_sender(envelope),
        "body": "",
        "hold": "unreadable",
        "provider_thread": envelope.provider_thread,
        "notes": [f"the mail is kept as it came: {why}"],
    }
    return RawMessage(payload, (_as_file(raw),) if raw is not None else ())


def _updates(mail: Mail) -> Iterator[DeliveryUpdate]:
    """What did not arrive, for good; whether the report speaks of a mail of ours is decided where those are known."""
    for report in delivery_reports(mail):
        if report.permanent and (report.message_id or report.outbound_id):
            yield DeliveryUpdate(
                "failed",
                report.message_id or None,
                delivery_id=report.outbound_id or None,
                detail=report.diagnostic[:500],
                code=report.status,
                recipient=report.recipient or None,
            )


def mail_key(raw: bytes) -> str:
    """One mail, wherever it lies: its Message-ID alone is not enough, since two mails may carry the same."""
    mail = read_mail(raw)
    return f"{mail.message_id}#{mail.digest[:32]}"


def sent_update(raw: bytes, provider_id: str) -> DeliveryUpdate | None:
    """What a mail in our own Sent folder says: a delivery of ours has left. None for what a person sent by hand."""
    delivery_id = read_mail(raw).header(OUTBOUND_ID_HEADER).strip()
    return DeliveryUpdate("sent", provider_id, delivery_id=delivery_id) if delivery_id else None
