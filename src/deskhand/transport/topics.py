"""The names of all topics."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from deskhand.errors import SetupInvalid


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of one installation; `prefix` keeps two of them apart in one database or broker."""

    prefix: str
    channels: tuple[str, ...] = ("email", "whatsapp", "web_form")

    def inbound(self, channel: str) -> str:
        """Raw, authenticated input of a channel: `Topics("deskhand").inbound("web_form")`."""
        return f"{self.prefix}.channels.{channel.replace('_', '')}.inbound"

    @property
    def email_inbound(self) -> str:
        return self.inbound("email")

    @property
    def whatsapp_inbound(self) -> str:
        return self.inbound("whatsapp")

    @property
    def webform_inbound(self) -> str:
        return self.inbound("web_form")

    @property
    def mailboxes(self) -> str:
        """Looks into mailboxes: a key a mailbox, so that one worker at a time looks into it."""
        return f"{self.prefix}.channels.mailboxes"

    @property
    def tickets_incoming(self) -> str:
        """Normalised messages, keyed by conversation: each is one turn of the agent."""
        return f"{self.prefix}.tickets.incoming"

    @property
    def deliveries(self) -> str:
        """Replies on their way out. Apart, so that one that waits for its provider holds up no turn."""
        return f"{self.prefix}.deliveries"

    @property
    def escalations(self) -> str:
        return f"{self.prefix}.escalations"

    @property
    def link_codes(self) -> str:
        """Codes to be mailed to an address that a customer on a chat says is theirs."""
        return f"{self.prefix}.customers.links"

    @property
    def metrics(self) -> str:
        return f"{self.prefix}.metrics"

    @property
    def dlq(self) -> str:
        """Dead letters. PostgreSQL keeps them in a table, so only Kafka has a topic of this name."""
        return f"{self.prefix}.dlq"

    @property
    def consumed(self) -> tuple[str, ...]:
        """Every topic that is published to and so needs a consumer: all but `dlq`."""
        return (
            *(self.inbound(channel) for channel in self.channels),
            self.mailboxes,
            self.tickets_incoming,
            self.deliveries,
            self.escalations,
            self.link_codes,
            self.metrics,
        )


def refuse_unconsumed(subscribed: Collection[str], published: Collection[str]) -> None:
    """Raise for the first topic that is published to and that nothing consumes.

    Raises:
        SetupInvalid: names the topic.
    """
    for topic in published:
        if topic not in subscribed:
            raise SetupInvalid(f"Nothing consumes the topic {topic}.", mend="Subscribe a handler to it.")
