"""Writing on from the status page: the same conversation, the same customer, once, and only with the secret."""

from __future__ import annotations

import asyncio
import re
from html import unescape
from typing import Any

import httpx
import pytest

from deskhand.desk import Desk
from deskhand.flows.filing import release_suspended
from deskhand.settings import Settings
from tests.api.asking import KEY, QUESTION, bearer, count, file_all, hand_over, rows_of, speak, submit, unreachable
from tests.api.test_pages import BROWSER, key_in
from tests.driving import working

REPLY = "Thank you, but the switch is grey for me."
OTHER_KEY = "9b2f7a52-3c11-4d0e-8a77-1d6f2b1c0e55"


async def say_more(
    client: httpx.AsyncClient, answer: dict[str, Any], text: str = REPLY, *, key: str = "", token: str | None = None
) -> httpx.Response:
    headers = bearer(answer["access_token"] if token is None else token)
    headers |= {"Idempotency-Key": key} if key else {}
    return await client.post(f"/support/ticket/{answer['reference']}/replies", json={"message": text}, headers=headers)


async def open_page(client: httpx.AsyncClient, answer: dict[str, Any]) -> str:
    return (await client.get(answer["status_url"], headers=BROWSER)).text


async def test_a_reply_is_a_message_of_the_same_conversation_and_customer(
    client: httpx.AsyncClient, desk: Desk
) -> None:
    answer = await submit(client)
    await file_all(desk)
    response = await say_more(client, answer)

    assert response.status_code == 202, response.text
    assert [item["state"] for item in response.json()["messages"]] == ["read", "received"]
    await file_all(desk)
    assert await count(desk.db, "select count(*) from conversations") == 1
    assert await count(desk.db, "select count(*) from customers") == 1
    assert await count(desk.db, "select count(*) from tickets") == 1
    inbound = "select count(*) from messages where kind = 'inbound' and author_name = 'Dana Fox'"
    assert await count(desk.db, inbound) == 2
    ticket = (await client.get(f"/support/ticket/{answer['reference']}", headers=bearer(answer["access_token"]))).json()
    assert [item["text"] for item in ticket["messages"]] == [QUESTION["message"], REPLY]
    assert ticket["status"] == "in_progress"


async def test_a_reply_before_the_first_message_is_filed_joins_it_all_the_same(
    client: httpx.AsyncClient, desk: Desk
) -> None:
    answer = await submit(client)
    assert (await say_more(client, answer)).status_code == 202
    await file_all(desk)

    assert await count(desk.db, "select count(*) from conversations") == 1
    assert await count(desk.db, "select count(*) from messages where kind = 'inbound'") == 2


async def test_a_reply_to_what_was_closed_opens_it_again_on_the_same_page(
    client: httpx.AsyncClient, desk: Desk
) -> None:
    answer = await submit(client)
    await file_all(desk)
    await speak(desk, answer["reference"], "Done.", status="closed")
    waiting = (await say_more(client, answer)).json()
    assert waiting["status"] == "in_progress"
    await file_all(desk)

    ticket = (await client.get(f"/support/ticket/{answer['reference']}", headers=bearer(answer["access_token"]))).json()
    assert ticket["status"] == "in_progress"
    assert ticket["messages"][-1]["text"] == REPLY
    assert await count(desk.db, "select count(*) from tickets") == 2
    assert await count(desk.db, "select count(*) from conversations") == 1


async def test_the_word_human_brings_a_person(client: httpx.AsyncClient, real_desk: Desk) -> None:
    answer = await submit(client)
    async with working(real_desk):
        await file_all_by_worker(client, answer, "answered", "with_a_person")
        await say_more(client, answer, "human")
        ticket = await file_all_by_worker(client, answer, "with_a_person")

    assert ticket["messages"][-1]["author"] == "agent"
    assert await count(real_desk.db, "select count(*) from escalations") >= 1


async def file_all_by_worker(client: httpx.AsyncClient, answer: dict[str, Any], *states: str) -> dict[str, Any]:
    """Wait until the page says one of these."""
    async with asyncio.timeout(30):
        while True:
            headers = bearer(answer["access_token"])
            ticket = (await client.get(f"/support/ticket/{answer['reference']}", headers=headers)).json()
            if ticket["status"] in states:
                return ticket
            await asyncio.sleep(0.05)


