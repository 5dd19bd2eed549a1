"""The topics that an installation needs on its brokers: which are there, and making the others."""

from __future__ import annotations

from datetime import timedelta

from deskhand.settings import Settings
from deskhand.transport.kafka.brokers import Brokers, TopicFacts
from deskhand.transport.topics import Topics

DEAD_LETTERS_KEPT = timedelta(days=30)


async def examine_topics(settings: Settings, topics: Topics) -> list[TopicFacts]:
    """Every topic by its name on the brokers; one without partitions is missing.

    Raises:
        BrokerUnavailable: nobody answered.
    """
    brokers = Brokers(settings)
    there = await brokers.topics()
    found = [there.get(topic, TopicFacts(topic, 0, 0)) for topic in (*topics.consumed, topics.dlq)]
    return [TopicFacts(brokers.name(facts.name), facts.partitions, facts.replication) for facts in found]


async def create_topics(settings: Settings, topics: Topics) -> None:
    """Make the topics that are missing.

    Raises:
        BrokerUnavailable: they can't be made; the message says why.
    """
    brokers = Brokers(settings)
    there = await brokers.topics()
    kept = dict.fromkeys(topics.consumed, settings.kafka_retention) | {topics.dlq: DEAD_LETTERS_KEPT}
    await brokers.create({topic: retention for topic, retention in kept.items() if topic not in there})
