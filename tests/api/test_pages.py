"""The customers' pages without any script: the form, its refusals, the status page and who may open it."""

from __future__ import annotations

import re
from html import unescape

import httpx
import pytest

from deskhand.desk import Desk
from tests.api.asking import QUESTION, count, file_all, hand_over, speak, submit, unreachable

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Sec-Fetch-Site": "same-origin"}


async def open_form(client: httpx.AsyncClient) -> str:
    """The hidden key of a fresh form."""
    response = await client.get("/support", headers=BROWSER)
    assert response.status_code == 200
    return key_in(response.text)


def key_in(page: str) -> str:
    found = re.search(r'name="idempotency_key" value="([^"]+)"', page)
    assert found is not None
    return found[1]


async def post(client: httpx.AsyncClient, key: str, **fields: str) -> httpx.Response:
    return await client.post("/support/submit", data=QUESTION | {"idempotency_key": key} | fields, headers=BROWSER)


async def test_a_plain_form_leads_to_its_status_page(client: httpx.AsyncClient) -> None:
    response = await post(client, await open_form(client))

    assert response.status_code == 303
    assert re.fullmatch(r"/support/status/TF-\d{8}-[0-9A-Z]{4}", response.headers["location"])
    page = await client.get(response.headers["location"], headers=BROWSER)
    assert page.status_code == 200
    assert QUESTION["message"] in page.text
    assert "Your message has arrived" in page.text


async def test_the_token_stands_in_no_address_and_its_cookie_goes_to_one_page_only(client: httpx.AsyncClient) -> None:
    response = await post(client, await open_form(client))

    assert "token" not in response.headers["location"]
    cookie = response.headers["set-cookie"]
    assert f"Path={response.headers['location']}" in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie


async def test_a_double_click_posts_once(client: httpx.AsyncClient, desk: Desk) -> None:
    key = await open_form(client)
    first, second = await post(client, key), await post(client, key)

    assert first.headers["location"] == second.headers["location"]
    assert await count(desk.db, "select count(*) from inbound") == 1


async def test_each_form_has_a_key_of_its_own(client: httpx.AsyncClient) -> None:
    assert await open_form(client) != await open_form(client)


async def test_a_wrong_field_shows_the_form_again_with_everything_typed(client: httpx.AsyncClient, desk: Desk) -> None:
    key = await open_form(client)
    response = await post(client, key, email="dana", message='It says "<b>no</b>"')

    assert response.status_code == 422
    assert "<title>Error: " in response.text
    assert 'id="email-error"' in response.text
    assert 'aria-describedby="email-error" aria-invalid="true"' in response.text
    assert '<a href="#email">' in response.text
    assert 'It says "<b>no</b>"' in unescape(response.text)
    assert "<b>no</b>" not in response.text
    assert key_in(response.text) == key
    assert await count(desk.db, "select count(*) from inbound") == 0


async def test_an_empty_form_names_what_is_missing(client: httpx.AsyncClient) -> None:
    response = await post(client, await open_form(client), name="", email="", subject="", message=" ")

    assert "Email is missing." in response.text
    assert "Message is missing." in response.text


async def test_with_the_database_down_the_form_keeps_the_text_and_its_key(
    client: httpx.AsyncClient, desk: Desk
) -> None:
    key = await open_form(client)
    async with unreachable(desk.db):
        response = await post(client, key)

    assert response.status_code == 503
    assert int(response.headers["retry-after"]) > 0
    assert QUESTION["message"] in response.text
    assert "your text is still here" in response.text
    assert key_in(response.text) == key
    assert (await post(client, key)).status_code == 303
    assert await count(desk.db, "select count(*) from inbound") == 1


async def test_a_second_message_from_an_old_form_gets_a_new_key(client: httpx.AsyncClient) -> None:
    key = await open_form(client)
    await post(client, key)
    response = await post(client, key, message="A second message, typed after going back.")

    assert response.status_code == 409
    assert "A second message, typed after going back." in response.text
    assert key_in(response.text) != key
    assert (await post(client, key_in(response.text))).status_code == 303


async def test_a_form_posted_by_a_program_that_wants_json_gets_json(client: httpx.AsyncClient) -> None:
    response = await client.post("/support/submit", data=QUESTION, headers={"Accept": "application/json"})

    assert response.status_code == 202
    assert response.json()["reference"]