async def test_one_key_counts_once_and_with_other_words_is_a_conflict(client: httpx.AsyncClient, desk: Desk) -> None:
    answer = await submit(client)
    await file_all(desk)
    first, again = [await say_more(client, answer, key=KEY) for _ in range(2)]
    other = await say_more(client, answer, "Something else.", key=KEY)

    assert (first.status_code, again.status_code, other.status_code) == (202, 202, 409)
    assert await count(desk.db, "select count(*) from inbound") == 2


async def test_one_key_on_two_pages_is_two_replies(client: httpx.AsyncClient, desk: Desk) -> None:
    one, other = await submit(client), await submit(client, message="Another question.")
    await file_all(desk)
    for answer in (one, other):
        assert (await say_more(client, answer, key=KEY)).status_code == 202
    await file_all(desk)

    assert await count(desk.db, "select count(*) from messages where body = %s", REPLY) == 2


async def test_without_the_secret_nothing_can_be_said(client: httpx.AsyncClient, desk: Desk) -> None:
    answer, other = await submit(client), await submit(client)
    client.cookies.clear()
    for token in ("", "wrong", other["access_token"]):
        assert (await say_more(client, answer, token=token)).status_code == 404
        page = await client.post(
            f"/support/status/{answer['reference']}", data={"message": REPLY, "token": token}, headers=BROWSER
        )
        assert page.status_code == 404

    assert await count(desk.db, "select count(*) from inbound") == 2


async def test_a_page_of_another_site_may_not_reply(client: httpx.AsyncClient, desk: Desk) -> None:
    answer = await submit(client)
    foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    for path in (f"/support/status/{answer['reference']}", f"/support/ticket/{answer['reference']}/replies"):
        response = await client.post(path, data={"message": REPLY}, headers=foreign)
        assert response.status_code == 403

    assert await count(desk.db, "select count(*) from inbound") == 1


@pytest.mark.parametrize("fields", [{}, {"message": "  "}, {"message": "a" * 10_001}, {"message": "x", "plan": "pro"}])
async def test_a_wrong_field_is_named(client: httpx.AsyncClient, desk: Desk, fields: dict[str, str]) -> None:
    answer = await submit(client)
    response = await client.post(
        f"/support/ticket/{answer['reference']}/replies", json=fields, headers=bearer(answer["access_token"])
    )

    assert response.status_code == 422
    assert response.json()["errors"][0]["mend"]
    assert await count(desk.db, "select count(*) from inbound") == 1


async def test_without_a_script_the_reply_box_leads_back_to_the_page(client: httpx.AsyncClient, desk: Desk) -> None:
    answer = await submit(client)
    await file_all(desk)
    page = await open_page(client, answer)
    address, fields = f"/support/status/{answer['reference']}", {"idempotency_key": key_in(page), "message": REPLY}
    for _ in range(2):
        response = await client.post(address, data=fields, headers=BROWSER)
        assert (response.status_code, response.headers["location"]) == (303, address)

    shown = (await client.get(address, headers=BROWSER)).text
    assert shown.count(REPLY) == 1
    assert await count(desk.db, "select count(*) from inbound") == 2


async def test_without_cookies_the_reply_box_carries_the_secret_itself(client: httpx.AsyncClient, desk: Desk) -> None:
    answer = await submit(client)
    page = await open_page(client, answer)
    client.cookies.clear()
    token = re.search(r'name="token" value="([^"]+)"', page)
    assert token is not None
    response = await client.post(
        f"/support/status/{answer['reference']}", data={"message": REPLY, "token": token[1]}, headers=BROWSER
    )

    assert response.headers["location"] == answer["status_url"]


