"""How brokers are spoken to: the clients' configuration, and questions about topics and offsets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar, cast

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin import NewTopic as NewTopic  # pyright: ignore[reportPrivateImportUsage]  # documented
from confluent_kafka.admin import OffsetSpec as OffsetSpec  # pyright: ignore[reportPrivateImportUsage]  # documented

from deskhand.errors import BrokerUnavailable, SetupInvalid
from deskhand.log import get_logger
from deskhand.settings import Settings

PATIENCE = 5.0  # seconds for one question
T = TypeVar("T")
Place = tuple[str, int]  # a topic, by our name, and the number of a partition

log = get_logger("transport")


@dataclass(frozen=True, slots=True)
class TopicFacts:
    name: str
    partitions: int
    replication: int


@dataclass(frozen=True, slots=True)
class Extent:
    """What a partition holds, and up to where it is done."""

    first: int
    end: int
    committed: int

    @property
    def open(self) -> int:
        return self.end - self.committed


def client_config(settings: Settings) -> dict[str, Any]:
    """What every client is built with.

    Raises:
        SetupInvalid: no brokers are named.
    """
    if not settings.kafka_bootstrap:
        raise SetupInvalid(
            "DESKHAND_TRANSPORT=kafka needs DESKHAND_KAFKA_BOOTSTRAP.",
            field="DESKHAND_KAFKA_BOOTSTRAP",
            mend="Name brokers as HOST:PORT, comma-separated.",
        )
    config: dict[str, Any] = {
        "bootstrap.servers": settings.kafka_bootstrap,
        "security.protocol": settings.kafka_security_protocol,
        "client.id": "deskhand",
        "log_level": 0,  # what matters comes by error_cb
        "allow.auto.create.topics": False,
        "reconnect.backoff.max.ms": 3_000,
        "topic.metadata.refresh.interval.ms": 60_000,
    }
    if settings.kafka_security_protocol.startswith("SASL"):
        password = settings.kafka_sasl_password
        if settings.kafka_sasl_username is None or password is None:
            raise SetupInvalid(
                f"DESKHAND_KAFKA_SECURITY_PROTOCOL={settings.kafka_security_protocol} needs a name and a password.",
                field="DESKHAND_KAFKA_SASL_PASSWORD",
                mend="Set DESKHAND_KAFKA_SASL_USERNAME and DESKHAND_KAFKA_SASL_PASSWORD.",
            )
        config |= {
            "sasl.mechanism": settings.kafka_sasl_mechanism,
            "sasl.username": settings.kafka_sasl_username,
            "sasl.password": password.get_secret_value(),
        }
    if settings.kafka_ca_file is not None:
        if not settings.kafka_ca_file.is_file():
            raise SetupInvalid(
                f"DESKHAND_KAFKA_CA_FILE: there is no file {settings.kafka_ca_file}.", field="DESKHAND_KAFKA_CA_FILE"
            )
        config["ssl.ca.location"] = str(settings.kafka_ca_file)
    return config


def report_error(error: KafkaError) -> None:
    """What a client tells while it goes on trying."""
    log.warning("broker_trouble", code=error.name(), detail=error.str())


class Brokers:
    """Questions and orders to the cluster, by our own topics' names."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._config = client_config(settings)
        self._prefix = settings.kafka_topic_prefix
        self._admin: AdminClient | None = None
        self._thread = ThreadPoolExecutor(
            1, "kafka-admin"
        )  # its own: brokers that are away would use up the shared ones

    def name(self, topic: str) -> str:
        """A topic's name on the brokers."""
        return self._prefix + topic

    def topic(self, name: str) -> str:
        return name.removeprefix(self._prefix)

    def config(self, **more: Any) -> dict[str, Any]:
        return self._config | {name.replace("__", "."): value for name, value in more.items()}

    def _client(self) -> Any:  # its answers are futures of nothing in particular
        if self._admin is None:
            self._admin = AdminClient(self._config)
        return self._admin

    async def topics(self) -> dict[str, TopicFacts]:
        """Every topic with our prefix.

        Raises:
            BrokerUnavailable: nobody answered.
        """
        try:
            ask = partial(self._client().list_topics, timeout=PATIENCE)
            cluster = await asyncio.get_running_loop().run_in_executor(self._thread, ask)
        except KafkaException as error:
            raise _unavailable(error) from error
        found: dict[str, TopicFacts] = {}
        for name, topic in cluster.topics.items():
            if name.startswith(self._prefix) and not topic.error:
                copies = [len(partition.replicas) for partition in topic.partitions.values()]
                found[self.topic(name)] = TopicFacts(self.topic(name), len(copies), min(copies, default=0))
        return found

    async def create(self, topics: Mapping[str, timedelta], *, more: Mapping[str, str] | None = None) -> None:
        """Create topics with their retention, and `more` of their settings; one that is there stays as it is.

        Raises:
            BrokerUnavailable: they can't be created; the message says why.
        """
        settings = self._settings
        orders = [
            NewTopic(
                self.name(topic),
                settings.kafka_partitions,
                settings.kafka_replication,
                config={
                    "retention.ms": str(int(retention.total_seconds() * 1000)),
                    "min.insync.replicas": str(max(1, settings.kafka_replication - 1)),
                    **(more or {}),
                },
            )
            for topic, retention in topics.items()
        ]
        if not orders:
            return
        for answer in self._client().create_topics(orders, request_timeout=PATIENCE).values():
            try:
                await _result(answer)
            except KafkaException as error:
                if _code(error) != KafkaError.TOPIC_ALREADY_EXISTS:
                    raise _unavailable(error) from error

    async def extents(self, topics: Iterable[TopicFacts]) -> dict[Place, Extent]:
        """For every partition what it holds, and what our group has committed.

        Raises:
            BrokerUnavailable: somebody did not answer.
        """
        places = [(topic.name, number) for topic in topics for number in range(topic.partitions)]
        if not places:
            return {}
        try:
            first, end, committed = await asyncio.gather(
                self._offsets(places, OffsetSpec.earliest()),
                self._offsets(places, OffsetSpec.latest()),
                self._committed(places),
            )
        except KafkaException as error:
            raise _unavailable(error) from error
        return {place: Extent(first[place], end[place], max(first[place], committed.get(place, 0))) for place in places}

    async def _offsets(self, places: Sequence[Place], which: Any) -> dict[Place, int]:
        asked = {TopicPartition(self.name(topic), number): which for topic, number in places}
        answers = self._client().list_offsets(asked, request_timeout=PATIENCE)
        results = await asyncio.gather(*(_result(answer) for answer in answers.values()))
        return {
            (self.topic(place.topic), place.partition): int(result.offset)
            for place, result in zip(answers, results, strict=True)
        }

    async def _committed(self, places: Sequence[Place]) -> dict[Place, int]:
        asked = ConsumerGroupTopicPartitions(
            self._settings.kafka_group, [TopicPartition(self.name(topic), number) for topic, number in places]
        )
        [answer] = self._client().list_consumer_group_offsets([asked], request_timeout=PATIENCE).values()
        found = await _result(answer)
        return {(self.topic(place.topic), place.partition): place.offset for place in found.topic_partitions}

    async def delete_records(self, upto: Mapping[Place, int]) -> None:
        """Delete all that partitions hold below an offset.

        Raises:
            BrokerUnavailable: somebody did not answer.
        """
        places = [TopicPartition(self.name(topic), number, offset) for (topic, number), offset in upto.items()]
        if not places:
            return
        answers = self._client().delete_records(places, request_timeout=PATIENCE).values()
        try:
            await asyncio.gather(*(_result(answer) for answer in answers))
        except KafkaException as error:
            raise _unavailable(error) from error


def _result(answer: Future[Any]) -> Awaitable[Any]:
    return asyncio.wrap_future(answer)


def _code(error: KafkaException) -> int:
    return cast("KafkaError", error.args[0]).code()


def _unavailable(error: KafkaException) -> BrokerUnavailable:
    return BrokerUnavailable(f"The brokers did not do as asked: {cast('KafkaError', error.args[0]).str()}.")
