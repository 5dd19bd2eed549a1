"""What a channel is: one file that knows its provider's words, and a line in the registry.

Every channel satisfies `Channel`. What only some can do is a protocol of its own, which the flows look for:

    Hooked      its provider calls us: messages and receipts come in at `/webhooks/<door>`
    Fetched     we call its provider: a mailbox that is read from a cursor
    Searchable  the provider can be asked whether a message of ours has left
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol, runtime_checkable

from deskhand.customers import IdentifierKind


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file as it came in, still to be stored. `name` is the sender's and is never used as a path."""

    name: str
    content_type: str
    content: bytes = field(repr=False)
    content_id: str = ""  # of an image inside an HTML mail


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file in our store."""

    file_id: str
    name: str
    content_type: str
    size: int
    content_id: str = ""


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """A customer's message in our own words, whatever door it came by.

    `verified` says that the channel vouches for the sender (an authenticated mailbox, a signed webhook); the address
    is merely claimed otherwise. `thread` is a conversation of ours, `answers` are the provider's ids of messages that
    this one answers, nearest first, and `provider_thread` is the provider's own thread: each joins the message to a
    conversation only when that is one of this customer's. `known_as` is the id that answers to it will name, where
    that is not `provider_id`: a mail's Message-ID beside the mailbox's own id.
    """

    channel: str
    provider_id: str
    sender_kind: IdentifierKind
    sender: str
    name: str
    subject: str
    body: str
    verified: bool = False
    thread: str | None = None
    headers: dict[str, str] = field(default_factory=dict[str, str])
    folded: str = ""  # quoted history and signature: kept and shown, not read by the agent
    answers: tuple[str, ...] = ()
    provider_thread: str | None = None
    known_as: str | None = None
    automatic: str | None = None  # the cause, when no person wrote it: it is stored, visible, and never answered
    hold: str | None = None  # the cause, when a person wrote it but only a person may answer
    files: tuple[StoredFile, ...] = ()
    notes: tuple[str, ...] = ()  # what was noticed on the way: hidden text, a file that was too large


@dataclass(frozen=True, slots=True)
class Reply:
    """What the agent says, before it is put into a channel's form. `text` is plain Markdown."""

    text: str
    customer_name: str
    reference: str
    subject: str
    language: str
    links: tuple[tuple[str, str], ...] = ()
    disclosure: str | None = None


@dataclass(frozen=True, slots=True)
class Outbound:
    """One provider message on its way: `text` is sent byte for byte.

    `delivery_id` is ours and travels along wherever the provider lets it. `answers` and `references` are the provider's
    ids of the customer's message and of what went before it. `is_automatic`: no person wrote or approved it.
    """

    delivery_id: str
    recipient: str
    text: str
    subject: str = ""
    answers: str | None = None
    references: tuple[str, ...] = ()
    provider_thread: str | None = None
    is_automatic: bool = True
    customer_wrote_at: datetime | None = None  # their last message on this channel
    attempt: int = 1
    others: frozenset[str] = frozenset()  # for a search: the provider's ids of what else we sent to this recipient


SendState = Literal["sent", "delivered"]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the provider said to a send. `provider_id` is the id that later messages and callbacks name."""

    state: SendState
    provider_id: str
    detail: str = ""
    provider_thread: str | None = None
    also_known_as: tuple[str, ...] = ()  # further ids; answers name the first, such as a mail's Message-ID


@dataclass(frozen=True, slots=True)
class DeliveryUpdate:
    """A provider's later word on a message of ours, by its id, by ours, or both."""

    state: Literal["sent", "delivered", "read", "failed"]
    provider_id: str | None
    delivery_id: str | None = None
    detail: str = ""
    code: str = ""  # the provider's error code
    recipient: str | None = None


@dataclass(frozen=True, slots=True)
class RawMessage:
    """Input as it is stored, before `Channel.parse` makes a message of it; `payload` is JSON."""

    payload: dict[str, Any]
    files: tuple[NewFile, ...] = ()


@dataclass(frozen=True, slots=True)
class HookRequest:
    """A provider's call as it came over the wire. `path` is what follows `/webhooks/<door>`, such as `/status`."""

    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = field(repr=False)

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def one(self, name: str) -> str | None:
        """The header's value; None when it is missing or stands there twice."""
        values = self.all(name)
        return values[0] if len(values) == 1 else None


@dataclass(frozen=True, slots=True)
class HookAnswer:
    """What an authentic call brought, and what to answer once it is committed."""

    messages: tuple[RawMessage, ...] = ()
    updates: tuple[DeliveryUpdate, ...] = ()
    fetch: bool = False  # the mailbox has news
    status: int = 204
    body: str = ""
    content_type: str = "text/plain"
    fingerprint: str | None = None  # of what was signed: the same one with another content is an attack


@dataclass(frozen=True, slots=True)
class Batch:
    """What one look into a mailbox brought. The cursor moves in the transaction that stores the messages."""

    messages: tuple[RawMessage, ...]
    cursor: dict[str, Any]
    more: bool = False
    updates: tuple[DeliveryUpdate, ...] = ()
    notes: tuple[str, ...] = ()  # such as a message that vanished before it could be read


@dataclass(frozen=True, slots=True)
class ChannelHealth:
    state: Literal["ready", "local", "not_configured", "paused"]
    detail: str


class Channel(Protocol):
    """One way in and out. Raise `ChannelError` from `send` and `collect`, nothing else."""

    name: str
    label: str
    is_chat: bool

    def parse(self, payload: dict[str, Any]) -> InboundMessage:
        """The raw payload that the front door stored, as a message. Raises InvalidInput."""
        ...

    def format(self, reply: Reply) -> tuple[str, ...]:
        """The reply in the channel's form and within its limits: one string for each provider message."""
        ...

    async def send(self, outbound: Outbound) -> Receipt: ...

    def health(self) -> ChannelHealth: ...


@runtime_checkable
class Hooked(Protocol):
    door: str  # its provider posts to `/webhooks/<door>`

    async def hook(self, request: HookRequest) -> HookAnswer:
        """Check that the provider sent it, and read it.

        Raises:
            Forbidden: it is not authentic, or not for us.
            Unauthorized: its token is not valid.
            InvalidInput: it is authentic but can't be understood.
            ChannelNotConfigured: no secret to check it by.
        """
        ...


@runtime_checkable
class Collects(Protocol):
    async def collect(self, payload: dict[str, Any]) -> tuple[tuple[NewFile, ...], tuple[str, ...]]:
        """Files that the payload names and that lie with the provider, and notes on those that were left there."""
        ...


@runtime_checkable
class Fetched(Protocol):
    @property
    def fetch_every(self) -> timedelta: ...

    async def fetch(self, cursor: dict[str, Any]) -> Batch:
        """What came since the cursor, oldest first; `{}` starts. The caller holds the mailbox's lock.

        Raises:
            ChannelError: the provider can't be reached, or refuses; `pauses` when only a person can mend it.
        """
        ...


@runtime_checkable
class Searchable(Protocol):
    async def find_sent(self, outbound: Outbound, since: datetime) -> Receipt | None:
        """The provider's record of this message, None when it certainly has none.

        Raises:
            ChannelError: it can't be known now (retry), or never (`permanent`).
        """
        ...
