"""The endpoints that programs read with: conversations, customers, figures."""

from __future__ import annotations

import asyncio
from uuid import UUID

import httpx
import pytest

from deskhand import customers, reports
from deskhand.channels.base import Batch, NewFile, RawMessage
from deskhand.desk import Desk
from deskhand.ids import uuid7
from tests.api.asking import count, file_all, speak, submit, ticket_of
from tests.driving import ask, payload, with_channel, working
from tests.scripted_channel import scripted


async def test_a_conversation_is_read_page_by_page_without_gap_or_double(
    client: httpx.AsyncClient, desk: Desk, read_key: dict[str, str]
) -> None:
    answer = await submit(client)
    await file_all(desk)
    for number in range(6):
        await speak(desk, answer["reference"], f"note {number}", kind="note", author="operator")
    conversation_id = (await ticket_of(desk, answer["reference"])).conversation_id

    seen: list[str] = []
    cursor = None
    while True:
        query = {"limit": "3"} | ({"cursor": cursor} if cursor else {})
        response = await client.get(f"/conversations/{conversation_id}", params=query, headers=read_key)
        assert response.status_code == 200
        page = response.json()
        seen += [message["body"] for message in page["messages"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen[:-1] == [f"note {number}" for number in reversed(range(6))]
    assert len(seen) == 7


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "cursor=forged", "cursor=%00"])
async def test_a_wrong_page_is_refused_with_the_field_named(
    client: httpx.AsyncClient, desk: Desk, read_key: dict[str, str], query: str
) -> None:
    answer = await submit(client)
    await file_all(desk)
    conversation_id = (await ticket_of(desk, answer["reference"])).conversation_id

    response = await client.get(f"/conversations/{conversation_id}?{query}", headers=read_key)
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == query.split("=")[0]


async def test_a_file_can_be_saved_by_whoever_may_read_its_conversation(
    client: httpx.AsyncClient, desk: Desk, read_key: dict[str, str], write_key: dict[str, str]
) -> None:
    hostile = NewFile("..\\..\u202egnp.html", "text/html", b"<script>alert(1)</script>")
    talking, _ = scripted(desk, on_fetch=lambda _: Batch((RawMessage(payload("See there"), (hostile,)),), {}))
    mine = f"/conversations/{await until_filed(talking)}"
    (message,) = [item for item in (await client.get(mine, headers=read_key)).json()["messages"] if item["files"]]
    (file,) = message["files"]

    answer = await client.get(f"{mine}/files/{file['id']}", headers=read_key)

    assert (file["name"], file["size"]) == ("gnp.html", len(hostile.content))
    assert (answer.status_code, answer.content) == (200, hostile.content)
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert answer.headers["x-content-type-options"] == "nosniff"
    for path, headers, status in (
        (f"{mine}/files/{file['id']}", {}, 401),
        (f"{mine}/files/{file['id']}", write_key, 403),
        (f"/conversations/{uuid7()}/files/{file['id']}", read_key, 404),
        (f"{mine}/files/{uuid7()}", read_key, 404),
        (f"{mine}/files/1", read_key, 422),
    ):
        assert (await client.get(path, headers=headers)).status_code == status


async def until_filed(desk: Desk) -> UUID:
    """Run a worker until a message with a file has its conversation."""
    async with working(desk), asyncio.timeout(20):
        while True:
            async with desk.db.transaction() as tx:
                row = await (
                    await tx.execute(
                        "select conversation_id from messages m join message_files f on f.message_id = m.id"
                    )
                ).fetchone()
            if row is not None:
                return row[0]
            await asyncio.sleep(0.02)


async def test_a_failed_send_does_not_look_sent(
    client: httpx.AsyncClient, desk: Desk, read_key: dict[str, str]
) -> None:
    mailing, _ = with_channel(desk, "email", refusal="Mailbox unknown.")
    outcome = await ask(mailing, "Hello")

    page = (await client.get(f"/conversations/{outcome.ticket.conversation_id}", headers=read_key)).json()

    assert {item["kind"]: item["delivery"] for item in page["messages"]} == {
        "event": None,
        "outbound": "failed",
        "inbound": None,
    }


async def test_an_unknown_conversation_is_not_found(client: httpx.AsyncClient, read_key: dict[str, str]) -> None:
    assert (await client.get(f"/conversations/{uuid7()}", headers=read_key)).status_code == 404
    assert (await client.get("/conversations/17", headers=read_key)).status_code == 422


async def test_a_look_up_finds_the_customer_in_any_written_form(
    client: httpx.AsyncClient, desk: Desk, read_key: dict[str, str]
) -> None:
    async with desk.db.transaction() as tx:
        await customers.find_or_create(tx, "email", "dana@example.com", name="Dana Fox")
        await customers.mark_verified(tx, "email", "dana@example.com")
        await customers.find_or_create(tx, "phone", "+4930123456")

    by_email = await client.get("/customers/lookup", params={"email": " DANA@example.com"}, headers=read_key)
    by_phone = await client.get("/customers/lookup?phone=+49 30/123456", headers=read_key)
    assert by_email.json()["name"] == "Dana Fox"
    assert by_email.json()["identifiers"][0]["state"] == "verified"
    assert by_phone.json()["identifiers"][0]["state"] == "claimed"


async def test_a_get_look_up_creates_no_customer(
    client: httpx.AsyncClient, desk: Desk, read_key: dict[str, str]
) -> None:
    response = await client.get("/customers/lookup", params={"email": "new@example.com"}, headers=read_key)

    assert response.status_code == 404
    assert await count(desk.db, "select count(*) from customers") == 0
    assert await count(desk.db, "select count(*) from customer_identifiers") == 0


@pytest.mark.parametrize("query", ["", "email=a@example.com&phone=4930123456", "email=none", "phone=12"])
async def test_a_look_up_needs_one_address(client: httpx.AsyncClient, read_key: dict[str, str], query: str) -> None:
    response = await client.get(f"/customers/lookup?{query}", headers=read_key)

    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] in ("email", "phone")


async def test_figures_show_every_channel(client: httpx.AsyncClient, desk: Desk, read_key: dict[str, str]) -> None:
    async with desk.db.transaction() as tx:
        for action in ("answered", "answered", "answered", "escalated"):
            await reports.record_metric(tx, "turn_seconds", 0.1, "web_form", None, {"action": action})
        await reports.record_metric(tx, "reply_seconds", 0.5, "web_form", None, {})

    response = await client.get("/metrics/channels", params={"hours": 1}, headers=read_key)
    figures = {channel["channel"]: channel for channel in response.json()["channels"]}
    assert figures.keys() == desk.channels.keys()
    assert figures["web_form"]["messages"] == 4
    assert figures["web_form"]["escalation_rate"] == 0.25
    assert figures["web_form"]["reply_seconds_p95"] == 0.5
    assert figures["email"]["messages"] == 0
    assert figures["email"]["escalation_rate"] is None


@pytest.mark.parametrize("hours", ["0", "721", "-1", "1e308", "nan"])
async def test_hours_have_bounds(client: httpx.AsyncClient, read_key: dict[str, str], hours: str) -> None:
    response = await client.get("/metrics/channels", params={"hours": hours}, headers=read_key)

    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == "hours"
