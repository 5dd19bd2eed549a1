"""What a channel is: one file that knows its provider's words, and a line in the registry."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from deskhand.customers import IdentifierKind


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """A customer's message in our own words, whatever door it came by.

    `verified` says that the channel vouches for the sender (an authenticated mailbox, a signed webhook); the address
    is merely claimed otherwise. `thread` joins it to a conversation when it is one of this customer's.
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
class Receipt:
    """What the provider said to a send."""

    state: Literal["sent", "delivered"]
    provider_id: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ChannelHealth:
    state: Literal["ready", "local", "not_configured", "paused"]
    detail: str


class Channel(Protocol):
    """One way in and out. Raise `ChannelError(permanent=...)` from `send`, nothing else."""

    name: str
    label: str
    is_chat: bool

    def parse(self, payload: dict[str, Any]) -> InboundMessage:
        """The raw payload that the front door stored, as a message. Raises InvalidInput."""
        ...

    def format(self, reply: Reply) -> tuple[str, ...]:
        """The reply in the channel's form and within its limits: one string for each provider message."""
        ...

    async def send(self, recipient: str, parts: tuple[str, ...], *, delivery_id: str) -> Receipt: ...

    def health(self) -> ChannelHealth: ...
