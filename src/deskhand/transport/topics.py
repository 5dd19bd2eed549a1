"""The names of all topics."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of one installation; `prefix` keeps two of them apart in one database or broker."""

    prefix: str

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
            self.email_inbound,
            self.whatsapp_inbound,
            self.webform_inbound,
            self.tickets_incoming,
            self.deliveries,
            self.escalations,
            self.metrics,
        )
