"""Messages between the parts: published with the data they speak of, handled at least once, in order by key."""

from deskhand.transport.base import (
    REPLAYED_FROM,
    DeadLetter,
    Delivery,
    Handler,
    Message,
    OnDead,
    Postpone,
    Subscription,
    TopicLag,
    Transport,
)
from deskhand.transport.postgres import PostgresTransport
from deskhand.transport.topics import Topics

__all__ = [
    "REPLAYED_FROM",
    "DeadLetter",
    "Delivery",
    "Handler",
    "Message",
    "OnDead",
    "PostgresTransport",
    "Postpone",
    "Subscription",
    "TopicLag",
    "Topics",
    "Transport",
]
