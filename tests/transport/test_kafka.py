"""What the Kafka transport adds: duplicates, foreign messages, fencing, parked keys, the topic of dead letters."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer
from pydantic import SecretStr

from deskhand.db import Database
from deskhand.errors import BrokerUnavailable, InvalidInput, SetupInvalid
from deskhand.settings import Settings
from deskhand.transport import Delivery, PostgresTransport, Postpone, Subscription, Transport
from deskhand.transport.configured import open_transport
from deskhand.transport.kafka import source as source_module
from deskhand.transport.kafka.brokers import Brokers
from deskhand.transport.kafka.claims import KafkaClaimer, Outcome
from deskhand.transport.kafka.partitions import Lane
from deskhand.transport.kafka.provision import create_topics, examine_topics
from deskhand.transport.kafka.source import KafkaSource
from deskhand.transport.kafka.wire import Record as KafkaRecord
from deskhand.transport.topics import Topics
from tests.kafka_broker import PASSWORD, USER, shared_broker
from tests.transport.consuming import (
    TOPIC,
    MakeTransport,
    Record,
    count,
    eventually,
    lag_of,
    lag_until,
    number,
    publish,
    run_sql,
    working,
)
from tests.transport.consuming import create_topics as make_topics

pytestmark = [pytest.mark.usefixtures("kind"), pytest.mark.parametrize("kind", ["kafka"], indirect=True)]


@pytest.fixture
def physical(transport_settings: Settings) -> str:
    """The topic's name on the broker."""
    return f"{transport_settings.kafka_topic_prefix}{TOPIC}"


def produce(settings: Settings, topic: str, value: bytes, headers: dict[str, bytes] | None = None) -> None:
    producer = Producer({"bootstrap.servers": settings.kafka_bootstrap})
    producer.produce(topic, value, b"anna", headers=[*(headers or {}).items()])
    assert producer.flush(10) == 0


async def read_all(settings: Settings, topic: str, wanted: int) -> list[Any]:
    """The first messages of a topic, as any other program would read them."""

    def read() -> list[Any]:
        consumer = Consumer(
            {"bootstrap.servers": settings.kafka_bootstrap, "group.id": topic, "auto.offset.reset": "earliest"}
        )
        consumer.subscribe([topic])
        found: list[Any] = []
        for _ in range(200):
            found += [message for message in consumer.consume(10, 0.1) if message.error() is None]
            if len(found) >= wanted:
                break
        consumer.close()
        return found

    return await asyncio.to_thread(read)


async def test_a_second_copy_of_a_message_is_dropped(
    database: Database, transport: Transport, transport_settings: Settings, physical: str
) -> None:
    """A relay that dies between the acknowledgement and the deletion sends a message again."""
    record = Record()
    async with working(transport, Subscription(TOPIC, record)):
        await publish(database, transport, 1)
        await eventually(lambda: record.settled == [1])
        [sent] = await read_all(transport_settings, physical, 1)
        await asyncio.to_thread(produce, transport_settings, physical, sent.value(), dict(sent.headers()))
        await publish(database, transport, 2)
        await eventually(lambda: record.settled == [1, 2])

    assert [number(message) for message in record.handed] == [1, 2]
    assert (await lag_of(transport)).pending == 0


async def test_a_message_that_cannot_be_read_is_a_dead_letter_and_frees_its_key(
    database: Database, transport: Transport, transport_settings: Settings, physical: str
) -> None:
    record = Record()
    await asyncio.to_thread(produce, transport_settings, physical, b"\xff no JSON")
    await publish(database, transport, 1)

    async with working(transport, Subscription(TOPIC, record)):
        await eventually(lambda: record.settled == [1])

    [letter] = await transport.list_dead_letters(TOPIC)
    assert letter.payload == {"base64": "/yBubyBKU09O", "bytes": 9}
    assert letter.key == "anna"
    assert "not a message of ours" in letter.error
    assert (await lag_of(transport)).pending == 0


