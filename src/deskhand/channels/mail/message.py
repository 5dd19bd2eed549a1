"""What a mail is once it has been read: frozen, bounded, and nothing in it is trusted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

Flag = Literal[
    "too_large",  # the raw mail is over the limit: only its start was read
    "too_deep",  # parts nest deeper than we follow
    "too_many_parts",
    "header_cut",  # a header field, or all of them, was over the limit
    "text_cut",
    "attachment_left_out",  # over a limit: listed without its bytes
    "broken_encoding",  # base64 or quoted-printable that isn't
    "unknown_charset",
    "charset_repaired",  # the declared charset did not fit, another one did
    "replaced_characters",  # some bytes fit no charset
    "control_characters",  # stripped from a decoded header
    "bidirectional_marks",  # stripped from a header or a file name
    "invisible_characters",
    "hidden_text",  # the HTML part hides text from its reader
    "unclear_sender",  # no, several or malformed From: never a verified customer
    "look_alike_sender",  # mixed scripts or punycode in the sender's domain
    "encrypted",  # PGP, S/MIME: we can't read it
    "opaque",  # winmail.dat
    "no_text",  # nothing to read: an image, a calendar, an empty mail
]
UNREADABLE: Final = frozenset[Flag](("too_large", "too_deep", "too_many_parts"))
Fold = Literal["quote", "attribution", "signature", "footer", "marker"]


@dataclass(frozen=True, slots=True)
class Bounds:
    """Limits that hold before anything is decoded. Sizes are in bytes, `text` in characters."""

    size: int = 36 * 1024 * 1024
    header: int = 64 * 1024
    headers: int = 256 * 1024
    header_fields: int = 1_000
    depth: int = 50
    parts: int = 500
    text: int = 1_000_000
    attachments: int = 50
    attachment: int = 25 * 1024 * 1024
    attachments_total: int = 25 * 1024 * 1024


DEFAULT_BOUNDS: Final = Bounds()


@dataclass(frozen=True, slots=True)
class Address:
    """`address` as it was given (compare `.key`); `name` is what it claims to be called."""

    address: str
    name: str = ""

    @property
    def key(self) -> str:
        """The one form in which identities are compared: exact, lower case, plus-tags kept."""
        return self.address.lower()


@dataclass(frozen=True, slots=True)
class Block:
    """A run of whole lines of the body; `fold` says why it is folded, None for the customer's new words."""

    text: str
    fold: Fold | None = None


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that came with the mail. `content` is None when a limit left it out; `size` is always the real one."""

    name: str
    given_name: str
    declared_type: str
    sniffed_type: str
    size: int
    sha256: str
    content: bytes | None
    content_id: str = ""
    inline: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """The machine-readable part of a `multipart/report` (RFC 6522) and the headers of what it reports on."""

    kind: Literal["delivery-status", "disposition-notification", "feedback-report", "other"]
    fields: tuple[tuple[tuple[str, str], ...], ...]
    original: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Mail:
    """One RFC 5322 message.

    `blocks` joined give `body` exactly: folding loses nothing. `text` is what the customer newly wrote. `headers`
    are (lower-case name, decoded value) in their order, the topmost first. Ids are `<left@right>` or left out.
    `digest` is the SHA-256 of the raw bytes: two mails with one Message-ID and two digests are two mails.
    """

    size: int
    digest: str
    headers: tuple[tuple[str, str], ...]
    message_id: str
    in_reply_to: tuple[str, ...]
    references: tuple[str, ...]
    sender: Address | None
    reply_to: Address | None
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    delivered_to: tuple[str, ...]
    subject: str
    sent_at: datetime | None
    body: str
    blocks: tuple[Block, ...]
    hidden_text: str
    attachments: tuple[Attachment, ...]
    report: Report | None
    content_type: str
    flags: frozenset[Flag]

    @property
    def text(self) -> str:
        return "".join(block.text for block in self.blocks if block.fold is None).strip()

    @property
    def folded(self) -> str:
        return "".join(block.text for block in self.blocks if block.fold is not None).strip()

    @property
    def is_readable(self) -> bool:
        """False: store the raw mail, suspend it as unparsable, let a person look."""
        return not self.flags & UNREADABLE

    def header(self, name: str) -> str:
        """The topmost value of a header field, empty when there is none."""
        return next((value for key, value in self.headers if key == name.lower()), "")

    def header_values(self, name: str) -> tuple[str, ...]:
        return tuple(value for key, value in self.headers if key == name.lower())


Cause = Literal[
    "own_mail",  # from one of our addresses, or it carries our outbound id
    "delivery_report",  # RFC 3464, or a mailer daemon in its own words
    "read_receipt",  # RFC 8098
    "abuse_report",  # RFC 5965
    "auto_reply",  # RFC 3834 and its older cousins
    "auto_generated",
    "mailing_list",
    "bulk",
    "null_sender",
    "system_sender",  # no-reply@ and its kin
    "probable_auto_reply",  # by its subject or text alone
]
Handling = Literal["link", "update_delivery", "note", "suppress_and_alarm", "attach_or_suspend", "suspend", "flag"]


@dataclass(frozen=True, slots=True)
class Automatic:
    """Why no automatic answer may go out (RFC 3834, section 2), with the words that show it.

    `handling` is what becomes of the mail; every `suspend` is recoverable.
    """

    cause: Cause
    evidence: str
    handling: Handling


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """What became of one recipient of one message of ours (RFC 3464).

    `message_id` is the message reported on, empty when the report does not tell: then it updates nothing.
    `permanent` is None for what is neither failed nor delayed (delivered, relayed, expanded) or can't be told.
    """

    recipient: str
    message_id: str
    outbound_id: str
    action: str
    status: str
    permanent: bool | None
    diagnostic: str


@dataclass(frozen=True, slots=True)
class Authentication:
    """What our own receiving server found (RFC 8601). `verified` alone may join a mail to a customer."""

    verified: bool
    reason: str
    spf: str = "none"
    dkim: str = "none"
    dmarc: str = "none"


@dataclass(frozen=True, slots=True)
class Thread:
    """Ids that may join a mail to a conversation, nearest parent first; `reference` in a subject is only a label."""

    message_id: str
    parents: tuple[str, ...]
    reference: str


@dataclass(frozen=True, slots=True)
class OutgoingMail:
    """A reply to put into bytes. `automatic` is None when a person wrote or approved it.

    `message_id` comes from `own_message_id`. `references` are those of the mail answered, oldest first.
    """

    sender: Address
    recipient: str
    subject: str
    text: str
    message_id: str
    outbound_id: str
    sent_at: datetime
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    reply_to: str = ""
    automatic: Literal["auto-replied", "auto-generated"] | None = "auto-replied"
    language: str = ""
