"""The transport over Apache Kafka: published through an outbox, consumed key by key, fenced by PostgreSQL."""

from deskhand.transport.kafka.transport import KafkaTransport

__all__ = ["KafkaTransport"]