async def test_a_refused_reply_stands_in_the_box_again(client: httpx.AsyncClient, desk: Desk) -> None:
    answer = await submit(client)
    address = f"/support/status/{answer['reference']}"
    page = await client.post(
        address,
        data={"message": REPLY, "idempotency_key": KEY},
        files=[("files", ("a.exe", b"MZ", "text/plain"))],
        headers=BROWSER,
    )

    assert page.status_code == 422
    assert "“a.exe” can't be taken" in unescape(page.text)
    assert REPLY in page.text
    assert key_in(page.text) == KEY
    assert await count(desk.db, "select count(*) from inbound") == 1


async def test_another_reply_under_an_old_key_gets_a_new_one(client: httpx.AsyncClient) -> None:
    answer = await submit(client)
    address = f"/support/status/{answer['reference']}"
    await client.post(address, data={"message": REPLY, "idempotency_key": KEY}, headers=BROWSER)
    page = await client.post(address, data={"message": "More words.", "idempotency_key": KEY}, headers=BROWSER)

    assert page.status_code == 409
    assert "You sent another message from this form before" in page.text
    assert "More words." in page.text
    assert key_in(page.text) != KEY


async def test_with_the_database_down_a_reply_is_not_half_stored(client: httpx.AsyncClient, desk: Desk) -> None:
    answer = await submit(client)
    before = await rows_of(desk.db)
    async with unreachable(desk.db):
        assert (await say_more(client, answer, key=KEY)).status_code == 503

    assert await rows_of(desk.db) == before
    assert (await say_more(client, answer, key=KEY)).status_code == 202


async def test_the_page_says_how_far_each_message_is(client: httpx.AsyncClient, desk: Desk) -> None:
    answer = await submit(client)
    await file_all(desk)
    await hand_over(desk, answer["reference"], "A colleague takes over.")
    await say_more(client, answer)

    states = re.findall(r'<p class="delivery[^"]*">([^<]+)</p>', await open_page(client, answer))
    assert states == ["Arrived", "Delivered", "Arrived"]


async def test_the_version_changes_with_what_is_shown_only(client: httpx.AsyncClient, desk: Desk) -> None:
    answer = await submit(client)
    address, headers = f"/support/ticket/{answer['reference']}", bearer(answer["access_token"])
    first, second = [(await client.get(address, headers=headers)).json()["version"] for _ in range(2)]
    await say_more(client, answer)
    third = (await client.get(address, headers=headers)).json()["version"]

    assert first == second != third


class TestAsIfByAProgram:
    async def test_a_filled_trap_keeps_the_message_aside_with_its_cause(
        self, client: httpx.AsyncClient, desk: Desk
    ) -> None:
        answer = await submit(client, website="https://spam.example")
        await file_all(desk)

        suspended = "select count(*) from inbound where outcome = 'suspended' and detail = %s"
        assert await count(desk.db, suspended, "a field that people don't see was filled in") == 1
        assert await count(desk.db, "select count(*) from tickets") == 0
        page = await open_page(client, answer)
        assert "We are checking your message" in page
        assert 'id="reply"' not in page

    async def test_a_form_sent_at_once_is_kept_aside_and_one_by_a_person_is_not(
        self, client: httpx.AsyncClient, desk: Desk
    ) -> None:
        await submit(client, filled_ms=400)
        await submit(client, filled_ms=4_000)
        await submit(client)
        await file_all(desk)

        cause = "sent 0.4 seconds after the form was opened"
        assert await count(desk.db, "select count(*) from inbound where detail = %s", cause) == 1
        assert await count(desk.db, "select count(*) from inbound where outcome = 'filed'") == 2

    async def test_a_plain_form_tells_by_the_moment_in_the_page(self, client: httpx.AsyncClient, desk: Desk) -> None:
        page = (await client.get("/support", headers=BROWSER)).text
        opened = re.search(r'name="opened_at" value="(\d+)"', page)
        assert opened is not None
        for moment in (opened[1], str(int(opened[1]) - 5_000), "nonsense"):
            response = await client.post("/support/submit", data=QUESTION | {"opened_at": moment}, headers=BROWSER)
            assert response.status_code == 303
        await file_all(desk)

        assert await count(desk.db, "select count(*) from inbound where outcome = 'suspended'") == 1

    async def test_the_same_form_sent_again_later_stays_what_it_was(
        self, client: httpx.AsyncClient, desk: Desk
    ) -> None:
        first = await submit(client, key=KEY, filled_ms=100)
        assert await submit(client, key=KEY, filled_ms=9_000) == first
        person = await submit(client, key=OTHER_KEY, filled_ms=9_000)
        assert await submit(client, key=OTHER_KEY, filled_ms=100) == person
        await file_all(desk)

        assert await count(desk.db, "select count(*) from inbound where outcome = 'suspended'") == 1

    async def test_nothing_can_be_added_until_a_person_has_let_it_through(
        self, client: httpx.AsyncClient, desk: Desk
    ) -> None:
        answer = await submit(client, website="x")
        assert (await say_more(client, answer)).status_code == 409
        await file_all(desk)
        assert (await say_more(client, answer)).json()["detail"].startswith("This message is being checked")

        async with desk.db.transaction() as tx:
            row = await (await tx.execute("select id from inbound")).fetchone()
        assert row is not None
        await release_suspended(desk, row[0])
        async with working(desk):
            await file_all_by_worker(client, answer, "in_progress", "answered", "with_a_person")
        assert (await say_more(client, answer)).status_code == 202


