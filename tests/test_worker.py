"""The worker: every topic has a consumer, and every accepted message exactly one outcome."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace

import pytest

from deskhand import log
from deskhand.agent.decision import Triage
from deskhand.agent.triage import TriageInput
from deskhand.desk import Desk
from deskhand.errors import SetupInvalid
from deskhand.flows.outcome import wait_for_outcome
from deskhand.transport import Topics
from deskhand.worker import consumers, run_worker
from tests.driving import ask, say, with_channel, working
from tests.fakes import ScriptedTriage, read_as

CHAT = "whatsapp"  # two messages of one sender share a conversation there, so that their order would decide


class TopicsWithOneMore(Topics):
    """As if somebody had added a topic and forgotten its consumer."""

    @property
    def consumed(self) -> tuple[str, ...]:
        return (*super().consumed, f"{self.prefix}.surveys")


def test_every_topic_that_is_published_to_has_a_consumer(desk: Desk) -> None:
    assert set(consumers(desk)) == set(desk.topics.consumed)


async def test_a_topic_without_a_consumer_fails_the_start(desk: Desk) -> None:
    forgetful = replace(desk, topics=TopicsWithOneMore("deskhand"))

    async with asyncio.timeout(10):
        with pytest.raises(SetupInvalid, match=r"deskhand\.surveys"):
            await run_worker(forgetful, asyncio.Event())


async def test_thirty_messages_at_once_over_three_channels_have_exactly_one_outcome_each(desk: Desk) -> None:
    triage = ScriptedTriage({"charged": read_as("billing"), "watches": read_as(ignore="spam")})
    busy = replace(desk, triage=triage)
    bodies = ["How do I invite a colleague?", "I was charged twice", "Buy watches"]
    senders = {"email": "m{}@example.com", "web_form": "f{}@example.com", "whatsapp": "+4917012345{:02}"}

    async with working(busy):
        said = await asyncio.gather(
            *(
                say(
                    busy,
                    bodies[number % 3],
                    channel=channel,
                    sender=sender.format(number if channel == CHAT else number // 2),
                )
                for channel, sender in senders.items()
                for number in range(10)
            )
        )
        outcomes = [await wait_for_outcome(busy, inbound_id, timeout=60) for inbound_id in said]

    assert len({outcome.decision.message_id for outcome in outcomes}) == 30
    assert Counter(outcome.decision.decision for outcome in outcomes) == {"respond": 12, "escalate": 9, "ignore": 9}
    async with desk.db.transaction() as tx:
        row = await (
            await tx.execute(
                """
                select (select count(*) from inbound where outcome = 'filed'),
                       (select count(*) from messages where kind = 'inbound'),
                       (select count(*) from decisions),
                       (select count(*) from messages where kind = 'outbound'),
                       (select count(distinct message_id) from deliveries where state in ('sent', 'delivered')),
                       (select count(*) from escalations where notice = 'sent'),
                       (select count(*) from dead_letters)
                """
            )
        ).fetchone()
    assert row == (30, 30, 30, 21, 21, 9, 0)


async def test_a_second_worker_beside_the_first_doubles_nothing(desk: Desk) -> None:
    async with working(desk), working(desk):
        said = [await say(desk, "Hello", sender=f"m{number}@example.com") for number in range(10)]
        outcomes = [await wait_for_outcome(desk, inbound_id, timeout=60) for inbound_id in said]

    async with desk.db.transaction() as tx:
        row = await (await tx.execute("select count(*) from messages where kind = 'outbound'")).fetchone()
    assert len(outcomes) == 10
    assert row == (10,)


async def test_no_line_of_a_working_desk_holds_a_customer_s_words_or_address(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    def read(message: TriageInput) -> Triage:
        if "fail" in message.body:
            raise RuntimeError("the model file is gone")
        return read_as("billing") if "escalate" in message.body else read_as()

    mailing, _ = with_channel(replace(desk, triage=ScriptedTriage(read)), "email", refusal="Mailbox unknown.")
    log.configure("info", as_json=True)

    for number, body in enumerate(("canary-body escalate", "canary-body fail", "canary-body", "")):
        given = {"sender": f"canary-{number}@example.com", "name": "Canary", "subject": "canary-subject"}
        await ask(mailing, body, **given)

    lines = capsys.readouterr().err
    assert "turn_finished" in lines
    assert "message_died" in lines
    assert "canary" not in lines.lower()
