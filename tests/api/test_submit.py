"""The form's front door: stored and published before the yes, refused with the field named otherwise."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from deskhand import customers
from deskhand.desk import Desk
from deskhand.errors import InvalidInput
from deskhand.tickets import is_reference
from deskhand.transport.postgres import PostgresTransport
from tests.api.asking import KEY, QUESTION, bearer, count, file_all, rows_of, submit, ticket_of, unreachable


async def test_a_message_is_answered_with_reference_link_and_estimate(client: httpx.AsyncClient) -> None:
    response = await client.post("/support/submit", json=QUESTION)

    assert response.status_code == 202
    answer = response.json()
    assert is_reference(answer["reference"])
    assert answer["status_url"] == f"/support/status/{answer['reference']}?token={answer['access_token']}"
    assert answer["sla"] == {"plan": "free", "first_response": "within 24 hours", "seconds": 86400}


async def test_an_accepted_form_is_stored_and_published(client: httpx.AsyncClient, desk: Desk) -> None:
    await submit(client)

    assert await count(desk.db, "select count(*) from inbound where outcome = 'received'") == 1
    published = "select count(*) from message_queue where topic = %s"
    assert await count(desk.db, published, desk.topics.webform_inbound) == 1


async def test_a_failed_publish_rolls_the_stored_form_back(
    client: httpx.AsyncClient, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish = PostgresTransport.publish

    async def publish_then_fail(self: PostgresTransport, *args: Any, **more: Any) -> bool:
        await publish(self, *args, **more)
        raise InvalidInput("the queue says no")

    monkeypatch.setattr(PostgresTransport, "publish", publish_then_fail)
    response = await client.post("/support/submit", json=QUESTION)

    assert response.status_code == 422
    assert set((await rows_of(desk.db)).values()) == {0}


async def test_the_reference_told_is_the_one_the_ticket_has(client: httpx.AsyncClient, desk: Desk) -> None:
    answer = await submit(client)
    await file_all(desk)

    ticket = await ticket_of(desk, answer["reference"])
    seen = await client.get(f"/support/ticket/{answer['reference']}", headers=bearer(answer["access_token"]))
    assert ticket.reference == seen.json()["reference"] == answer["reference"]
    assert ticket.subject == QUESTION["subject"]


async def test_with_the_database_down_the_answer_is_503_and_nothing_is_half_stored(
    client: httpx.AsyncClient, desk: Desk
) -> None:
    async with unreachable(desk.db):
        response = await client.post("/support/submit", json=QUESTION, headers={"Idempotency-Key": KEY})

    assert response.status_code == 503
    assert response.headers["content-type"] == "application/problem+json"
    assert int(response.headers["retry-after"]) > 0
    assert response.json()["code"] == "database_unavailable"
    assert set((await rows_of(desk.db)).values()) == {0}

    await submit(client, key=KEY)
    assert await count(desk.db, "select count(*) from inbound") == 1


async def test_the_503_tells_a_stranger_nothing_about_the_database(client: httpx.AsyncClient, desk: Desk) -> None:
    async with unreachable(desk.db):
        response = await client.post("/support/submit", json=QUESTION)

    assert response.json()["detail"] == "The database can't be reached."


async def test_one_key_and_content_posted_twice_has_one_effect_and_one_answer(
    client: httpx.AsyncClient, desk: Desk
) -> None:
    first, second = await submit(client, key=KEY), await submit(client, key=KEY)

    assert first == second
    assert await count(desk.db, "select count(*) from inbound") == 1
    assert await count(desk.db, "select count(*) from message_queue") == 1


async def test_one_key_posted_many_times_at_once_has_one_effect(client: httpx.AsyncClient, desk: Desk) -> None:
    answers = await asyncio.gather(*(submit(client, key=KEY) for _ in range(9)))

    assert len({answer["access_token"] for answer in answers}) == 1
    assert len({answer["reference"] for answer in answers}) == 1
    assert await count(desk.db, "select count(*) from inbound") == 1


async def test_one_key_with_other_content_is_a_conflict(client: httpx.AsyncClient, desk: Desk) -> None:
    await submit(client, key=KEY)

    response = await client.post(
        "/support/submit", json=QUESTION | {"message": "Something else."}, headers={"Idempotency-Key": KEY}
    )
    assert response.status_code == 409
    assert response.json()["code"] == "conflict"
    assert await count(desk.db, "select count(*) from inbound") == 1


async def test_without_a_key_two_posts_are_two_messages(client: httpx.AsyncClient) -> None:
    assert (await submit(client))["reference"] != (await submit(client))["reference"]


async def test_the_key_is_not_kept_and_does_not_make_the_token_alone(client: httpx.AsyncClient, desk: Desk) -> None:
    answer = await submit(client, key=KEY)

    kept = "select count(*) from inbound where strpos(inbound::text, %s) > 0"
    assert await count(desk.db, kept, KEY) == 0
    assert await count(desk.db, kept, answer["access_token"]) == 0
    assert await count(desk.db, kept, QUESTION["email"]) == 1
    other = await client.post("/support/submit", json=QUESTION | {"message": "Other words."})
    assert other.json()["access_token"] != answer["access_token"]


@pytest.mark.parametrize("key", ["short", "x" * 201, "with space in the key", "schlüssel-schlüssel"])
async def test_a_key_that_is_none_is_refused(client: httpx.AsyncClient, key: str) -> None:
    response = await client.post("/support/submit", json=QUESTION, headers={b"Idempotency-Key": key.encode()})

    assert response.status_code == 422
    assert response.json()["errors"][0]["field"].lower() == "idempotency-key"


async def test_a_plan_typed_by_the_sender_is_refused_and_changes_nothing(client: httpx.AsyncClient, desk: Desk) -> None:
    response = await client.post("/support/submit", json=QUESTION | {"plan": "enterprise"})

    assert response.status_code == 422
    assert response.json()["errors"] == [
        {"field": "plan", "message": "Plan is not a field that is known here.", "mend": "Remove it."}
    ]
    assert set((await rows_of(desk.db)).values()) == {0}


async def test_the_estimate_does_not_tell_whether_an_address_is_a_customers(
    client: httpx.AsyncClient, desk: Desk
) -> None:
    async with desk.db.transaction() as tx:
        known = await customers.find_or_create(tx, "email", QUESTION["email"], name="Dana Fox")
        await customers.set_plan(tx, known.id, "enterprise")

    for_customer, for_stranger = await submit(client), await submit(client, email="nobody@example.com")
    assert for_customer["sla"] == for_stranger["sla"]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"email": "dana"}, "email"),
        ({"email": "dana@example"}, "email"),
        ({"email": "dana@example.com\nBcc: all@example.com"}, "email"),
        ({"email": "d" * 250 + "@example.com"}, "email"),
        ({"email": None}, "email"),
        ({"message": "  a "}, "message"),
        ({"message": "a" * 10_001}, "message"),
        ({"message": "nul \x00 here"}, "message"),
        ({"message": "bell \x07 here"}, "message"),
        ({"message": 17}, "message"),
        ({"subject": "s" * 201}, "subject"),
        ({"subject": "two\nlines"}, "subject"),
        ({"name": "n" * 101}, "name"),
        ({"name": "Da\x1bna"}, "name"),
        ({"category": "Two\nlines"}, "category"),
        ({"filled_ms": -1}, "filled_ms"),
    ],
)
async def test_a_wrong_field_is_named_with_its_mend(
    client: httpx.AsyncClient, desk: Desk, fields: dict[str, Any], field: str
) -> None:
    response = await client.post("/support/submit", json=QUESTION | fields)

    assert response.status_code == 422, response.text
    (error,) = response.json()["errors"]
    assert error["field"] == field
    assert error["mend"]
    assert set((await rows_of(desk.db)).values()) == {0}


async def test_every_wrong_field_is_named_at_once(client: httpx.AsyncClient) -> None:
    response = await client.post("/support/submit", json={"subject": "Hello"})

    assert [error["field"] for error in response.json()["errors"]] == ["email", "message"]
    assert response.json()["detail"] == "Email is missing. Message is missing."


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff\xfe{}", b"\xef\xbb\xbf{}", b"[" * 100_000, b'{"message": "\\ud800"}', b"\x00"],
)
async def test_what_is_no_json_is_refused(client: httpx.AsyncClient, body: bytes) -> None:
    response = await client.post("/support/submit", content=body, headers={"Content-Type": "application/json"})

    assert response.status_code == 400
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("body", [b"[]", b"null", b"1e308", b'"text"'])
async def test_json_that_is_no_object_is_refused(client: httpx.AsyncClient, body: bytes) -> None:
    response = await client.post("/support/submit", content=body, headers={"Content-Type": "application/json"})

    assert response.status_code == 422
    assert response.json()["errors"][0]["message"] == "The body must be a JSON object."


@pytest.mark.parametrize("media_type", ["", "text/plain", "text/html", "application/json; charset=latin-1"])
async def test_another_media_type_is_refused(client: httpx.AsyncClient, media_type: str) -> None:
    headers = {"Content-Type": media_type} if media_type else {}
    response = await client.post("/support/submit", content=b"{}", headers=headers)

    assert response.status_code == 415
    assert "application/json" in response.headers["accept"]


async def test_lines_of_a_browser_and_of_a_script_are_the_same_message(client: httpx.AsyncClient, desk: Desk) -> None:
    first = await submit(client, key=KEY, message="one\r\ntwo")
    assert await submit(client, key=KEY, message="one\ntwo") == first


async def test_a_page_of_another_site_may_not_post(client: httpx.AsyncClient, desk: Desk) -> None:
    foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    for headers in (foreign, {"Origin": "https://evil.example"}):
        response = await client.post("/support/submit", data=QUESTION, headers=headers)
        assert response.status_code == 403
    assert set((await rows_of(desk.db)).values()) == {0}


async def test_our_own_page_may_post(client: httpx.AsyncClient) -> None:
    for headers in ({"Origin": "null", "Sec-Fetch-Site": "same-origin"}, {"Origin": "http://desk.test"}):
        response = await client.post("/support/submit", data=QUESTION, headers=headers)
        assert response.status_code == 303


async def test_the_log_holds_no_words_of_the_customer_and_no_token(
    app: FastAPI, client: httpx.AsyncClient, capfd: pytest.CaptureFixture[str]
) -> None:
    answer = await submit(client, name="Zebulon", message="a very secret question")
    await client.get(f"/support/ticket/{answer['reference']}", params={"token": answer["access_token"]})

    logged = "".join(capfd.readouterr())
    assert "form_accepted" in logged
    for secret in (answer["access_token"], "Zebulon", "secret question", "dana@example.com"):
        assert secret not in logged