async def test_dead_letters_go_to_their_topic_too(
    database: Database, make_transport: MakeTransport, transport_settings: Settings
) -> None:
    transport = make_transport(queue_attempts=1)

    async def fail(_: Delivery) -> None:
        raise ValueError("the article is gone")

    await publish(database, transport, 7, headers={"trace": "abc"})
    dlq = f"{transport_settings.kafka_topic_prefix}deskhand.dlq"
    async with working(transport, Subscription(TOPIC, fail)):
        [told] = await read_all(transport_settings, dlq, 1)

    headers = {name: value.decode() for name, value in told.headers()}
    assert (told.key(), told.value().replace(b" ", b"")) == (b"anna", b'{"n":7}')
    assert (headers["topic"], headers["attempts"], headers["trace"][:9]) == (TOPIC, "1", "Traceback")
    assert headers["error"] == "ValueError: the article is gone"
    assert headers["place"].endswith(":0")


async def test_a_long_pause_parks_the_key_and_frees_the_partition(
    database: Database, make_transport: MakeTransport
) -> None:
    """Parked messages survive their consumer, keep their order, and can be brought forward."""
    resting = True

    async def rest(delivery: Delivery) -> None:
        if resting and number(delivery.messages[0]) == 1:
            raise Postpone(timedelta(hours=1))

    record = Record(rest)
    first, second = make_transport(), make_transport(queue_poll=timedelta(seconds=0.1))
    await publish(database, first, 1, 2)
    async with working(first, Subscription(TOPIC, record)):
        await lag_until(first, lambda lag: lag.waiting_retry == 2)
        await publish(database, first, 3)
        await lag_until(first, lambda lag: lag.waiting_retry == 3)
        await publish(database, first, 4, key="ben")
        await eventually(lambda: record.settled == [4])
        lag = await lag_until(first, lambda lag: lag.in_flight == 0)
        assert lag.pending == 3
    assert await count(database, "select count(*) from kafka_parked") == 3

    resting = False
    async with working(second, Subscription(TOPIC, record, batch=10)):
        await publish(database, second, 5)
        await lag_until(second, lambda lag: lag.waiting_retry == 4)
        await run_sql(database, "update kafka_attempts set due_at = now()")
        await eventually(lambda: len(record.settled) == 5)
        await publish(database, second, 6)
        await eventually(lambda: len(record.settled) == 6)

    assert record.settled == [4, 1, 2, 3, 5, 6]
    assert {message.attempt for message in record.handed} == {1}
    assert (await lag_of(second)).pending == 0


async def test_a_failure_of_a_parked_message_keeps_it_parked_and_counts(
    database: Database, make_transport: MakeTransport
) -> None:
    transport = make_transport(queue_poll=timedelta(seconds=0.1), queue_attempts=2)
    errors: list[Exception] = [Postpone(timedelta(hours=1)), ValueError("first"), ValueError("second")]

    async def fail(delivery: Delivery) -> None:
        if number(delivery.messages[0]) == 1 and errors:
            raise errors.pop(0)

    record = Record(fail)
    await publish(database, transport, 1, 2)
    async with working(transport, Subscription(TOPIC, record)):
        await lag_until(transport, lambda lag: lag.waiting_retry == 2)
        await run_sql(database, "update kafka_attempts set due_at = now()")
        await eventually(lambda: record.settled == [2])

    [letter] = await transport.list_dead_letters(TOPIC)
    assert (letter.attempts, letter.error) == (2, "ValueError: second")
    assert await count(database, "select count(*) from kafka_parked") == 0
    assert await count(database, "select count(*) from kafka_attempts") == 0


async def test_a_consumer_whose_partition_somebody_else_took_joins_anew(
    database: Database, transport: Transport
) -> None:
    record = Record()
    async with working(transport, Subscription(TOPIC, record)):
        await publish(database, transport, 1)
        await eventually(lambda: record.settled == [1])
        await run_sql(database, "update kafka_partitions set epoch = epoch + 1, holder = 'host:1'")
        await publish(database, transport, 2)
        await eventually(lambda: record.settled == [1, 2])

    assert await count(database, "select count(*) from kafka_partitions where holder = 'host:1'") == 0
    assert [message.attempt for message in record.handed] == [1, 1]


