"""`deskhand channels`, `inbound`, `customers`, and what the doctor says of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import pytest

from deskhand import channel_states
from deskhand.composition import open_desk
from deskhand.desk import Desk
from deskhand.flows.merging import merge_customers
from deskhand.settings import Settings
from tests.cli.conftest import Talk, call
from tests.driving import say, working
from tests.factories import make_customer

T = TypeVar("T")


@pytest.fixture
def on_desk(talk: Talk, settings: Settings, conninfo: str) -> Callable[[Callable[[Desk], Awaitable[T]]], T]:
    """Do something on the desk that the commands find."""

    def run(work: Callable[[Desk], Awaitable[T]]) -> T:
        async def inside() -> T:
            async with open_desk(settings, conninfo) as desk:
                try:
                    return await work(desk)
                finally:
                    await desk.transport.close()

        return asyncio.run(inside())

    return run


async def pause(desk: Desk) -> None:
    async with desk.db.transaction() as tx:
        await channel_states.pause(tx, "email", detail="The token was revoked.", at=datetime.now(UTC))


def test_a_paused_channel_says_so_everywhere_and_goes_on_when_told(on_desk: Callable[..., Any]) -> None:
    on_desk(pause)

    listed = {row["name"]: row for row in json.loads(call("channels", "--json").output)}
    doctor = call("doctor")
    resumed = call("channels", "resume", "email")
    again = call("channels", "resume", "email")

    assert listed["email"]["state"] == "paused"
    assert "The token was revoked." in listed["email"]["detail"]
    assert "deskhand channels resume email" in doctor.output
    assert doctor.exit_code == 1
    assert "goes on" in resumed.output
    assert "was not paused" in again.output
    assert json.loads(call("channels", "--json").output)[0]["state"] == "local"


def test_a_channel_that_does_not_exist_is_refused(on_desk: Callable[..., Any]) -> None:
    assert call("channels", "resume", "pigeon").exit_code == 1


def test_what_is_suspended_is_listed_with_its_cause_and_can_be_released(on_desk: Callable[..., Any]) -> None:
    async def suspend(desk: Desk) -> str:
        inbound_id = await say(desk, "I am away until Monday.", automatic="auto_reply", sender="bot@example.com")
        async with working(desk), asyncio.timeout(20):
            while any(lag.pending for lag in await desk.transport.lag()):
                await asyncio.sleep(0.02)
        return str(inbound_id)

    inbound_id = on_desk(suspend)

    (row,) = json.loads(call("inbound", "suspended", "--json").output)
    released = call("inbound", "release", inbound_id)

    assert (row["id"], row["cause"], row["sender"]) == (inbound_id, "auto_reply", "bot@example.com")
    assert "released" in released.output
    assert "no suspended messages" in call("inbound", "suspended").output
    assert call("inbound", "release", "nonsense").exit_code == 1
    assert call("inbound", "failed").exit_code == 0


def test_a_merge_is_listed_with_its_evidence_and_can_be_undone(on_desk: Callable[..., Any]) -> None:
    async def merge(desk: Desk) -> None:
        async with desk.db.transaction() as tx:
            one, two = await make_customer(tx, "one@example.com"), await make_customer(tx, "two@example.com")
            await merge_customers(desk, tx, kept=one.id, merged=two.id, evidence="they said so")

    on_desk(merge)

    (row,) = json.loads(call("customers", "merges", "--json").output)
    undone = call("customers", "unmerge", row["id"])

    assert row["evidence"] == "they said so"
    assert undone.exit_code == 0
    assert ", undone " in call("customers", "merges").output


def test_a_misspelt_variable_is_named_by_the_doctor(
    on_desk: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DESKHAND_WHATSAPP_AUTHTOKEN", "secret")

    told = call("doctor").output

    assert "no setting is called DESKHAND_WHATSAPP_AUTHTOKEN (did you mean DESKHAND_WHATSAPP_AUTH_TOKEN?)" in told
    assert "secret" not in told