class TestWithBrakes:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(
            update={"form_per_address": 3, "form_per_network": 5, "form_per_email": 2, "form_replies": 2}
            | {"trusted_proxies": ("127.0.0.0/8",)}
        )

    async def post(self, client: httpx.AsyncClient, address: str, email: str) -> httpx.Response:
        headers = {"X-Forwarded-For": address}
        return await client.post("/support/submit", json=QUESTION | {"email": email}, headers=headers)

    async def test_one_address_gets_no_further_than_its_allowance(self, client: httpx.AsyncClient, desk: Desk) -> None:
        sent = [await self.post(client, "192.0.2.1", f"dana{number}@example.com") for number in range(5)]

        assert [response.status_code for response in sent] == [202, 202, 202, 429, 429]
        assert 1000 < int(sent[-1].headers["retry-after"]) <= 1200
        assert sent[-1].json()["code"] == "too_many_requests"
        assert "20 minutes" in sent[-1].json()["detail"]
        assert (await self.post(client, "198.51.100.1", "other@example.com")).status_code == 202
        assert await count(desk.db, "select count(*) from inbound") == 4

    async def test_many_addresses_of_one_network_share_an_allowance(self, client: httpx.AsyncClient) -> None:
        sent = [await self.post(client, f"192.0.2.{number}", f"dana{number}@example.com") for number in range(7)]

        assert [response.status_code for response in sent] == [202] * 5 + [429] * 2

    async def test_many_addresses_in_the_name_of_one_victim_are_stopped(
        self, client: httpx.AsyncClient, desk: Desk
    ) -> None:
        sent = [await self.post(client, f"192.0.{number}.1", "Victim@Example.com ") for number in range(6)]

        assert [response.status_code for response in sent] == [202, 202, 429, 429, 429, 429]
        assert await count(desk.db, "select count(*) from inbound") == 2

    async def test_a_plain_form_keeps_what_was_typed_and_says_when(self, client: httpx.AsyncClient) -> None:
        fields = QUESTION | {"idempotency_key": KEY}
        for _ in range(2):
            await client.post("/support/submit", data=QUESTION, headers=BROWSER)
        page = await client.post("/support/submit", data=fields, headers=BROWSER)

        assert page.status_code == 429
        assert int(page.headers["retry-after"]) > 0
        assert "Too many messages in a short time" in page.text
        assert "30 minutes" in page.text
        assert QUESTION["message"] in page.text
        assert key_in(page.text) == KEY

    async def test_a_status_page_takes_replies_up_to_its_allowance_and_strangers_use_up_none(
        self, client: httpx.AsyncClient
    ) -> None:
        answer = await submit(client)
        client.cookies.clear()
        for _ in range(5):
            assert (await say_more(client, answer, token="wrong")).status_code == 404
            await client.post(f"/support/status/{answer['reference']}", data={"message": "x"}, headers=BROWSER)
        replies = [await say_more(client, answer, f"Reply {number}") for number in range(3)]

        assert [response.status_code for response in replies] == [202, 202, 429]
