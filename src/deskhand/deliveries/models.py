"""A reply on its way to the customer: one delivery for each provider message."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from deskhand.ids import MessageId

State = Literal["queued", "sending", "sent", "delivered", "read", "failed", "unknown"]

# From the worst to the best, as a person would see it who asks whether the whole message has arrived.
LEAST_FIRST: Final[tuple[State, ...]] = ("failed", "unknown", "queued", "sending", "sent", "delivered", "read")


@dataclass(frozen=True, slots=True)
class Delivery:
    """One provider message; `body` is what is sent, byte for byte."""

    id: UUID
    message_id: MessageId
    channel: str
    recipient: str
    position: int
    body: str
    state: State
    provider_id: str | None
    attempts: int
    resends: int
    detail: str
    attempted_at: datetime | None
    copy_subject: str | None
    created_at: datetime
    updated_at: datetime

    @property
    def is_copy(self) -> bool:
        """Whether the message itself goes by another channel, and this is for convenience."""
        return self.copy_subject is not None


@dataclass(frozen=True, slots=True)
class MessageDelivery:
    """All provider messages of one message of ours, in their order; there is at least one."""

    items: tuple[Delivery, ...]

    @property
    def parts(self) -> list[str]:
        return [item.body for item in self.items]

    @property
    def recipient(self) -> str:
        return self.items[0].recipient

    @property
    def state(self) -> State:
        return least(item.state for item in self.items)

    @property
    def telling(self) -> Delivery:
        """The one that decides the state."""
        return next(item for item in self.items if item.state == self.state)

    @property
    def detail(self) -> str:
        return self.telling.detail

    @property
    def updated_at(self) -> datetime:
        return max(item.updated_at for item in self.items)

    @property
    def is_under_way(self) -> bool:
        return any(item.state in ("queued", "sending") for item in self.items)


@dataclass(frozen=True, slots=True)
class DeliveryEvent:
    """What a provider said about a delivery; `applied` is False when the delivery was further already."""

    state: str
    provider_id: str
    code: str
    detail: str
    applied: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Word:
    """What a provider says about a delivery, before it is written down."""

    state: State
    provider_id: str | None = None
    code: str = ""
    detail: str = ""
    recipient: str | None = None


def least(states: Iterable[State]) -> State:
    """A message is only as far as the last of its parts."""
    return min(states, key=LEAST_FIRST.index)