async def test_a_plan_in_the_plain_form_is_refused(client: httpx.AsyncClient, desk: Desk) -> None:
    response = await post(client, await open_form(client), plan="enterprise")

    assert response.status_code == 422
    assert "Plan is not a field that is known here." in response.text
    assert await count(desk.db, "select count(*) from inbound") == 0


@pytest.mark.parametrize("body", [b"email=%ff", b"a=1&" * 200, b"email=a&email=b"])
async def test_a_form_that_no_browser_sends_is_refused(client: httpx.AsyncClient, body: bytes) -> None:
    headers = BROWSER | {"Content-Type": "application/x-www-form-urlencoded"}
    response = await client.post("/support/submit", content=body, headers=headers)

    assert response.status_code in (400, 422)


async def test_a_reference_alone_opens_no_page(client: httpx.AsyncClient) -> None:
    answer = await submit(client)
    client.cookies.clear()

    for query in ("", "?token=wrong"):
        response = await client.get(f"/support/status/{answer['reference']}{query}", headers=BROWSER)
        assert response.status_code == 404
        assert response.headers["content-type"].startswith("text/html")
        assert QUESTION["message"] not in response.text


async def test_the_private_link_opens_the_page_and_leaves_the_cookie(client: httpx.AsyncClient) -> None:
    answer = await submit(client)
    client.cookies.clear()

    by_link = await client.get(answer["status_url"], headers=BROWSER)
    by_cookie = await client.get(f"/support/status/{answer['reference']}", headers=BROWSER)
    assert by_link.status_code == by_cookie.status_code == 200
    for response in (by_link, by_cookie):
        assert response.headers["referrer-policy"] == "no-referrer"
        assert response.headers["cache-control"] == "no-store"


async def test_the_status_page_shows_steps_and_allowed_links_only(client: httpx.AsyncClient, desk: Desk) -> None:
    answer = await submit(client)
    await file_all(desk)
    await speak(
        desk,
        answer["reference"],
        "Hi Dana,\n\n1. Open Settings.\n2. Choose Security.\n\nMore on this:\n"
        "- Two-factor authentication: https://help.taskflow.io/2fa\n\n"
        "Not https://evil.example/x nor javascript:alert(1)",
    )

    page = (await client.get(answer["status_url"], headers=BROWSER)).text
    assert '<ol class="steps" start="1">' in page
    assert "<li>Open Settings.</li>" in page
    assert '<a href="https://help.taskflow.io/2fa" rel="noopener noreferrer">Two-factor authentication</a>' in page
    assert 'href="https://evil.example' not in page
    assert "https://evil.example/x" in page
    assert 'href="javascript' not in page


async def test_markup_in_any_text_is_shown_as_text(client: httpx.AsyncClient, desk: Desk) -> None:
    attack = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
    answer = await submit(client, name=attack, subject=attack, message=attack)
    await file_all(desk)
    await speak(desk, answer["reference"], attack)

    page = (await client.get(answer["status_url"], headers=BROWSER)).text
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert page.count(attack) == 0
    assert unescape(page).count(attack) >= 3


async def test_a_handover_says_when_to_expect_a_person(client: httpx.AsyncClient, desk: Desk) -> None:
    answer = await submit(client)
    await file_all(desk)
    await hand_over(desk, answer["reference"], "This needs a person.")

    page = unescape((await client.get(answer["status_url"], headers=BROWSER)).text)
    assert "A person takes over" in page
    assert "You'll hear from us within 24 hours." in page


async def test_with_the_database_down_the_status_page_says_try_again(client: httpx.AsyncClient, desk: Desk) -> None:
    answer = await submit(client)
    async with unreachable(desk.db):
        response = await client.get(answer["status_url"], headers=BROWSER)

    assert response.status_code == 503
    assert response.headers["content-type"].startswith("text/html")
    assert "It is safe with us." in response.text


async def test_pages_carry_the_companys_name(client: httpx.AsyncClient, desk: Desk) -> None:
    page = (await client.get("/support", headers=BROWSER)).text

    for words in (desk.company.profile.company, desk.company.profile.product, desk.company.profile.team):
        assert words in page


async def test_pages_hold_no_inline_script_or_style(client: httpx.AsyncClient) -> None:
    answer = await submit(client)
    for path in ("/support", answer["status_url"], "/support/status/TF-20261122-0000"):
        page = (await client.get(path, headers=BROWSER)).text
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", page), path