async def test_a_consumer_that_joins_or_leaves_doubles_nothing_and_keeps_the_order(
    database: Database, make_transport: MakeTransport
) -> None:
    steady = {"queue_lease": timedelta(seconds=8)}  # none is lost to a busy machine: only joining and leaving count
    one, other = make_transport(**steady), make_transport(**steady)
    records = Record(lambda _: asyncio.sleep(0.005)), Record(lambda _: asyncio.sleep(0.005))
    published = 0

    async def publish_until(true: Callable[[], bool]) -> None:
        nonlocal published
        async with asyncio.timeout(30):
            while not true():
                await publish(database, one, published, key=f"customer {published % 10}")
                published += 1

    async with working(one, Subscription(TOPIC, records[0])):
        await publish_until(lambda: len(records[0].settled) > 10)
        async with working(other, Subscription(TOPIC, records[1])):
            await publish_until(lambda: len(records[1].settled) > 10)
        await eventually(lambda: len(records[0].settled) + len(records[1].settled) == published)

    handed = [number(message) for record in records for message in record.handed]
    assert sorted(handed) == list(range(published))
    for record in records:
        for key in range(10):
            mine = [n for n in record.settled if n % 10 == key]
            assert mine == sorted(mine)


async def test_a_message_that_arrives_during_a_claim_of_its_key_waits_for_its_turn(
    database: Database, transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = KafkaClaimer.claim

    async def claim_slowly(self: KafkaClaimer, lanes: Sequence[Lane]) -> list[Outcome]:
        outcomes = await claim(self, lanes)
        await asyncio.sleep(0.02)
        return outcomes

    monkeypatch.setattr(KafkaClaimer, "claim", claim_slowly)
    record = Record(lambda _: asyncio.sleep(0.01))
    async with working(transport, Subscription(TOPIC, record)):
        for n in range(30):
            await publish(database, transport, n)
            await asyncio.sleep(0.01)
        await eventually(lambda: len(record.settled) == 30)

    assert [number(message) for message in record.handed] == list(range(30))


async def test_what_a_consumer_holds_is_bounded(
    database: Database, transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_module, "WINDOW", 20)
    held = most = 0
    receive, finish = KafkaSource.receive, KafkaSource._finish

    def count_received(self: KafkaSource, topic: str, records: list[KafkaRecord]) -> None:
        nonlocal held, most
        held += len(records)
        most = max(most, held)
        receive(self, topic, records)

    def count_finished(self: KafkaSource, lane: Any) -> None:
        nonlocal held
        held -= 1
        finish(self, lane)

    monkeypatch.setattr(KafkaSource, "receive", count_received)
    monkeypatch.setattr(KafkaSource, "_finish", count_finished)
    monkeypatch.setattr("deskhand.transport.kafka.membership.AT_ONCE", 10)
    record = Record()
    async with database.transaction() as tx:
        for n in range(300):
            await transport.publish(tx, TOPIC, f"customer {n}", {"n": n})
    async with working(transport, Subscription(TOPIC, record)):
        await eventually(lambda: len(record.settled) == 300)

    assert sorted(record.settled) == list(range(300))
    assert most < 80  # two partitions with 20 each, and what was on its way when they were paused


async def test_the_age_of_what_the_brokers_hold_is_told(database: Database, transport: Transport) -> None:
    record = Record()
    await publish(database, transport, 1, topic="test.other")
    async with working(transport, Subscription(TOPIC, record)):
        await publish(database, transport, 2)
        await eventually(lambda: record.settled == [2])
    assert await count(database, "select count(*) from kafka_outbox") == 0
    await asyncio.sleep(0.2)

    lag = await lag_of(transport, "test.other")
    assert (lag.pending, lag.in_flight) == (1, 0)
    assert 0.2 < lag.oldest_age_seconds < 60


async def test_what_the_postgres_transport_left_is_handled_first(
    database: Database, transport: Transport, transport_settings: Settings
) -> None:
    before = PostgresTransport(database, transport_settings)
    record = Record()
    await publish(database, before, 1, 2, 3)
    await publish(database, transport, 4, 5)
    async with database.transaction() as tx:
        assert await transport.publish(tx, TOPIC, "carl", {"n": 6}, dedup_key="x")
        assert not await transport.publish(tx, TOPIC, "carl", {"n": 7}, dedup_key="x")
    await publish(database, before, 8, key="ben", dedup_key="y")
    async with database.transaction() as tx:
        assert not await transport.publish(tx, TOPIC, "ben", {"n": 9}, dedup_key="y")
    assert (await lag_of(transport)).pending == 7

    async with working(transport, Subscription(TOPIC, record)):
        await eventually(lambda: len(record.settled) == 7)

    assert [number(message) for message in record.handed if message.key == "anna"] == [1, 2, 3, 4, 5]
    assert (await lag_of(transport)).pending == 0
    await before.close()


async def test_missing_topics_are_named_and_can_be_made(transport: Transport, transport_settings: Settings) -> None:
    topics = Topics("deskhand")
    with pytest.raises(SetupInvalid, match=r"deskhand\.tickets\.incoming.*deskhand queue topics --create"):
        await transport.check(subscribed=topics.consumed, published=topics.consumed)

    await create_topics(transport_settings, topics)
    await eventually_there(transport_settings, topics)
    await transport.check(subscribed=topics.consumed, published=topics.consumed)
    await create_topics(transport_settings, topics)  # again: nothing to do


async def eventually_there(settings: Settings, topics: Topics) -> None:
    async with asyncio.timeout(20):
        while not all(facts.partitions == 2 for facts in await examine_topics(settings, topics)):
            await asyncio.sleep(0.05)


async def test_headers_of_the_transports_own_and_too_large_ones_are_refused(
    database: Database, transport: Transport
) -> None:
    for headers in ({"deskhand-id": "1"}, {"note": "x" * 100_000}):
        with pytest.raises(InvalidInput):
            async with database.transaction() as tx:
                await transport.publish(tx, TOPIC, "anna", {"n": 1}, headers=headers)


async def test_tls_and_a_password_are_used_as_set(
    database: Database, transport_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = await asyncio.to_thread(shared_broker)
    settings = transport_settings.model_copy(
        update={
            "kafka_bootstrap": broker.secure,
            "kafka_security_protocol": "SASL_SSL",
            "kafka_sasl_mechanism": "PLAIN",
            "kafka_sasl_username": USER,
            "kafka_sasl_password": SecretStr(PASSWORD),
            "kafka_ca_file": broker.certificate,
        }
    )
    transport = open_transport(database, settings)
    record = Record()
    await make_topics(settings, [TOPIC])  # a broker named by KAFKA_BOOTSTRAP is another
    async with working(transport, Subscription(TOPIC, record)):
        await publish(database, transport, 1)
        await eventually(lambda: record.settled == [1])
    await transport.close()

    monkeypatch.setattr("deskhand.transport.kafka.brokers.PATIENCE", 1.0)
    with pytest.raises(BrokerUnavailable):
        await Brokers(settings.model_copy(update={"kafka_ca_file": None})).topics()


async def test_a_setting_that_is_missing_is_named(database: Database, transport_settings: Settings) -> None:
    with pytest.raises(SetupInvalid, match="DESKHAND_KAFKA_BOOTSTRAP"):
        open_transport(database, transport_settings.model_copy(update={"kafka_bootstrap": None}))
    with pytest.raises(SetupInvalid, match="DESKHAND_KAFKA_SASL_PASSWORD"):
        open_transport(database, transport_settings.model_copy(update={"kafka_security_protocol": "SASL_SSL"}))
