"""Faults seen elsewhere: a form that says 'received' while nothing reaches the agent, or that reaches it twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from uuid import uuid4

import httpx
import pytest

from deskhand.app import create_app
from deskhand.desk import Desk
from tests.api.asking import bearer, count, submit, unreachable
from tests.driving import working


@pytest.fixture
async def client(desk: Desk) -> AsyncGenerator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(create_app(desk)), base_url="http://desk.test"
    ) as client:
        yield client


async def settled(desk: Desk) -> None:
    async with working(desk), asyncio.timeout(30):
        while await count(desk.db, "select count(*) from message_queue"):
            await asyncio.sleep(0.02)


async def test_every_accepted_form_and_reply_has_exactly_one_outcome(client: httpx.AsyncClient, desk: Desk) -> None:
    people = [f"person{number}@example.com" for number in range(4)]
    answers = [await submit(client, key=str(uuid4()), email=email) for email in people for _ in range(2)]
    for answer in answers:
        for _ in range(2):
            sent = await client.post(
                f"/support/ticket/{answer['reference']}/replies",
                json={"message": "And one more thing."},
                headers=bearer(answer["access_token"]) | {"Idempotency-Key": f"reply-{answer['reference']}"},
            )
            assert sent.status_code == 202
    await settled(desk)

    assert await count(desk.db, "select count(*) from inbound where outcome = 'filed'") == 16
    assert await count(desk.db, "select count(*) from messages where kind = 'inbound'") == 16
    assert await count(desk.db, "select count(*) from decisions") == 16
    assert await count(desk.db, "select count(distinct conversation_id) from messages") == 8
    assert await count(desk.db, "select count(*) from dead_letters") == 0


async def test_a_form_that_was_refused_has_no_outcome_and_the_next_try_has_one(
    client: httpx.AsyncClient, desk: Desk
) -> None:
    key = str(uuid4())
    async with unreachable(desk.db):
        response = await client.post(
            "/support/submit", json={"email": "a@example.com", "message": "Hello?"}, headers={"Idempotency-Key": key}
        )
        assert response.status_code == 503
    await submit(client, key=key)
    await settled(desk)

    assert await count(desk.db, "select count(*) from decisions") == 1


async def test_what_a_program_sent_is_kept_shown_and_answered_by_nobody(client: httpx.AsyncClient, desk: Desk) -> None:
    answer = await submit(client, website="https://spam.example")
    await settled(desk)

    assert await count(desk.db, "select count(*) from inbound where outcome = 'suspended' and detail <> ''") == 1
    assert await count(desk.db, "select count(*) from decisions") == 0
    ticket = await client.get(f"/support/ticket/{answer['reference']}", headers=bearer(answer["access_token"]))
    assert ticket.json()["status"] == "held_back"


async def test_the_reference_shown_is_the_one_stored(client: httpx.AsyncClient, desk: Desk) -> None:
    answer = await submit(client)
    await settled(desk)

    assert await count(desk.db, "select count(*) from tickets where reference = %s", answer["reference"]) == 1
    ticket = await client.get(f"/support/ticket/{answer['reference']}", headers=bearer(answer["access_token"]))
    assert ticket.json()["reference"] == answer["reference"]
