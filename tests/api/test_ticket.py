"""The status of a ticket: opened by its token and by nothing else, from the first moment on."""

from __future__ import annotations

import httpx
import pytest

from deskhand.desk import Desk
from tests.api.asking import KEY, QUESTION, bearer, file_all, hand_over, speak, submit


async def read(client: httpx.AsyncClient, answer: dict[str, str]) -> dict[str, object]:
    response = await client.get(f"/support/ticket/{answer['reference']}", headers=bearer(answer["access_token"]))
    assert response.status_code == 200, response.text
    return response.json()


async def test_it_is_there_before_the_worker_has_seen_the_message(client: httpx.AsyncClient) -> None:
    answer = await submit(client)
    ticket = await read(client, answer)

    assert ticket["status"] == "received"
    assert ticket["subject"] == QUESTION["subject"]
    assert ticket["messages"] == [
        {
            "author": "customer",
            "name": "Dana Fox",
            "text": QUESTION["message"],
            "created_at": ticket["created_at"],
            "state": "received",
            "mailed": None,
            "files": [],
        }
    ]


async def test_a_filed_message_is_in_progress(client: httpx.AsyncClient, desk: Desk) -> None:
    answer = await submit(client)
    await file_all(desk)

    assert (await read(client, answer))["status"] == "in_progress"


async def test_an_answer_is_shown(client: httpx.AsyncClient, desk: Desk) -> None:
    answer = await submit(client)
    await file_all(desk)
    await speak(desk, answer["reference"], "Open Settings > Security.")

    ticket = await read(client, answer)
    assert ticket["status"] == "answered"
    texts = [(message["author"], message["text"]) for message in ticket["messages"]]  # pyright: ignore[reportGeneralTypeIssues, reportUnknownVariableType]  # JSON
    assert texts == [("customer", QUESTION["message"]), ("agent", "Open Settings > Security.")]


async def test_an_escalated_ticket_is_with_a_person(client: httpx.AsyncClient, desk: Desk) -> None:
    answer = await submit(client)
    await file_all(desk)
    await hand_over(desk, answer["reference"], "A colleague takes over.")

    assert (await read(client, answer))["status"] == "with_a_person"


async def test_a_persons_answer_counts_as_an_answer(client: httpx.AsyncClient, desk: Desk) -> None:
    answer = await submit(client)
    await file_all(desk)
    await hand_over(desk, answer["reference"], "A colleague takes over.")
    await speak(desk, answer["reference"], "Hello, Lisa here.", author="operator")

    assert (await read(client, answer))["status"] == "answered"


async def test_a_held_draft_is_with_a_person_and_not_shown(client: httpx.AsyncClient, desk: Desk) -> None:
    answer = await submit(client)
    await file_all(desk)
    await speak(desk, answer["reference"], "A colleague is checking my answer.", outcome="held")

    assert (await read(client, answer))["status"] == "with_a_person"


async def test_a_closed_ticket_says_so(client: httpx.AsyncClient, desk: Desk) -> None:
    answer = await submit(client)
    await file_all(desk)
    await speak(desk, answer["reference"], "Done.", status="closed")

    assert (await read(client, answer))["status"] == "closed"


async def test_notes_and_events_stay_with_us(client: httpx.AsyncClient, desk: Desk) -> None:
    answer = await submit(client)
    await file_all(desk)
    await speak(desk, answer["reference"], "Careful, this one is angry.", kind="note", author="operator")
    await speak(desk, answer["reference"], "ticket assigned", kind="event", author="system")

    assert "angry" not in str(await read(client, answer))
    assert "assigned" not in str(await read(client, answer))


async def test_another_conversation_of_the_same_address_is_not_shown(client: httpx.AsyncClient, desk: Desk) -> None:
    first = await submit(client, message="My secret is a blue elephant.")
    second = await submit(client, message="An unrelated question.")
    await file_all(desk)

    assert "elephant" not in str(await read(client, second))
    assert "elephant" in str(await read(client, first))


async def test_a_reference_alone_opens_nothing(client: httpx.AsyncClient) -> None:
    answer = await submit(client)

    response = await client.get(f"/support/ticket/{answer['reference']}")
    assert response.status_code == 404
    assert QUESTION["message"] not in response.text


@pytest.mark.parametrize("token", ["", "wrong", "x" * 43, "ü"])
async def test_a_wrong_token_looks_like_an_unknown_reference(client: httpx.AsyncClient, token: str) -> None:
    answer = await submit(client)

    wrong = await client.get(f"/support/ticket/{answer['reference']}", params={"token": token})
    unknown = await client.get("/support/ticket/TF-20261122-0000", params={"token": token})
    assert wrong.status_code == unknown.status_code == 404
    assert {**wrong.json(), "request_id": ""} == {**unknown.json(), "request_id": ""}


async def test_the_token_of_another_ticket_does_not_open_this_one(client: httpx.AsyncClient) -> None:
    one, other = await submit(client), await submit(client)

    response = await client.get(f"/support/ticket/{one['reference']}", headers=bearer(other["access_token"]))
    assert response.status_code == 404


@pytest.mark.parametrize("reference", ["x", "%00", "TF-20261122-' or 1=1", "..%2f..%2fetc", "TF" * 4000])
async def test_a_strange_reference_is_merely_unknown(client: httpx.AsyncClient, reference: str) -> None:
    response = await client.get(f"/support/ticket/{reference}", params={"token": "t"})

    assert response.status_code == 404


async def test_the_token_works_in_the_query_and_in_the_header(client: httpx.AsyncClient) -> None:
    answer = await submit(client, key=KEY)

    response = await client.get(f"/support/ticket/{answer['reference']}", params={"token": answer["access_token"]})
    assert response.status_code == 200
    assert (await read(client, answer))["reference"] == answer["reference"]


async def test_nobody_on_the_way_keeps_a_copy(client: httpx.AsyncClient) -> None:
    answer = await submit(client)

    response = await client.get(f"/support/ticket/{answer['reference']}", headers=bearer(answer["access_token"]))
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["referrer-policy"] == "no-referrer"
