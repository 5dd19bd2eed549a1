"""The whole desk on Kafka: the same worker, commands and health page, chosen by one setting."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Generator
from dataclasses import replace

import httpx
import pytest
import structlog
from typer.testing import CliRunner, Result

from deskhand.api.health import examine
from deskhand.app import create_app
from deskhand.cli import app as cli
from deskhand.desk import Desk
from deskhand.flows.outcome import wait_for_outcome
from deskhand.settings import Settings
from deskhand.transport import PostgresTransport
from deskhand.transport.configured import open_transport
from deskhand.transport.kafka.provision import create_topics
from tests.driving import say, working
from tests.transport.test_kafka import eventually_there

pytestmark = [pytest.mark.usefixtures("kind"), pytest.mark.parametrize("kind", ["kafka"], indirect=True)]


@pytest.fixture
async def kafka_desk(desk: Desk, transport_settings: Settings) -> AsyncGenerator[Desk]:
    await create_topics(transport_settings, desk.topics)
    await eventually_there(transport_settings, desk.topics)
    transport = open_transport(desk.db, transport_settings)
    yield replace(desk, settings=transport_settings, transport=transport)
    await transport.close()


async def count_replies(desk: Desk) -> int:
    async with desk.db.transaction() as tx:
        row = await (await tx.execute("select count(*) from messages where kind = 'outbound'")).fetchone()
        return 0 if row is None else int(row[0])


async def test_the_same_worker_answers_over_kafka(kafka_desk: Desk) -> None:
    async with working(kafka_desk):
        said = [await say(kafka_desk, "Hello", sender=f"m{number}@example.com") for number in range(3)]
        for inbound_id in said:
            await wait_for_outcome(kafka_desk, inbound_id, timeout=60)
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(create_app(kafka_desk)), base_url="http://desk.test"
        ) as client:
            response = await client.get("/health/detailed")

    assert await count_replies(kafka_desk) == 3
    assert response.status_code == 200, response.text
    assert response.json()["checks"]["transport"]["state"] == "ok"


async def test_a_desk_moves_from_postgres_to_kafka_while_messages_come_in(desk: Desk, kafka_desk: Desk) -> None:
    """As docs/howto/kafka.md has it: workers first, then who publishes; here both publish at once."""
    said = [await say(desk, "Hello", sender=f"m{number}@example.com") for number in range(3)]
    assert isinstance(desk.transport, PostgresTransport)
    async with working(kafka_desk):
        for number in range(6):
            said.append(await say((desk, kafka_desk)[number % 2], "Hello again", sender=f"m{number % 3}@example.com"))
        for inbound_id in said:
            await wait_for_outcome(kafka_desk, inbound_id, timeout=60)
        async with asyncio.timeout(30):
            while any(lag.pending for lag in await kafka_desk.transport.lag()):
                await asyncio.sleep(0.1)

    assert await count_replies(kafka_desk) == 9
    assert await kafka_desk.transport.list_dead_letters() == []


async def test_brokers_that_are_away_leave_the_desk_ready(
    desk: Desk, transport_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deskhand.transport.kafka.brokers.PATIENCE", 0.5)
    settings = transport_settings.model_copy(update={"kafka_bootstrap": "127.0.0.1:9"})
    away = replace(desk, settings=settings, transport=open_transport(desk.db, settings))

    checks = await examine(away)
    assert (checks.database.state, checks.transport.state) == ("ok", "degraded")
    await say(away, "Hello")  # and it takes messages in
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(create_app(away)), base_url="http://desk.test"
    ) as client:
        assert (await client.get("/health/detailed")).status_code == 200
    await away.transport.close()


@pytest.fixture
def _log() -> Generator[None]:
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.mark.usefixtures("_log")
def test_the_commands_speak_to_the_brokers(
    conninfo: str, transport_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def call(*arguments: str) -> Result:
        return CliRunner().invoke(cli, list(arguments))

    told = {"TRANSPORT": "kafka", "DATABASE_URL": conninfo, "KAFKA_PARTITIONS": "2", "KAFKA_REPLICATION": "1"}
    told["KAFKA_BOOTSTRAP"] = transport_settings.kafka_bootstrap or ""
    told |= {"KAFKA_TOPIC_PREFIX": f"{transport_settings.kafka_topic_prefix}cli."}
    for name, text in told.items():
        monkeypatch.setenv(f"DESKHAND_{name}", text)

    missing = call("queue", "topics")
    assert missing.exit_code != 0
    assert "missing" in missing.output
    doctor = call("doctor")
    assert doctor.exit_code == 1
    assert "topics are missing" in doctor.output
    call("queue", "topics", "--create")
    made = call("queue", "topics")
    assert made.exit_code == 0, made.output
    assert f"{told['KAFKA_TOPIC_PREFIX']}deskhand.dlq" in made.output
    lag = call("queue", "--json")
    assert lag.exit_code == 0, lag.output
    assert all(row["pending"] == 0 for row in json.loads(lag.stdout))
    purge = call("queue", "purge", "deskhand.metrics", "--yes")
    assert purge.output == "deleted 0 waiting messages\n"
    assert "Kafka: " in call("doctor").output

    monkeypatch.setenv("DESKHAND_TRANSPORT", "postgres")
    assert call("queue", "topics").output == "DESKHAND_TRANSPORT=postgres needs no topics\n"
